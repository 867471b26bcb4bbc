"""Conditions on clocks and on what was told: what they ask, and what is refused with its line before anything is sent."""

from pathlib import Path

import pytest

from services.demo.casefile import BadCase, CaseFile, read
from services.demo.check import check, question
from services.demo.conditions import EVENTS, questions, telling

# Each line as it stands in the file, so that a test can replace one and name its number.
WHOLE = """\
case: EXAMPLE
title: 例
agencies:
  procuratorate:
    uscc: 111101080000001018
    name: 某区人民检察院
    type: PROC
    level: COUNTY
    division: {code: "110108"}
officers:
  procurator: {agency: procuratorate, role: CASE_PROCURATOR}
steps:
  - at: 2026-03-02 09:00
    as: procurator
    do: deadline.SetDeadline
    with: {service: intake, stream: =stream.case.id.case, rule_id: DL-PROS-1M}
    told:
      - who: procuratorate
        event: DeadlineWarned
        handoff: HO-05
    clocks:
      - clock: DL-PROS-1M
        of: =stream.case.id.case
        as: procurator
        status: PAUSED
        left: {days: "6"}
        late: false
clocks:
  - {clock: DL-PROS-1M, of: =stream.case.id.case, as: procurator, due_on: 2026-04-02, late: true}
told:
  - {who: procuratorate, event: DeadlineExpired}
explain:
  - {clock: DL-PROS-1M, of: =stream.case.id.case, as: procurator}
"""


def checked(text: str, folder: Path) -> CaseFile:
    """Reads and checks a file, as the player does before it sends anything."""
    path = folder / "case.yaml"
    path.write_text(text, encoding="utf-8")
    case = read(path)
    check(case)
    return case


def test_a_condition_on_a_clock_asks_for_its_explanation(tmp_path: Path) -> None:
    case = checked(WHOLE, tmp_path)
    [step] = case.steps
    first, last = (question(case, node) for node in questions(step))
    assert (first.service, first.name, first.officer) == ("deadline", "ExplainDeadline", "procurator")
    assert {name: node.text() for name, node in first.fields.mapping().items()} == {
        "service": "intake",
        "stream": "=stream.case.id.case",
        "deadline_id": "DL-PROS-1M",
    }
    shown = [{path: node.text() for path, node in node.get("shows").mapping().items()} for node in questions(step)]
    assert shown == [
        {"deadline.status": "PAUSED", "deadline.remaining.days": "6", "deadline.late": ""},
        {"deadline.due_on": "2026-04-02", "deadline.late": "true"},
    ]
    assert last.service == "deadline"


def test_what_holds_at_the_end_holds_after_the_last_step(tmp_path: Path) -> None:
    case = checked(WHOLE, tmp_path)
    told = [telling(case, node) for node in case.steps[-1].told]
    assert [(one.agency, one.event, one.handoff, one.line) for one in told] == [
        ("procuratorate", "guanhu.deadline.v1.DeadlineWarned", "HO-05", 18),
        ("procuratorate", "guanhu.deadline.v1.DeadlineExpired", "", 31),
    ]
    assert [one.words for one in told] == [
        "procuratorate was not told of DeadlineWarned by HO-05",
        "procuratorate was not told of DeadlineExpired",
    ]


def test_a_name_is_that_of_one_event_only() -> None:
    assert len(set(EVENTS.values())) == len(EVENTS)
    assert EVENTS["ReportSubmitted"] == "guanhu.social_investigation.v1.ReportSubmitted"


@pytest.mark.parametrize(
    ("line", "to", "reason"),
    [
        (16, "    with: {service: intake, stream: =stream.case.kept.case, rule_id: DL-PROS-1M}", "refers to nothing"),
        (16, "    with: {service: intake, stream: =stream.case, rule_id: DL-PROS-1M}", "refers to nothing"),
        (17, "    tells:", "'tells' is unknown here"),
        (18, "      - who: court", "agency 'court' is not among the agencies"),
        (19, "        event: DeadlineWarn", "there is no event DeadlineWarn"),
        (19, "        event: [DeadlineWarned]", "text is expected here"),
        (20, "        handoff: HO-seven", "no hand-off"),
        (20, "        by: HO-07", "'by' is unknown here"),
        (22, "      - clock: PROS-2M", "'PROS-2M' is no deadline of the law pages"),
        (23, "        of: =id.case", "no stream with clocks"),
        (23, "        of: =stream.referral.id.case", "no stream with clocks"),
        (24, "        as: judge", "officer 'judge' is not among the officers"),
        (25, "        status: STOPPED", "'STOPPED' is not one of RUNNING, PAUSED, EXPIRED, MET, WAIVED"),
        (25, "        due_on: 2026-02-30", "no date"),
        (26, '        left: {weeks: "6"}', "'weeks' is no unit of time"),
        (26, "        left: 6", "a mapping is expected here"),
        (27, "        late: perhaps", "write true or false"),
        (27, "        ended: true", "'ended' is unknown here"),
        (29, "  - {clock: DL-PROS-1M, of: =stream.case.id.case, as: procurator}", "says one of status, due_on, left, late"),
        (33, "  - {clock: DL-PROS-1M, of: =stream.case.id.case, as: judge}", "officer 'judge' is not among the officers"),
        (33, "  - {clock: DL-PROS-1M, of: =stream.case.kept.case, as: procurator}", "refers to nothing"),
        (33, "  - {clock: DL-PROS-1M, of: =stream.case.id.case, as: procurator, status: MET}", "'status' is unknown here"),
    ],
)
def test_a_mistake_in_a_condition_is_named_with_its_line(tmp_path: Path, line: int, to: str, reason: str) -> None:
    lines = WHOLE.splitlines()
    lines[line - 1] = to
    with pytest.raises(BadCase) as bad:
        checked("\n".join(lines) + "\n", tmp_path)
    assert (bad.value.line, reason in bad.value.reason) == (line, True), bad.value


def test_a_list_of_conditions_is_a_list(tmp_path: Path) -> None:
    with pytest.raises(BadCase, match="^line 32: a list is expected here"):
        checked(WHOLE.partition("explain:")[0] + "explain: DL-PROS-1M\n", tmp_path)
