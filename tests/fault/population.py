"""Who calls in an attack, and requests that speak of what the played cases left behind."""

import base64
import itertools
from collections.abc import Sequence
from typing import Any

import grpc

from guanhu.options.v1 import options_pb2
from services.builders import BUILDERS
from services.demo.casefile import CaseFile
from services.demo.client import Client
from services.kernel.devauthority import DevAuthority
from tests.fault.attack import NAME_MARK, NUMBER_MARK, Identity
from tests.fault.wire import Requests

# Any will do; the same one makes the same attack again.
SEED = 20260309
# Tokens of pages: none of ours, and ours with what a client may have put into them.
PAGE_TOKENS = (
    "",
    "1",
    "好",
    *(
        base64.urlsafe_b64encode(token).decode()
        for token in (
            b"2026-01-01T00:00:00|\0",
            b"2026-01-01|",
            b"0001-01-01T00:00:00+23:59|x",
            b"9999-12-31T23:59:59-23:59|x",
            b"\xff|",
        )
    ),
)
_NOBODY = ("-", "-", "-")
NUMBERS = {"wait_ms": (0, 1), "page_size": (0, 1, 200), "age_years": (8, 15), "year": (2021,)}


def requests_of(ids: Sequence[str], cases: Sequence[CaseFile]) -> Requests:
    """Requests that speak of what there is: `ids` are those of cases, persons, referrals and investigations."""
    codes = [agency.uscc for case in cases for agency in case.agencies.values()]
    officers = [officer for case in cases for officer in case.officers]
    fresh = itertools.count(1)
    values = {
        "on_behalf_of": ["", "", codes[0]],
        "stream": [f"case-{ids[0]}", f"investigation-{ids[-1]}", "案件-一"],
        "origin": ["intake", "social_investigation", "案"],
        "service": list(BUILDERS),
        "view": ["directory", "agencies"],
        "follower": ["policy:opening", "evidence:intake", "nobody"],
        "page_token": PAGE_TOKENS,
        **dict.fromkeys(("provider", "proposed_provider"), codes),
        **dict.fromkeys(("officer", "supervisor", "signed_by", "interviewers"), officers),
    }

    def text(field: Any) -> str:
        name = field.name
        if field.GetOptions().Extensions[options_pb2.personal]:
            return NUMBER_MARK + "X" if name.endswith("number") else f"{NAME_MARK}{name}"
        if name == "request_id":
            return f"00000000-0000-4000-8000-{next(fresh):012x}"
        if name.endswith(("_id", "_ids")) or name == "duplicate_of":
            return str(requests.pick([*ids, *_new_ids(next(fresh))]))
        if name.endswith("uscc"):
            return str(requests.pick(codes))
        return str(requests.pick(values.get(name, ["文书〔2021〕1号", "0", "CPL Art. 279"])))

    requests = Requests(SEED, text, NUMBERS)
    return requests


def identities(address: str, authority: DevAuthority, client: Client, cases: Sequence[CaseFile]) -> list[Identity]:
    """Everybody who calls: the operator, officers, a system, services, and two whose token is no good."""
    found = [Identity("operator", ("", "", ""), client.channel(""), ())]
    for case in cases:
        for officer in case.officers.values():
            uscc = case.agencies[officer.agency].uscc
            who = (uscc, officer.name, officer.role)
            found.append(Identity(officer.name, who, client.channel(uscc), client.metadata(*who)))
    stranger = ("911101080000000099", "stranger", "CASE_PROCURATOR")
    found.append(Identity("stranger", stranger, client.channel(stranger[0]), client.metadata(*stranger)))
    uscc = next(iter(cases[0].agencies.values())).uscc
    found.append(Identity("system", (uscc, "", ""), client.channel(uscc), ()))
    services = ((name, authority.service_credentials(name)) for name in BUILDERS)
    found += [Identity(name, _NOBODY, _channel(address, authority, *pair), ()) for name, pair in services]
    key, chain = authority.agency_credentials(uscc)
    expired = authority.token(uscc, "late", "CASE_PROCURATOR", chain, iat=1_700_000_000, exp=1_700_000_500)
    for name, token in (("wrong token", "a.b.c"), ("expired token", expired)):
        channel = _channel(address, authority, key, chain)
        found.append(Identity(name, _NOBODY, channel, (("authorization", f"Bearer {token}"),)))
    return found


def _new_ids(number: int) -> list[str]:
    return [f"00000000-0000-4000-8001-{number:012x}"] * 4


def _channel(address: str, authority: DevAuthority, key: bytes, chain: bytes) -> grpc.Channel:
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority.ca_pem, key, chain))
