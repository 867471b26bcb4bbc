"""What the documents say is true: examples play, links lead somewhere, lists name what there is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.demo.casefile import read
from services.demo.client import Client
from services.demo.player import Player
from services.kernel.config import Config
from tests.docs import diagrams

ROOT = Path(__file__).parents[2]
WRITTEN_BY_OTHERS = {".venv", "node_modules", "out", "var"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> Iterator[Path]:
    """Every Markdown page of the project."""
    for page in sorted(ROOT.rglob("*.md")):
        if not WRITTEN_BY_OTHERS & set(page.relative_to(ROOT).parts) and not page.name.startswith("."):
            yield page


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def block(text: str, language: str) -> str:
    """The first fenced block of a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no block of {language}"
    return found[1]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def first_cells(text: str, heading: str) -> list[str]:
    """What stands between backticks in the first column of the table below a heading."""
    below = text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", below, re.MULTILINE)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The whole file of docs/cases.md."""
    path = tmp_path / "example.yaml"
    path.write_text(block(page("docs/cases.md"), "yaml"), encoding="utf-8")
    return path


def test_the_case_file_of_the_documents_plays(example: Path, client: Client) -> None:
    case = read(example)
    told: list[str] = []
    played = Player(case, client, lambda step, outcome: told.append(f"{step.method} {outcome}")).play()
    assert (played.steps, played.refusals, played.conditions) == (5, 1, 2)
    assert "OpenCase INVALID_REQUEST" in told


@pytest.mark.parametrize("path", list(pages()), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    dead = []
    for link in LINK.findall(text):
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        found = (path.parent / target).resolve() if target else path
        if not found.exists() or (anchor and anchor not in anchors(found.read_text(encoding="utf-8"))):
            dead.append(link)
    assert not dead


def test_the_readme_names_every_task_and_no_other() -> None:
    tree = ast.parse((ROOT / "run.py").read_text(encoding="utf-8"))
    tasks = next(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "TASKS"
    )
    assert isinstance(tasks, ast.Dict)
    names = [key.value for key in tasks.keys if isinstance(key, ast.Constant)]
    assert first_cells(page("README.md"), "## Tasks") == names


def test_operations_describes_every_setting_and_no_other() -> None:
    described = first_cells(page("docs/operations.md"), "## Settings")
    assert described == [f"GUANHU_{name.upper()}" for name in Config.__dataclass_fields__]


def test_the_investigations_states_are_what_the_deciders_answer() -> None:
    assert diagrams.investigation() in page("services/social_investigation/README.md")


def test_the_referrals_states_are_what_the_decider_answers() -> None:
    assert diagrams.referral() in page("services/intake/README.md")


@pytest.mark.parametrize("name", ["intake", "social_investigation", "appropriate_adult", "notify", "audit"])
def test_a_services_page_names_every_method(name: str) -> None:
    text = page(f"services/{name}/README.md")
    proto = page(f"protos/guanhu/{name}/v1/{name}_service.proto")
    assert [method for method in re.findall(r"^  rpc (\w+)", proto, re.MULTILINE) if f"`{method}`" not in text] == []


@pytest.mark.parametrize("name", ["kernel", "intake", "social_investigation", "appropriate_adult", "notify", "audit", "demo"])
def test_a_services_page_links_every_module(name: str) -> None:
    folder = ROOT / "services" / name
    linked = {target for target in LINK.findall(page(f"services/{name}/README.md")) if target.endswith(".py")}
    modules = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py") if path.name != "__init__.py"}
    assert modules == linked


def test_every_rule_of_the_code_is_explained_and_no_other() -> None:
    explained = [line.split("\t")[0] for line in page("docs/rules.tsv").splitlines()]
    used = re.findall(r"^\| `([^`]+)`", page("docs/rules.md"), re.MULTILINE)
    assert explained == sorted(used)


def test_every_line_of_the_extract_has_meaning_source_and_mark() -> None:
    lines = [line.split("\t") for line in page("docs/rules.tsv").splitlines()]
    assert all(len(cells) == 4 and all(cells) and cells[3] in {"V", "R", "LOCAL", "P"} for cells in lines)
