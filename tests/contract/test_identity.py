"""Who calls: the certificate's one URI, the token bound to it, and nothing else."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

from services.kernel.devauthority import DevAuthority, NotInProduction
from services.kernel.errors import Unauthenticated
from services.kernel.identity import Authenticator

USCC = "111000000000000002"


class FixedClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def authority(tmp_path: Path) -> DevAuthority:
    return DevAuthority.create_or_load(tmp_path / "authority", FixedClock())


@pytest.fixture
def authenticator(authority: DevAuthority) -> Authenticator:
    return Authenticator(authority.jwks(), FixedClock())


def test_an_officers_token_names_agency_officer_and_role(authority: DevAuthority, authenticator: Authenticator) -> None:
    _, certificate = authority.agency_credentials(USCC)
    token = authority.token(USCC, "officer-1", "CASE_PROCURATOR", certificate)
    found = authenticator.identify(certificate, f"Bearer {token}")
    assert (found.kind, found.agency, found.officer, found.role) == ("agency", USCC, "officer-1", "CASE_PROCURATOR")
    assert found.caller == f"{USCC}/officer-1"


def test_a_system_without_token_is_its_agency_and_a_service_is_itself(
    authority: DevAuthority, authenticator: Authenticator
) -> None:
    _, agency = authority.agency_credentials(USCC)
    _, service = authority.service_credentials("audit")
    assert authenticator.identify(agency, "").role == ""
    assert authenticator.identify(service, "").agency == "guanhu:audit"
    assert authenticator.identify(service, "").role == "SYSTEM"


NOW = int(FixedClock().at.timestamp())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"agency": "911000000000000009"}, "TOKEN_NOT_BOUND"),
        ({"cnf": {"x5t#S256": "other"}}, "TOKEN_NOT_BOUND"),
        ({"cnf": "text"}, "TOKEN_INVALID"),
        ({"aud": "other"}, "TOKEN_INVALID"),
        ({"iss": "https://elsewhere.invalid"}, "TOKEN_INVALID"),
        ({"iat": NOW - 700, "exp": NOW - 31}, "TOKEN_EXPIRED"),
        ({"exp": NOW + 3600}, "TOKEN_INVALID"),
        ({"iat": NOW + 60}, "TOKEN_INVALID"),
        ({"exp": "soon"}, "TOKEN_INVALID"),
    ],
)
def test_a_token_that_is_not_right_in_every_claim_is_refused(
    authority: DevAuthority, authenticator: Authenticator, changes: dict[str, object], reason: str
) -> None:
    _, certificate = authority.agency_credentials(USCC)
    token = authority.token(USCC, "officer-1", "CASE_PROCURATOR", certificate, **changes)
    with pytest.raises(Unauthenticated) as refused:
        authenticator.identify(certificate, f"Bearer {token}")
    assert refused.value.reason == reason


def test_an_unsigned_token_and_one_signed_with_a_public_key_as_secret_are_refused(
    authority: DevAuthority, authenticator: Authenticator
) -> None:
    _, certificate = authority.agency_credentials(USCC)
    token = authority.token(USCC, "officer-1", "CASE_PROCURATOR", certificate)
    claims = jwt.decode(token, options={"verify_signature": False})
    headers = {"kid": jwt.get_unverified_header(token)["kid"]}
    secret = base64.b64encode(json.dumps(authority.jwks(), default=str).encode()).decode()
    for forged in (
        jwt.encode(claims, "", algorithm="none", headers=headers),
        jwt.encode(claims, secret, algorithm="HS256", headers=headers),
    ):
        with pytest.raises(Unauthenticated) as refused:
            authenticator.identify(certificate, f"Bearer {forged}")
        assert refused.value.reason == "TOKEN_INVALID"


def test_a_certificate_of_no_known_kind_is_refused(authenticator: Authenticator) -> None:
    for certificate in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(Unauthenticated) as refused:
            authenticator.identify(certificate, "")
        assert refused.value.reason == "CERTIFICATE_UNKNOWN"


def test_the_development_authority_refuses_production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GUANHU_ENVIRONMENT", "production")
    with pytest.raises(NotInProduction):
        DevAuthority.create_or_load(tmp_path / "authority", FixedClock())
