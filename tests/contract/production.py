"""A production site on this machine: certificates, keys and login roles as a deployment has them, each service alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from psycopg import sql
from psycopg.conninfo import make_conninfo

from services.builders import BUILDERS
from services.demo.client import Client
from services.demo.process import ServiceProcess, free_address
from services.kernel import resources
from services.kernel.clock import SystemClock
from services.kernel.devauthority import DevAuthority
from services.kernel.grants import ROLE
from services.kernel.host import own_migrations
from services.kernel.vault import FileKekProvider
from tests.contract.journal_server import running_server

OWNER = "guanhu_owner"
DATABASE = "guanhu"
CERTIFICATE_VALID = timedelta(hours=1)


@dataclass
class Site:
    """The files and the database of a site; `owner_url` logs in as the role that migrates."""

    folder: Path
    authority: DevAuthority
    owner_url: str

    def url(self, service: str) -> str:
        """The database, as the login role of a service."""
        return make_conninfo(self.owner_url, user=ROLE.format(service=service))

    def migrate(self) -> None:
        """What `python -m services migrate` does."""
        resources.migrate_all(self.owner_url, {name: own_migrations(name) for name in BUILDERS})

    def process(self, service: str, address: str = "", **settings: str) -> ServiceProcess:
        """A service that runs alone with production settings; `settings` come on top."""
        key, certificate = self._service_certificate(service)
        production = {
            "GUANHU_ENVIRONMENT": "production",
            "GUANHU_MIGRATE": "never",
            "GUANHU_TLS_KEY": str(key),
            "GUANHU_TLS_CERTIFICATE": str(certificate),
            "GUANHU_TLS_CLIENT_CA": str(self.folder / "ca.pem"),
            "GUANHU_TOKEN_JWKS": str(self.folder / "jwks.json"),
            "GUANHU_KEK_FILE": str(self.folder / "kek.json"),
        }
        state = self.folder / service
        return ServiceProcess(self.url(service), state, address, (f"services.{service}",), {**production, **settings})

    def processes(self) -> dict[str, ServiceProcess]:
        """Every service, each told where all are."""
        where = {name: free_address() for name in BUILDERS}
        told = {f"GUANHU_{name.upper()}_ADDRESS": address for name, address in where.items()}
        return {name: self.process(name, address, **told) for name, address in where.items()}

    def client(self, process: ServiceProcess) -> Client:
        """A client of one service, with identities of the site's authority."""
        return Client(process.address, self.authority)

    def _service_certificate(self, service: str) -> tuple[Path, Path]:
        # A process serves and calls with one certificate, so it is good for both: what cert-manager is asked for.
        authority_key = serialization.load_pem_private_key((self.folder / "authority" / "authority.key").read_bytes(), None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        issuer = x509.load_pem_x509_certificate(self.authority.ca_pem)
        key, now = ec.generate_private_key(ec.SECP256R1()), SystemClock().now()
        names: list[x509.GeneralName] = [
            x509.UniformResourceIdentifier(f"spiffe://guanhu/service/{service}"),
            x509.DNSName("localhost"),
            x509.IPAddress(ip_address("127.0.0.1")),
        ]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + CERTIFICATE_VALID)
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        files = self.folder / f"{service}.key", self.folder / f"{service}.pem"
        private = serialization.PrivateFormat.PKCS8
        files[0].write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
        files[1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return files


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A site with a server of its own, whose roles are those of a deployment; nothing is migrated yet."""
    authority = DevAuthority.create_or_load(folder / "authority", SystemClock())
    (folder / "ca.pem").write_bytes(authority.ca_pem)
    (folder / "jwks.json").write_text(json.dumps(authority.jwks()), encoding="utf-8")
    FileKekProvider.create(folder / "kek.json")
    with running_server() as server:
        with psycopg.connect(server.url, autocommit=True) as conn:
            for role in (OWNER, *(ROLE.format(service=name) for name in BUILDERS)):
                conn.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
            conn.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))
        yield Site(folder, authority, make_conninfo(server.url, dbname=DATABASE, user=OWNER))
