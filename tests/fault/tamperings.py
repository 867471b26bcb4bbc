"""What a superuser may do to what is stored, one thing at a time, and what fsck must say of it."""

from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True)
class Tampering:
    """One change: the tables that it touches, and what fsck must say of it."""

    name: str
    tables: tuple[str, ...]
    change: LiteralString
    said: str


EVENTS, REQUESTS, EVIDENCE = "intake.events", "intake.requests", "audit.evidence"


def event(column: str, value: LiteralString, said: str) -> Tampering:
    """A change of one column of the event at position 5."""
    change: LiteralString = "update intake.events set " + column + " = " + value + " where position = 5"
    return Tampering(f"{column} of an event changed", (EVENTS,), change, said)


TAMPERINGS = [
    event("position", "500", "position 500 stands where"),
    event("stream", "'case-0'", "position 5: the journal's bytes do not give the leaf"),
    event("version", "7", "position 5: version 7 follows 0"),
    event("type", "'guanhu.directory.v1.AgencyReinstated'", "position 5: the journal's bytes do not give the leaf"),
    event("header", "header || '\\x3200'", "position 5: the journal's bytes do not give the leaf"),
    event("payload", "payload || '\\x0a00'", "position 5: the journal's bytes do not give the leaf"),
    event("payload", "'\\xff'", "position 5: header or payload do not decode"),
    Tampering("an event deleted", (EVENTS,), "delete from intake.events where position = 5", "position 6 stands where 5"),
    Tampering(
        "the last event deleted",
        (EVENTS,),
        "delete from intake.events where position = (select max(position) from intake.events)",
        "is in evidence and not in the journal",
    ),
    Tampering(
        "an event inserted behind a gap",
        (EVENTS,),
        "insert into intake.events select position + 100, 'case-forged', 1, type, header, payload from intake.events"
        " where position = 5",
        "position 105 stands where",
    ),
    Tampering(
        "an event added without a command",
        (EVENTS, "intake.positions", "social_investigation.positions", "notify.positions", "audit.positions"),
        "update intake.positions set position = position + 1 where source = 'intake';"
        "update social_investigation.positions set position = position + 1 where source = 'intake';"
        "update notify.positions set position = position + 1 where source = 'intake';"
        "update audit.positions set position = position + 1 where source = 'intake';"
        "insert into intake.events select (select max(position) + 1 from intake.events), 'agency-forged', 1, type, header,"
        " payload from intake.events where position = 5",
        "no answer is kept",
    ),
    Tampering(
        "two events swapped",
        (EVENTS,),
        "update intake.events set position = position + 1000 where position in (5, 6);"
        "update intake.events set position = case position when 1005 then 6 else 5 end where position > 1000",
        "position 5: the journal's bytes do not give the leaf",
    ),
    Tampering("a request deleted", (REQUESTS,), "delete from intake.requests where position = 5", "no answer is kept"),
    Tampering(
        "a request pointed elsewhere",
        (REQUESTS,),
        "update intake.requests set position = 900 where position = 5",
        "an answer names position 900",
    ),
    Tampering(
        "a request doubled",
        (REQUESTS,),
        "insert into intake.requests select caller, request_id || 'x', request_hash, version, position, answer"
        " from intake.requests where position = 5",
        "2 requests name position 5",
    ),
    Tampering(
        "an evidence leaf changed",
        (EVIDENCE,),
        "update audit.evidence set leaf_sha256 = sha256('x') where origin = 'intake' and position = 5",
        "position 5: the journal's bytes do not give the leaf",
    ),
    Tampering(
        "an evidence chain changed",
        (EVIDENCE,),
        "update audit.evidence set chain_sha256 = sha256('x') where origin = 'intake' and position = 5",
        "position 5: the chain is broken",
    ),
    *(
        Tampering(
            f"{column} of the evidence changed",
            (EVIDENCE,),
            f"update audit.evidence set {column} = {value} where origin = 'intake' and position = 5",
            f"position 5: the evidence has another {column}",
        )
        for column, value in {
            "stream": "'case-0'",
            "version": "70",
            "type": "'guanhu.intake.v1.CaseClosed'",
            "header": "header || '\\x3200'",
            "payload": "payload || '\\x0a00'",
            "case_id": "'00000000-0000-4000-8000-000000000000'",
            "recorded_at": "recorded_at - interval '1 day'",
            "occurred_at": "occurred_at - interval '1 day'",
        }.items()
    ),
    Tampering(
        "evidence deleted",
        (EVIDENCE,),
        "delete from audit.evidence where origin = 'intake' and position = 5",
        "position 5 was taken in and is not in evidence",
    ),
    Tampering(
        "the last evidence deleted",
        (EVIDENCE,),
        "delete from audit.evidence e where origin = 'intake'"
        " and position = (select max(position) from audit.evidence where origin = 'intake')",
        "was taken in and is not in evidence",
    ),
    Tampering(
        "a case cut off from its person",
        ("audit.case_persons",),
        "delete from audit.case_persons",
        "is not known to be of the case",
    ),
    Tampering(
        "a follower moved beyond its journal",
        ("audit.positions",),
        "update audit.positions set position = 100000 where follower = 'evidence:intake'",
        "evidence:intake stands at 100000, its journal ends at",
    ),
    Tampering(
        "a stream parked",
        ("audit.parked",),
        "insert into audit.parked (follower, source, stream, position, reason)"
        " values ('evidence:intake', 'intake', 'case-0', 5, 'LookupError')",
        "evidence:intake parked case-0 at 5: LookupError",
    ),
    Tampering(
        "a schema that decodes no more",
        ("intake.schemas",),
        "update intake.schemas set descriptor_set = '\\xff'",
        "are not what their hash says",
    ),
    Tampering(
        "a schema exchanged",
        ("intake.schemas",),
        "update intake.schemas set descriptor_set = (select descriptor_set from social_investigation.schemas limit 1)",
        "are not what their hash says",
    ),
    Tampering("a schema deleted", ("intake.schemas",), "delete from intake.schemas", "was written with are not kept"),
]
