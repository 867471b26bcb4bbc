"""Cases played through the API: what they leave behind, twice in a row, and where one fails."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from services.demo.__main__ import play_one
from services.demo.casefile import BadCase, read
from services.demo.client import Client
from services.demo.player import CaseFailed, Player
from services.kernel.host import Running
from services.kernel.journal import Recorded
from tests.contract.played import CASES
from tests.unit.paper.reading import docx_text, pdf_text

C11 = CASES / "c11-nanjing-2019.yaml"
REFUSED = "    refused: INVALID_REQUEST\n"


def changed(folder: Path, old: str, new: str) -> Path:
    """C11 with a text in it replaced, once."""
    text = C11.read_text(encoding="utf-8")
    assert old in text
    path = folder / "changed.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def line_of(path: Path, text: str) -> int:
    """The line (from 1) in which a text first stands."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def player(path: Path, client: Client) -> Player:
    return Player(read(path), client, lambda *_: None)


def heads(running: Running) -> dict[str, int]:
    """How far each journal is."""
    return {name: service.journal.head() for name, service in running.services.items() if service.journal is not None}


@pytest.fixture(scope="module")
def out(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What C11 leaves behind when it is played twice in a row into the same folder."""
    folder = tmp_path_factory.mktemp("out")
    assert running.resources.authority is not None
    with Client(f"127.0.0.1:{running.port}", running.resources.authority) as client:
        case = read(C11)
        first = play_one(C11, case, client, folder)
        before = {path.name: path.read_bytes() for path in (folder / "c11").iterdir()}
        again = play_one(C11, case, client, folder)
    assert first == again and first is not None and first.events > 40
    after = {path.name: path.read_bytes() for path in (folder / "c11").iterdir()}
    assert set(before) == set(after)
    assert before["case.zip"] != after["case.zip"], "every play has ids of its own"
    return folder / "c11"


def test_a_played_case_leaves_report_timeline_and_bundle_each_in_its_form(out: Path) -> None:
    assert {path.name for path in out.iterdir()} == {"report.pdf", "report.docx", "timeline.svg", "case.zip"}
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert zipfile.is_zipfile(out / "report.docx")
    assert "word/document.xml" in zipfile.ZipFile(out / "report.docx").namelist()
    assert (out / "timeline.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_night_call_out_leaves_its_forms_on_paper(tmp_path: Path, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    night = CASES / "aa-night-callout.yaml"
    kept = play_one(night, read(night), client, tmp_path)
    assert kept is not None and kept.events > 40, capsys.readouterr().out
    left = {path.name: path.read_bytes() for path in (tmp_path / "aa1").iterdir()}
    # Named by the form and by the version of the assignment that it is printed from.
    forms = {re.sub(r"-\d+\.", ".", name): content for name, content in left.items() if name.startswith("f")}
    assert set(forms) == {f"{form}.{suffix}" for form in ("f3", "f4", "f5", "f5-observations") for suffix in ("pdf", "docx")}
    assert "阿民警" in pdf_text(forms["f5.pdf"])
    assert "改用彝语后放松" in docx_text(forms["f5-observations.docx"])
    assert "改用彝语后放松" not in pdf_text(forms["f5.pdf"])


def test_the_bundle_that_is_left_is_whole(out: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(out / "case.zip").extractall(tmp_path)
    done = subprocess.run([sys.executable, "-I", "verify.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "whole: every file, leaf and version agrees")


def test_the_timeline_names_the_agencies_and_nobody_else(out: Path) -> None:
    picture = (out / "timeline.svg").read_text(encoding="utf-8")
    words = re.sub(r"<[^>]+>", "", picture)
    assert "检察院" in words
    assert "高小六" not in words


def test_a_bad_file_is_refused_before_any_command_is_sent(tmp_path: Path, client: Client, running: Running) -> None:
    path = changed(tmp_path, "use: PROSECUTION_DECISION", "use: PROSECUTION")
    before = heads(running)
    with pytest.raises(BadCase) as bad:
        player(path, client).play()
    assert bad.value.line == line_of(path, "use: PROSECUTION")
    assert heads(running) == before


def test_a_step_that_is_refused_against_the_file_fails_the_case_with_its_line(tmp_path: Path, client: Client) -> None:
    path = changed(tmp_path, REFUSED, "")
    line = line_of(path, "do: intake.OpenCase") - 2
    with pytest.raises(CaseFailed, match=f"^line {line}: OpenCase was refused: INVALID_REQUEST"):
        player(path, client).play()


def test_a_step_that_is_refused_for_another_reason_fails_the_case(tmp_path: Path, client: Client) -> None:
    path = changed(tmp_path, REFUSED, "    refused: CASE_CLOSED\n")
    with pytest.raises(CaseFailed, match="was refused: INVALID_REQUEST"):
        player(path, client).play()


def test_a_step_that_is_accepted_against_the_file_fails_the_case_with_its_line(tmp_path: Path, client: Client) -> None:
    path = changed(tmp_path, "do: intake.RegisterPerson\n", "do: intake.RegisterPerson\n    refused: PERSON_EXISTS\n")
    line = line_of(path, "do: intake.RegisterPerson") - 2
    with pytest.raises(CaseFailed, match=f"^line {line}: RegisterPerson was accepted; the case expects PERSON_EXISTS"):
        player(path, client).play()


def test_a_condition_that_does_not_come_to_hold_fails_the_case_with_its_line(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Conditions wait for policies behind the command; this one never holds, so there is nothing to wait for.
    monkeypatch.setattr("services.demo.player.HOLDS_WITHIN_S", 0.2)
    path = changed(tmp_path, 'shows: {criminal_age_years: "15"}', 'shows: {criminal_age_years: "16"}')
    line = line_of(path, 'criminal_age_years: "16"') - 3
    with pytest.raises(CaseFailed, match=f"^line {line}: criminal_age_years is 15, expected 16$"):
        player(path, client).play()


def test_what_nobody_was_told_fails_the_case_with_its_line(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.demo.player.HOLDS_WITHIN_S", 0.2)
    told = "    told:\n      - {who: procuratorate, event: ReferralSubmitted}\n"
    path = changed(tmp_path, "    note: 通过共青团平台转介社会调查\n", f"    note: 通过共青团平台转介社会调查\n{told}")
    line = line_of(path, "who: procuratorate")
    with pytest.raises(CaseFailed, match=f"^line {line}: procuratorate was not told of ReferralSubmitted$"):
        player(path, client).play()


def test_a_case_of_which_something_was_not_told_is_not_verified(
    tmp_path: Path, client: Client, running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    follower = next(f for f in running.services["notify"].followers if f.name == "telling:social_investigation")
    whole = follower._effect

    def dropping(conn: psycopg.Connection, rows: Sequence[Recorded]) -> None:
        whole(conn, [row for row in rows if not row.type.endswith(".ReportAdopted")])

    monkeypatch.setattr(follower, "_effect", dropping)
    monkeypatch.setattr("services.demo.__main__.TOLD_WITHIN_S", 0.5)
    assert play_one(C11, read(C11), client, tmp_path) is None
    assert "not everybody was told: 应告知 15 = 已送达 14" in capsys.readouterr().out


def test_a_failed_case_is_told_with_its_file_and_leaves_nothing(
    tmp_path: Path, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(tmp_path, REFUSED, "")
    assert play_one(path, read(path), client, tmp_path / "out") is None
    assert f"{path}: line " in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_what_a_case_reads_stands_in_the_access_record(client: Client, running: Running, out: Path) -> None:
    auditor = read(C11).officers["nj_auditor"]
    with psycopg.connect(running.resources.database_url) as conn:
        rows = conn.execute(
            "select distinct action, purpose from audit.access_records where officer = %s and allowed", [auditor.name]
        ).fetchall()
    assert {("audit.GetHistory", "AUDIT"), ("audit.ExportCase", "AUDIT")} <= set(rows)
