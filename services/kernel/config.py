"""Settings, read from the environment once at the start; every problem is reported at once."""

import ipaddress
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

PORT_MAX = 65_535
# Loopback, link-local and unspecified addresses: what a machine calls itself by.
_OWN_NETWORKS = tuple(
    ipaddress.ip_network(text) for text in ("127.0.0.0/8", "0.0.0.0/8", "169.254.0.0/16", "::1/128", "::/128", "fe80::/10")
)


class BadSettings(Exception):
    """Settings can't be used; the message names each with its problem."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one process. `docs/operations.md` describes each.

    `migrate`: "at-start" brings the schemas up to date when the process starts; "never" leaves that to
    `python -m services migrate`, so that the process needs no right to change them, and refuses to start on older ones.
    `health_listen`: address that answers health checks without TLS, for probes that know none; no other call is served there.
    """

    environment: str = "development"
    listen: str = "127.0.0.1:7443"
    health_listen: str = ""
    database_url: str = ""
    migrate: str = "at-start"
    state_folder: Path = Path("var")
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    token_jwks: str = ""
    kek_file: str = ""
    report_fonts: str = ""
    intake_address: str = ""
    social_investigation_address: str = ""
    appropriate_adult_address: str = ""
    audit_address: str = ""
    notify_address: str = ""
    notify_networks: str = ""
    notify_ca: str = ""
    smtp_host: str = ""
    smtp_port: str = "587"
    smtp_security: str = "starttls"
    smtp_sender: str = ""
    smtp_user: str = ""
    smtp_password_file: str = ""
    sms_folder: str = ""
    log_level: str = "INFO"
    otlp_endpoint: str = ""
    trace_share: str = "1"

    @property
    def production(self) -> bool:
        """Production refuses the development authority and development keys."""
        return self.environment == "production"

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, root: bool = False, folder: Path | None = None) -> "Config":
        """Reads `GUANHU_*`.

        Raises:
            BadSettings: with one line for each problem.
        """
        here = folder or Path.cwd()
        values: dict[str, str] = {
            name: environ[f"GUANHU_{name.upper()}"]
            for name in cls.__dataclass_fields__
            if environ.get(f"GUANHU_{name.upper()}")
        }
        state = values.pop("state_folder", "")
        config = cls(**values, state_folder=Path(state) if state else default_state_folder(here, root=root))
        problems = list(_problems(config))
        if problems:
            raise BadSettings("\n".join(problems))
        return config


def default_state_folder(here: Path, *, root: bool) -> Path:
    """Where state is kept when nothing is set.

    As root it is below the system's temporary folder: the embedded PostgreSQL opens the folders above its data to its own
    user, which must never happen to a private home.
    """
    if root:
        return Path(tempfile.gettempdir()) / f"guanhu-{sha256(str(here).encode()).hexdigest()[:12]}"
    return here / "var"


def _problems(config: Config) -> list[str]:
    problems = []
    if config.environment not in {"development", "production"}:
        problems.append("GUANHU_ENVIRONMENT is development or production")
    if config.migrate not in {"at-start", "never"}:
        problems.append("GUANHU_MIGRATE is at-start or never")
    if config.log_level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        problems.append("GUANHU_LOG_LEVEL is DEBUG, INFO, WARNING or ERROR")
    port = config.listen.rpartition(":")[2]
    if not (port.isdigit() and int(port) <= PORT_MAX):
        problems.append("GUANHU_LISTEN is an address and a port, such as 127.0.0.1:7443")
    if not re.fullmatch(r"0(\.\d+)?|1(\.0+)?", config.trace_share):
        problems.append("GUANHU_TRACE_SHARE is a number from 0 to 1")
    problems += _network_problems(config)
    if config.smtp_host and not (config.smtp_sender and config.smtp_port.isascii() and config.smtp_port.isdigit()):
        problems.append("GUANHU_SMTP_HOST needs GUANHU_SMTP_SENDER and a number as GUANHU_SMTP_PORT")
    if config.smtp_security not in {"starttls", "tls"}:
        problems.append("GUANHU_SMTP_SECURITY is starttls or tls: mail never leaves in clear")
    if config.production:
        needed = ("database_url", "tls_certificate", "tls_key", "tls_client_ca", "token_jwks", "kek_file")
        problems += [f"GUANHU_{name.upper()} is needed in production" for name in needed if not getattr(config, name)]
    return problems


def _network_problems(config: Config) -> Iterator[str]:
    for part in filter(None, map(str.strip, config.notify_networks.split(","))):
        try:
            network = ipaddress.ip_network(part)
        except ValueError:
            yield f"GUANHU_NOTIFY_NETWORKS: {part} is no network"
            continue
        own = any(network.overlaps(one) for one in _OWN_NETWORKS if one.version == network.version)
        if config.production and own:
            yield f"GUANHU_NOTIFY_NETWORKS: {part} holds addresses of the machine itself; production never sends there"
