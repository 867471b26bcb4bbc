"""The history of a case: in causal order across services, as of any two instants, nothing personal in it."""

import json
from datetime import UTC, date, datetime, timedelta

from guanhu.audit.v1 import audit_service_pb2 as api
from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.journal.v1 import record_pb2
from guanhu.options.v1 import options_pb2
from services.demo.client import Client
from services.kernel.dates import from_datetime, to_date, to_datetime
from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.host import Running
from tests.contract.agencies import AUD, PROC, OpenedCase, head, open_case, register_agencies
from tests.contract.asking import AUDIT, history
from tests.contract.played import Told, settle

MINOR = "高小六"


def key(entry: api.Entry) -> tuple[str, int]:
    return entry.origin, entry.position


def test_no_effect_stands_before_its_cause(told: Told) -> None:
    entries = history(told).entries
    placed = {key(entry): number for number, entry in enumerate(entries)}
    causes = {
        (entry.origin, entry.header.causation.origin): placed[key(entry)]
        - placed[entry.header.causation.origin, entry.header.causation.position]
        for entry in entries
        if entry.header.HasField("causation")
    }
    # Both policies crossed the border between the services, and intake's own policy stayed inside it; both are told of.
    assert set(causes) == {
        ("social_investigation", "intake"),
        ("intake", "social_investigation"),
        ("intake", "intake"),
        ("notify", "intake"),
        ("notify", "social_investigation"),
    }
    assert all(distance > 0 for distance in causes.values())


def test_the_history_holds_every_event_of_the_case_in_the_order_of_each_journal(told: Told) -> None:
    entries = history(told).entries
    person = f"person-{told.played.id_of('minor')}"
    for name in ("intake", "social_investigation", "notify"):
        journal = told.running.services[name].journal
        assert journal is not None
        rows = journal.read(0, 100_000)
        case = told.case_id
        of_case = [r for r in rows if record_pb2.Header.FromString(r.header).correlation_id == case or r.stream == person]
        assert [entry.position for entry in entries if entry.origin == name] == [row.position for row in of_case]


def test_every_entry_says_who_acted_and_for_whom(told: Told) -> None:
    organ = told.case.agencies["procuratorate"].uscc
    entries = history(told).entries
    for entry in entries:
        header = entry.header
        assert header.actor.agency and header.request_id, entry.type
        if header.actor.agency.startswith("guanhu:"):
            assert header.actor.role == "SYSTEM"
            assert header.HasField("causation"), "a service acts only because of an event"
        else:
            assert header.actor.officer and header.actor.role
    drafted = next(entry for entry in entries if entry.type.endswith("InvestigationCommissionDrafted"))
    assert (drafted.header.actor.agency, drafted.header.actor.on_behalf_of) == ("guanhu:social_investigation", organ)


def test_an_entry_rests_on_the_rule_that_its_event_declares_in_the_version_of_its_day(told: Told) -> None:
    registry = told.running.services["audit"].codec.registry
    stated = set()
    handoffs: dict[str, str] = {}
    for entry in history(told, with_content=True).entries:
        declared = registry.message_class(entry.type).DESCRIPTOR.GetOptions().Extensions[options_pb2.law]
        if entry.type == "guanhu.notify.v1.MessageOwed":
            handoffs[entry.stream] = json.loads(entry.content_json).get("handoff_id", "")
        # What is done about a message rests on the hand-off that the message is.
        expected = handoffs.get(entry.stream, declared.split(";")[0].strip())
        assert entry.header.basis.rule_id == expected
        effective = to_date(entry.header.basis.law_effective_on)
        if effective is not None:
            assert effective <= to_datetime(entry.header.occurred_at).astimezone(CHINA_STANDARD_TIME).date()
            stated.add((entry.header.basis.rule_id, effective))
    # The guidelines of 2017 were in force in 2019.
    assert ("SI-R16", date(2017, 3, 2)) in stated


def test_personal_fields_are_withheld_and_named(told: Told) -> None:
    answer = history(told, with_content=True)
    registered = next(entry for entry in answer.entries if entry.type == "guanhu.intake.v1.PersonRegistered")
    assert {"details.name", "details.birth_date", "details.sex"} <= set(registered.withheld)
    assert json.loads(registered.content_json)["part"] == "PERSON_PART_MINOR"
    assert MINOR.encode() not in answer.SerializeToString()


def test_pages_put_together_are_the_whole_history(told: Told) -> None:
    whole = history(told)
    entries: list[api.Entry] = []
    token = ""
    while True:
        page = history(told, page_size=7, page_token=token)
        assert page.total == whole.total == len(whole.entries)
        entries += page.entries
        token = page.next_page_token
        if not token:
            break
    assert [key(entry) for entry in entries] == [key(entry) for entry in whole.entries]


def test_as_of_a_recorded_instant_only_what_was_known_then_is_shown(told: Told) -> None:
    entries = list(history(told).entries)
    instant = entries[len(entries) // 2].header.recorded_at
    known = [key(e) for e in entries if to_datetime(e.header.recorded_at) <= to_datetime(instant)]
    assert 0 < len(known) < len(entries)
    assert [key(e) for e in history(told, recorded_until=instant).entries] == known


def test_as_of_an_effective_instant_only_what_had_happened_is_shown(told: Told) -> None:
    instant = from_datetime(datetime(2019, 2, 20, 15, 59, tzinfo=UTC))
    shown = history(told, occurred_until=instant).entries
    assert {to_datetime(e.header.occurred_at) <= to_datetime(instant) for e in shown} == {True}
    assert {e.type for e in shown} & {"guanhu.social_investigation.v1.InterviewConducted"}
    assert not {e.type for e in shown} & {"guanhu.social_investigation.v1.ReportAdopted"}


def test_a_fact_entered_late_stands_at_its_day_but_not_before_it_was_recorded(client: Client, running: Running) -> None:
    register_agencies(client)
    case = open_case(client)
    settle(running)
    opened = running.resources.clock.now()
    happened = opened - timedelta(days=2)
    late = correction(case, occurred_at=from_datetime(happened))
    client.call("intake", "CorrectPerson", late, PROC, "procurator-1", "CASE_PROCURATOR")
    settle(running)

    def types(**instants: datetime) -> list[str]:
        request = api.GetHistoryRequest(case_id=case.case_id, purpose=AUDIT)
        for name, instant in instants.items():
            getattr(request, name).CopyFrom(from_datetime(instant))
        found = client.call("audit", "GetHistory", request, AUD, "auditor-1", "AUDITOR").entries
        return [entry.type.rsplit(".", 1)[1] for entry in found]

    assert types() == ["PersonRegistered", "CaseOpened", "ParticipantAdded", "PersonCorrected"]
    assert types(occurred_until=happened) == ["PersonCorrected"]
    assert types(recorded_until=opened) == ["PersonRegistered", "CaseOpened", "ParticipantAdded"]
    assert types(occurred_until=happened, recorded_until=opened) == []


def correction(case: OpenedCase, **fields: object) -> intake.CorrectPersonRequest:
    """What is known of the person, with an age that nobody has proven."""
    return intake.CorrectPersonRequest(
        head=head(**fields),
        details=persons.PersonDetails(person_id=case.subject_id, name="段某某"),
        identity_status=persons.IDENTITY_STATUS_SELF_STATED,
        age_basis=persons.AGE_BASIS_UNPROVEN,
        reason="户籍登记与本人陈述不一致",
    )
