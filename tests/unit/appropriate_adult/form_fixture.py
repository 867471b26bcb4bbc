"""A synthetic assignment with everything that a form can say, personal fields and all; nobody in it exists."""

from collections.abc import Sequence
from typing import Any

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import form_events_pb2 as forms
from guanhu.appropriate_adult.v1 import form_service_pb2 as form_api
from guanhu.appropriate_adult.v1 import forms_pb2
from services.appropriate_adult import form
from services.appropriate_adult.form import FormFacts
from services.appropriate_adult.form_sources import Source, newest, sources
from services.appropriate_adult.papers.gathered import Gathered
from services.kernel.decision import Act
from services.kernel.personal import Opened
from tests.unit.appropriate_adult import builders as by
from tests.unit.gwt import Story

ORGAN, HOME = "试验县公安局", "试验县青禾社会工作服务中心"
NAME, MINOR = "王玥祎", "阿某，试公刑〔2026〕3号"
INTERPRETER = "00000000-0000-0000-0000-000000000043"
LONG = "未成年人表示听不懂连续的长句提问，合适成年人提出应当一次只问一个问题，使用其能够理解的通俗用语，并给予充分的回答时间。"


def told() -> list[Any]:
    """Every event of a night with an objection, a pause, a departure, a gap, corrections and a refused signature."""
    story, recorded = by.opened(role=events.MINOR_ROLE_WITNESS), []
    noticed = forms_pb2.NoticedAdult(adult_id=by.ADULT, name=NAME, organisation=HOME, telephone="000-0000000")
    steps: Sequence[tuple[Any, Any]] = (
        (by.notify(), by.at("08:05")),
        (by.rep_outcome(), by.at("08:10")),
        (
            by.ask(
                session=by.plan(purpose=forms_pb2.ATTENDANCE_PURPOSE_INQUIRY),
                place="试验县公安局执法办案中心一楼询问室",
                minor_reference=MINOR,
            ),
            by.at("08:15"),
        ),
        (by.propose(), by.at("08:20", by.DESK)),
        (by.reservation(), by.at("08:20", by.SYSTEM)),
        (by.check(), by.at("08:30")),
        (by.consult(), by.at("08:40")),
        (by.command(api.ConfirmAdultRequest), by.at("08:45")),
        (
            by.notice(
                adult=noticed,
                minor_reference=MINOR,
                place="试验县公安局执法办案中心一楼询问室",
                contact_officer="李警官 000-1111111",
                purpose=forms_pb2.ATTENDANCE_PURPOSE_INQUIRY,
            ),
            by.at("08:50"),
        ),
        (by.arrive(), by.at("09:50")),
        (by.arrive(events.ATTENDEE_PART_INTERPRETER, INTERPRETER, name="吉某"), by.at("09:52")),
        (by.inform(), by.at("09:55")),
        (by.start(recording_no="2026-03-09-017"), by.at("10:00")),
        (by.object_to(statement=LONG), by.at("10:10")),
        (by.in_session(api.PauseSessionRequest, reason=events.PAUSE_REASON_OBJECTION), by.at("10:11")),
        (by.resolve(reason="已改为逐句提问，并由翻译人员用彝语重述。"), by.at("10:15")),
        (by.in_session(api.ResumeSessionRequest), by.at("10:16")),
        (by.in_session(api.PauseSessionRequest, reason=events.PAUSE_REASON_MEAL), by.at("10:40")),
        (by.in_session(api.ResumeSessionRequest), by.at("11:10")),
        (by.leave(), by.at("11:20")),
        (by.in_session(api.ResumeSessionRequest), by.at("11:22")),
        (by.come_back(), by.at("11:25")),
        (by.end(), by.at("11:40")),
        (by.read(), by.at("11:50")),
        (by.sign(events.SIGNER_APPROPRIATE_ADULT), by.at("11:58")),
        (by.in_session(api.RefuseSignatureRequest, signer=events.SIGNER_MINOR, reason="认为记录不全"), by.at("12:00")),
        (by.in_session(api.RecordObservationsRequest, observations="起初紧张，改用彝语后放松。\n离开时情绪平稳。"), by.DESK),
        (by.in_session(api.CloseSessionRequest), by.at("12:05")),
    )
    recorded += _decided(Story.of(story.decider, story.facts), by.need(role=events.MINOR_ROLE_WITNESS), by.at("08:00"))
    for command, act in steps:
        made = _decided(story, command, act)
        recorded += made
        story = story.given(*made)
    return recorded


def _decided(story: Story[Any], command: Any, act: Any) -> list[Any]:
    return list(story.when(command, act))


def source_of(kind: int, recorded: Sequence[Any]) -> Source:
    """The newest form of a kind."""
    found = newest(sources(recorded), kind)
    assert found is not None
    return found


def issued(source: Source, **changes: Any) -> forms.FormIssued:
    """The form with its names, as the service draws it up."""
    fields = {
        "form_id": by.OTHER_CASE,
        "kind": source.kind,
        "assignment_id": by.ASSIGNMENT,
        "case_id": by.CASE,
        "assignment_version": source.version,
        "session_id": source.session_id,
        "subject_id": by.MINOR,
        "organ_uscc": source.organ,
        "organ_name": HOME if source.kind == forms.FORM_KIND_OBSERVATIONS else ORGAN,
        "adults": [
            forms.PrintedAdult(adult_id=adult_id, name=NAME, organisation=HOME, telephone="000-0000000")
            for adult_id in source.adults
        ],
        "officers": [forms.PrintedOfficer(officer=officer, name=f"{officer}某") for officer in source.staff],
        **changes,
    }
    return forms.FormIssued(**fields)


def gathered(kind: int, recorded: Sequence[Any] | None = None, **changes: Any) -> Gathered:
    """A form with the events behind it."""
    recorded = told() if recorded is None else recorded
    source = source_of(kind, recorded)
    opened = [Opened(event, ()) for event in recorded[: source.version]]
    return Gathered(issued(source, **changes), opened)


RECORDED = told()


def recorded_source(kind: int) -> Source:
    """The form of a kind that the recorded events give rise to."""
    return source_of(kind, RECORDED)


def printed(source: Source, **changes: Any) -> forms.FormIssued:
    """The form as if it had been printed."""
    return issued(source, **{"pdf_sha256": b"p" * 32, "docx_sha256": b"d" * 32, **changes})


def issue(kind: int, **changes: Any) -> form_api.IssueFormRequest:
    """IssueForm."""
    session_id = "" if kind == forms.FORM_KIND_NOTICE else by.SESSION
    made: form_api.IssueFormRequest = by.command(form_api.IssueFormRequest, kind=kind, **{"session_id": session_id, **changes})
    return made


def unissued(kind: int) -> Story[form.FormState]:
    """A form that was just printed for the first time."""
    source = recorded_source(kind)
    return Story.of(form.DECIDER, FormFacts(source=source, printed=printed(source)))


def issuer(kind: int) -> Act:
    """An officer of the body whose form it is."""
    return by.HOME if kind == forms.FORM_KIND_OBSERVATIONS else by.POLICE
