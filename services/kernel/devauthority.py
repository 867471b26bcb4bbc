"""The development authority: certificates and officers' tokens for machines that have no real ones. Refuses production."""

import ipaddress
import json
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.kernel.clock import Clock
from services.kernel.identity import AUDIENCE, thumbprint

ISSUER = "https://development.guanhu.invalid"
CERTIFICATE_VALID = timedelta(hours=72)
AUTHORITY_VALID = timedelta(days=365)
TOKEN_VALID = timedelta(minutes=10)
BACKDATED = timedelta(minutes=5)
# The operator keeps the directory and runs operations; like a service it has a certificate and no officers.
OPERATOR = "operator"
_KEY_ID = "development"


class NotInProduction(Exception):
    """Development identities were asked for in production."""


class DevAuthority:
    """A certificate authority and token issuer in one folder."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, clock: Clock) -> None:
        if os.environ.get("GUANHU_ENVIRONMENT") == "production":
            raise NotInProduction("the development authority refuses to run in production")
        self._key = key
        self._certificate = certificate
        self._clock = clock

    @classmethod
    def create_or_load(cls, folder: Path, clock: Clock) -> "DevAuthority":
        """Opens the authority of a folder, and makes it on first use."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_file, certificate_file = folder / "authority.key", folder / "authority.pem"
        if not (key_file.exists() and certificate_file.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = _authority_certificate(key, clock)
            _write(key_file, _key_pem(key))
            _write(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
        loaded = serialization.load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        return cls(loaded, x509.load_pem_x509_certificate(certificate_file.read_bytes()), clock)

    @property
    def ca_pem(self) -> bytes:
        """The authority's certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def agency_credentials(self, uscc: str) -> tuple[bytes, bytes]:
        """Key and certificate of an agency, PEM."""
        return self._issue(f"spiffe://guanhu/agency/{uscc}", server=False)

    def service_credentials(self, name: str) -> tuple[bytes, bytes]:
        """Key and certificate of a service as a client, PEM."""
        return self._issue(f"spiffe://guanhu/service/{name}", server=False)

    def server_credentials(self) -> tuple[bytes, bytes]:
        """Key and certificate of the server on this machine, PEM."""
        return self._issue("spiffe://guanhu/service/server", server=True)

    def token(self, uscc: str, officer: str, role: str, certificate_pem: bytes, **changes: Any) -> str:
        """A token for an officer, bound to the agency's certificate; `changes` replace claims, for tests."""
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": officer,
            "agency": uscc,
            "role": role,
            "iat": now,
            "exp": now + int(TOKEN_VALID.total_seconds()),
            "cnf": {"x5t#S256": thumbprint(certificate_pem)},
        }
        return jwt.encode({**claims, **changes}, self._key, algorithm="ES256", headers={"kid": _KEY_ID})

    def jwks(self) -> dict[str, Any]:
        """The issuer with its public keys, as the Authenticator takes them."""
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key()))
        return {ISSUER: {"keys": [{**public, "kid": _KEY_ID, "alg": "ES256", "use": "sig"}]}}

    def _issue(self, uri: str, *, server: bool) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        now = self._clock.now()
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        if server:
            usage = ExtendedKeyUsageOID.SERVER_AUTH
            names += [x509.DNSName("localhost")]
            names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "guanhu development")]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + CERTIFICATE_VALID)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return _key_pem(key), certificate.public_bytes(serialization.Encoding.PEM)


def write_identity(authority: DevAuthority, uscc: str, officer: Sequence[str], folder: Path) -> list[Path]:
    """Writes ca.pem, agency.pem, agency.key and, where `officer` is an id and a role, the officer's token.

    For OPERATOR the pair is operator.pem and operator.key. Returns the files, which only their owner can read.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    operator = uscc == OPERATOR
    key, certificate = authority.service_credentials(OPERATOR) if operator else authority.agency_credentials(uscc)
    name = OPERATOR if operator else "agency"
    contents = {"ca.pem": authority.ca_pem, f"{name}.pem": certificate, f"{name}.key": key}
    if officer:
        officer_id, role = officer
        contents["token"] = authority.token(uscc, officer_id, role, certificate).encode()
    for file, content in contents.items():
        _write(folder / file, content)
    return [folder / name for name in contents]


def _authority_certificate(key: ec.EllipticCurvePrivateKey, clock: Clock) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "guanhu development authority")])
    now = clock.now()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + AUTHORITY_VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
