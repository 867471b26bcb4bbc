"""A bad case file is refused with the line and the reason of its first mistake, before any command is sent."""

from pathlib import Path

import pytest

from services.demo.casefile import BadCase, CaseFile, read
from services.demo.check import check

CASES = Path(__file__).parents[2] / "cases"
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
    do: intake.RegisterPerson
    with:
      details: {person_id: =id.minor, name: 某某, birth_date: 2009-05-06}
      part: MINOR
      identity_status: SELF_STATED
      age_basis: HOUSEHOLD_REGISTER
  - at: 2026-03-02 09:10
    as: procurator
    do: intake.OpenCase
    with:
      case_id: =id.case
      kind: CRIMINAL
      subject_id: =id.minor
      act_on: 2026-02-20
    holds:
      - ask: intake.GetCase
        as: procurator
        with: {case_id: =id.case}
        shows: {case.kind: CRIMINAL}
        keep: {organ: case.organ}
"""


def checked(text: str | bytes, folder: Path) -> CaseFile:
    """Reads and checks a file, as the player does before it sends anything."""
    path = folder / "case.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    case = read(path)
    check(case)
    return case


def changed(line: int, to: str) -> str:
    """The whole file with one line (from 1) replaced."""
    lines = WHOLE.splitlines()
    lines[line - 1] = to
    return "\n".join(lines) + "\n"


def mistake(text: str | bytes, folder: Path) -> BadCase:
    with pytest.raises(BadCase) as bad:
        checked(text, folder)
    return bad.value


def test_the_whole_file_and_the_published_cases_pass(tmp_path: Path) -> None:
    assert len(checked(WHOLE, tmp_path).steps) == 2
    for path in sorted(CASES.glob("*.yaml")):
        check(read(path))


@pytest.mark.parametrize(
    ("line", "to", "reason"),
    [
        (1, "case: ../outside", "a case has a short name"),
        (1, "case: [a]", "text is expected here"),
        (2, "titel: 例", "'titel' is unknown here"),
        (4, "  Procuratorate:", "'Procuratorate' is no name"),
        (5, "    uscc: 111101080000001019", "no unified social credit code"),
        (7, "    type: PROCURATORATE", "'PROCURATORATE' is not one of"),
        (8, "    levels: COUNTY", "Agency has no field 'levels'"),
        (11, "  procurator: {agency: court, role: JUDGE}", "agency 'court' is not among the agencies"),
        (11, "  procurator: {agency: procuratorate, role: JUDGE, name: x}", "'name' is unknown here"),
        (13, "  - at: 2026-13-02 09:00", "no instant"),
        (13, "  - at: 2026-03-02 09:00+00:00", "write no zone"),
        (14, "    as: judge", "officer 'judge' is not among the officers"),
        (15, "    do: RegisterPerson", "write service.Method"),
        (17, "      details: {person_id: =id.minor, name: 某某, birth_date: 2009-02-30}", "no date"),
        (17, "      details: {person_id: =agency.court, name: 某某}", "'=agency.court' refers to nothing"),
        (17, "      details: {person_id: =kept.minor, name: 某某}", "'=kept.minor' refers to nothing"),
        (17, "      details: {person_id: =id., name: 某某}", "'=id.' refers to nothing"),
        (17, "      details: 某某", "a mapping is expected here"),
        (17, '      details: {name: "\\ud800"}', "the value does not fit into the field"),
        (18, "      parts: MINOR", "RegisterPersonRequest has no field 'parts'"),
        (18, "      part: CHILD", "'CHILD' is not one of"),
        (19, "      part: MINOR", "'part' stands twice"),
        (26, "      kind: [CRIMINAL]", "text is expected here"),
        (30, "      - ask: intake.GetCases", "there is no intake.GetCases"),
        (30, "      - ask: intake.OpenCase", "intake.OpenCase is no query"),
        (31, "        as: judge", "officer 'judge' is not among the officers"),
        (32, "        with: {case: =id.case}", "GetCaseRequest has no field 'case'"),
        (32, "        with: {case_id: =kept.organ}", "'=kept.organ' refers to nothing"),
        (33, "        shows: CRIMINAL", "a mapping is expected here"),
        (33, "        show: {case.kind: CRIMINAL}", "'show' is unknown here"),
        (33, "        shows: {case.kind: =kept.kind}", "'=kept.kind' refers to nothing"),
        (34, "        keep: {organ: [case.organ]}", "text is expected here"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, line: int, to: str, reason: str) -> None:
    bad = mistake(changed(line, to), tmp_path)
    assert (bad.line, reason in bad.reason) == (line, True), bad
    assert str(bad).startswith(f"line {line}: ")


@pytest.mark.parametrize(
    ("line", "to", "reason"),
    [
        (15, "    do: intake.RegisterPersons", "there is no intake.RegisterPersons"),
        (15, "    do: registry.RegisterPerson", "there is no registry.RegisterPerson"),
        (15, "    do: intake.SubmitReferrals", "takes a stream"),
        (14, "    who: procurator", "'who' is unknown here"),
    ],
)
def test_a_step_that_cannot_be_is_named_with_a_line_of_its_own(tmp_path: Path, line: int, to: str, reason: str) -> None:
    bad = mistake(changed(line, to), tmp_path)
    assert 13 <= bad.line <= line
    assert reason in bad.reason


def test_a_number_that_no_field_holds_is_refused(tmp_path: Path) -> None:
    text = changed(32, "        with: {case_id: =id.case, purpose: {code: AUDIT}, on: {year: 99999999999}}")
    text = text.replace("intake.GetCase", "intake.GetPerson")
    assert "does not fit into the field" in mistake(text, tmp_path).reason


def test_a_value_is_kept_for_the_steps_after_it_only(tmp_path: Path) -> None:
    later = (
        WHOLE + "  - {at: 2026-03-02 10:00, as: procurator, do: intake.CloseCase, with: {case_id: =kept.organ, reason: x}}\n"
    )
    checked(later, tmp_path)
    assert "refers to nothing" in mistake(later.replace("=kept.organ", "=kept.other"), tmp_path).reason


def test_a_mistake_in_a_repeated_value_is_named_where_the_value_stands(tmp_path: Path) -> None:
    text = changed(24, "    with: &opening").replace("kind: CRIMINAL\n", "kind: CRIME\n", 1)
    again = text + "  - {at: 2026-03-02 10:00, as: procurator, do: intake.OpenCase, with: *opening}\n"
    assert mistake(again, tmp_path).line == 26


def test_an_unknown_key_is_named_where_it_stands_although_its_value_stands_below(tmp_path: Path) -> None:
    assert mistake(changed(16, "    fields:"), tmp_path).line == 16


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "the file is empty"),
        ("- case\n", 1, "a mapping is expected here"),
        ("case\n", 1, "a mapping is expected here"),
        ("case: X\ntitle: x\n", 1, "'agencies' is missing"),
        ("case: X\n\ttitle: x\n", 2, "no YAML"),
        ("case: [X\n", 2, "no YAML"),
        ("case: X\ntitle: \x07\n", 2, "no YAML"),
        ("case: X\nsteps: *nowhere\n", 2, "no YAML"),
        ("case: X\nsteps: &s\n  - *s\n", 2, "a value holds itself"),
        (b"case: \xff\n", 1, "the file is not UTF-8"),
        (WHOLE.partition("steps:")[0] + "steps: []\n", 12, "one step at least"),
    ],
    ids=["empty", "list", "text", "missing", "tab", "open", "control", "no anchor", "itself", "no UTF-8", "no steps"],
)
def test_what_is_no_case_file_at_all_is_refused(tmp_path: Path, text: str | bytes, line: int, reason: str) -> None:
    bad = mistake(text, tmp_path)
    assert (bad.line, reason in bad.reason) == (line, True), bad
