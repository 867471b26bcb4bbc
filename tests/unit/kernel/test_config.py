"""Settings from the environment: what cannot be used is refused at the start, every problem at once."""

from pathlib import Path

import pytest

from services.kernel.config import BadSettings, Config

NEEDED = {
    f"GUANHU_{name}": "set"
    for name in ("DATABASE_URL", "TLS_CERTIFICATE", "TLS_KEY", "TLS_CLIENT_CA", "TOKEN_JWKS", "KEK_FILE")
}
PRODUCTION = {"GUANHU_ENVIRONMENT": "production", **NEEDED}


def problems(**settings: str) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        Config.from_env({f"GUANHU_{name}": value for name, value in settings.items()})
    return str(refused.value).splitlines()


@pytest.mark.parametrize("network", ["127.0.0.0/8", "0.0.0.0/0", "169.254.169.254/32", "::1/128", "fe80::/10", "::/0"])
def test_production_never_sends_to_the_machine_itself(network: str) -> None:
    with pytest.raises(BadSettings, match="production never sends there"):
        Config.from_env({**PRODUCTION, "GUANHU_NOTIFY_NETWORKS": f"10.0.0.0/8, {network}"})
    assert Config.from_env({"GUANHU_NOTIFY_NETWORKS": network}).notify_networks == network


def test_production_sends_to_the_governments_own_network_where_it_is_named() -> None:
    assert Config.from_env({**PRODUCTION, "GUANHU_NOTIFY_NETWORKS": "10.20.0.0/16,fd12::/32"}).production


def test_a_network_that_is_none_and_mail_without_a_sender_or_in_clear_are_named_together() -> None:
    found = problems(NOTIFY_NETWORKS="ten", SMTP_HOST="relay.example", SMTP_SECURITY="none")
    assert len(found) == 3
    assert problems(SMTP_HOST="relay.example", SMTP_SENDER="a@b.example", SMTP_PORT="mail")


def test_every_setting_that_cannot_be_used_is_named_at_once(tmp_path: Path) -> None:
    environ = {"GUANHU_ENVIRONMENT": "staging", "GUANHU_MIGRATE": "sometimes", "GUANHU_LOG_LEVEL": "LOUD"}
    with pytest.raises(BadSettings) as refused:
        Config.from_env(environ, folder=tmp_path)
    assert [line.split()[0] for line in str(refused.value).splitlines()] == [
        "GUANHU_ENVIRONMENT",
        "GUANHU_MIGRATE",
        "GUANHU_LOG_LEVEL",
    ]


def test_schemas_are_migrated_at_the_start_unless_the_setting_says_never(tmp_path: Path) -> None:
    assert Config.from_env({}, folder=tmp_path).migrate == "at-start"
    assert Config.from_env({"GUANHU_MIGRATE": "never"}, folder=tmp_path).migrate == "never"
