"""Who calls: agencies and services by certificate, officers by a short-lived token bound to it."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services.kernel.clock import Clock
from services.kernel.errors import Unauthenticated

AUDIENCE = "guanhu"
LEEWAY_S = 30
LIFETIME_MAX_S = 15 * 60
# Certificates and tokens whose reading is remembered: those of the callers of one process in a quarter of an hour.
REMEMBERED_MAX = 4_096
_AGENCY = "spiffe://guanhu/agency/"
_SERVICE = "spiffe://guanhu/service/"
_CLAIMS = ["iss", "aud", "sub", "agency", "role", "iat", "exp", "cnf"]


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: an agency with or without an officer, or a service of the house."""

    kind: str
    agency: str
    officer: str = ""
    role: str = ""

    @property
    def caller(self) -> str:
        """What request ids are unique within."""
        return f"{self.agency}/{self.officer}" if self.officer else self.agency


class Authenticator:
    """Reads the principal from the certificate and the token of a call; `jwks` maps issuer to its JSON Web Key Set."""

    def __init__(self, jwks: Mapping[str, Mapping[str, Any]], clock: Clock) -> None:
        self._keys = {
            (issuer, str(key["kid"])): jwt.PyJWK(dict(key), algorithm="ES256").key
            for issuer, keys in jwks.items()
            for key in keys["keys"]
        }
        self._clock = clock
        # What a token says does not change; whether it still holds is asked at every call.
        self._verified = lru_cache(REMEMBERED_MAX)(self._verify)

    def authenticate(self, context: grpc.ServicerContext) -> Principal:
        """The caller of a gRPC call.

        Raises:
            Unauthenticated: CERTIFICATE_UNKNOWN, TOKEN_INVALID, TOKEN_EXPIRED or TOKEN_NOT_BOUND.
        """
        auth: Any = context.auth_context()
        certificate = (auth.get("x509_pem_cert") or [b""])[0]
        metadata = dict(context.invocation_metadata() or ())
        return self.identify(certificate, str(metadata.get("authorization", "")))

    def identify(self, certificate_pem: bytes, authorization: str) -> Principal:
        """The caller by certificate and `authorization` metadata."""
        kind, name = _spiffe(certificate_pem)
        if kind == "service":
            if authorization:
                raise _refused("TOKEN_INVALID")
            return Principal("service", f"guanhu:{name}", "", "SYSTEM")
        if not authorization:
            return Principal("agency", name)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise _refused("TOKEN_INVALID")
        claims = self._claims(token)
        if claims["cnf"].get("x5t#S256") != thumbprint(certificate_pem) or claims["agency"] != name:
            raise _refused("TOKEN_NOT_BOUND")
        return Principal("agency", name, str(claims["sub"]), str(claims["role"]))

    def _claims(self, token: str) -> Mapping[str, Any]:
        claims = self._verified(token)
        now = self._clock.now().timestamp()
        issued, expires = claims["iat"], claims["exp"]
        if expires - issued > LIFETIME_MAX_S or issued > now + LEEWAY_S:
            raise _refused("TOKEN_INVALID")
        if expires < now - LEEWAY_S:
            raise _refused("TOKEN_EXPIRED")
        return claims

    def _verify(self, token: str) -> Mapping[str, Any]:
        try:
            head = jwt.get_unverified_header(token)
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
            key = self._keys.get((issuer, str(head.get("kid", ""))))
            if key is None:
                raise _refused("TOKEN_INVALID")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["ES256"],
                audience=AUDIENCE,
                issuer=issuer,
                # The clock is ours, so that tests and the whole system share one: times are checked at every call.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            raise _refused("TOKEN_INVALID") from None
        times = (claims["iat"], claims["exp"])
        if not isinstance(claims["cnf"], dict) or not all(isinstance(instant, int | float) for instant in times):
            raise _refused("TOKEN_INVALID")
        return claims


@lru_cache(REMEMBERED_MAX)
def thumbprint(certificate_pem: bytes) -> str:
    """The certificate's `x5t#S256` (RFC 8705)."""
    der = x509.load_pem_x509_certificate(certificate_pem).public_bytes(Encoding.DER)
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


@lru_cache(REMEMBERED_MAX)
def _spiffe(certificate_pem: bytes) -> tuple[str, str]:
    """The kind and name in the one URI of the certificate; the common name is never looked at."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (ValueError, x509.ExtensionNotFound):
        raise _refused("CERTIFICATE_UNKNOWN") from None
    if len(uris) == 1 and uris[0].startswith(_AGENCY) and len(uris[0]) > len(_AGENCY):
        return "agency", uris[0].removeprefix(_AGENCY)
    if len(uris) == 1 and uris[0].startswith(_SERVICE) and len(uris[0]) > len(_SERVICE):
        return "service", uris[0].removeprefix(_SERVICE)
    raise _refused("CERTIFICATE_UNKNOWN")


def _refused(reason: str) -> Unauthenticated:
    return Unauthenticated(reason, "the caller could not be identified")
