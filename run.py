#!/usr/bin/env python3
"""Guanhu's one entry point: makes `.venv`, installs the pinned packages, and runs a task in it.

Standard library only, so that it runs on a bare Debian or Ubuntu with Python 3.11 and python3-venv.
"""

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent
VENV = REPOSITORY / ".venv"
LOCK = REPOSITORY / "requirements.lock"
STAMP = VENV / "installed.sha256"
BASELINE = REPOSITORY / "gen" / "descriptors.binpb"
PYTHON_MIN = (3, 11)
# Each has services and a PostgreSQL of its own.
TEST_WORKERS_MAX = 4

Task = Callable[[Sequence[str]], int]


def say(text: str) -> None:
    """Prints progress to standard error, so that a task's own output stays clean."""
    print(f"run.py: {text}", file=sys.stderr, flush=True)


def prepare() -> None:
    """Makes the virtual environment and installs the lock file, once; an interrupted installation is done again."""
    stamp = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == stamp:
        return
    began = time.monotonic()
    say("making .venv")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit("run.py: python3 can't make a virtual environment; install it with: sudo apt install python3-venv")
    say("installing the packages of requirements.lock, checked by hash (about a minute)")
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--no-deps", "--require-hashes", "-r", str(LOCK)], check=False)
    if done.returncode:
        sys.exit("run.py: the installation failed; the lines above say why")
    STAMP.write_text(stamp)
    say(f"installed in {time.monotonic() - began:.0f} s")


def environment() -> dict[str, str]:
    """The environment of every task: UTF-8, UTC, our packages and the generated code on the path."""
    paths = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "gen")))
    path = os.pathsep.join((str(VENV / "bin"), os.environ.get("PATH", "/usr/bin:/bin")))
    return {**os.environ, "PYTHONPATH": paths, "PYTHONUTF8": "1", "TZ": "UTC", "PATH": path}


def run(*command: str) -> int:
    """Runs a command in the environment; passes signals on and returns its exit code."""
    child = subprocess.Popen([str(VENV / "bin" / command[0]), *command[1:]], cwd=REPOSITORY, env=environment())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    return child.wait()


def module(*arguments: str) -> int:
    """Runs a module of ours."""
    return run("python", "-m", *arguments)


def generate(folder: Path) -> int:
    """Generates the code of all protos into a folder."""
    protos = sorted(str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "protos").rglob("*.proto"))
    outputs = [f"--{kind}_out={folder}" for kind in ("python", "grpc_python")]
    outputs += [f"--{kind}_out=quiet:{folder}" for kind in ("mypy", "mypy_grpc")]
    return module("grpc_tools.protoc", "-Iprotos", *outputs, *protos)


def gen(arguments: Sequence[str]) -> int:
    """Regenerates gen/, and the pages of docs/ that follow from the code.

    With --release also the descriptors that later changes are checked against.
    """
    code = generate(REPOSITORY / "gen") or module("docs.pages")
    if code == 0 and "--release" in arguments:
        code = run("buf", "build", "-o", str(BASELINE))
    return code


def generated_is_current() -> int:
    """Compares freshly generated code with the committed one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if code := generate(folder):
            return code
        stale = [
            str(new.relative_to(folder))
            for new in sorted(folder.rglob("*_pb2*"))
            if not (old := REPOSITORY / "gen" / new.relative_to(folder)).exists() or old.read_bytes() != new.read_bytes()
        ]
    for path in stale:
        print(f"gen/{path} is not what the protos generate; run: python3 run.py gen")
    return 1 if stale else 0


def test(arguments: Sequence[str]) -> int:
    """All tests share the cores, file by file; what somebody picks runs in one process, where it can be looked into."""
    picked = any("/" in argument for argument in arguments)
    # A database that somebody else runs may have too few connections for several.
    workers = 1 if os.environ.get("GUANHU_DATABASE_URL") else min(os.cpu_count() or 1, TEST_WORKERS_MAX)
    shared = () if picked or workers == 1 else ("-n", str(workers), "--dist", "loadfile")
    return module("pytest", *shared, *arguments)


def check(_: Sequence[str]) -> int:
    """Style, types, borders between modules, protos, generated code, branches of the deciders: one line each."""
    checks: list[tuple[str, Callable[[], int]]] = [
        ("format", lambda: run("ruff", "format", "--check", "--quiet", ".")),
        ("lint", lambda: run("ruff", "check", "--quiet", ".")),
        ("types", lambda: run("mypy", "--no-error-summary", "services", "tests", "bench", "docs", "deploy", "run.py")),
        ("borders", lambda: run("lint-imports", "--no-cache")),
        ("protos: lint", lambda: run("buf", "lint")),
        ("protos: format", lambda: run("buf", "format", "--diff", "--exit-code")),
        ("protos: breaking", lambda: run("buf", "breaking", "--against", str(BASELINE))),
        ("generated code", generated_is_current),
        ("generated pages", lambda: module("docs.pages", "--check")),
        ("manifests", lambda: module("deploy.manifests")),
        ("deciders: every branch tested", lambda: module("pytest", "tests/unit", "--cov", "--cov-report=term", "--quiet")),
    ]
    failed = 0
    for name, task in checks:
        began = time.monotonic()
        code = task()
        failed += code != 0
        say(f"check {name}: {'ok' if code == 0 else 'FAILED'} ({time.monotonic() - began:.1f} s)")
    return 1 if failed else 0


def of(name: str, *first: str) -> Task:
    """The task of a module of ours: its arguments are passed on."""
    return lambda arguments: module(name, *first, *arguments)


TASKS: dict[str, tuple[str, Task]] = {
    "demo": ("play published cases through the API, verify the history, write report and bundle", of("services.demo")),
    "up": ("serve everything in one process until interrupted", of("services", "up")),
    "test": ("run all tests; arguments go to pytest", test),
    "check": ("style, types, borders, protos, generated code, deciders covered branch by branch", check),
    "gen": (
        "regenerate gen/ from protos/ and pages of docs/ from the code; --release also renews the baseline of compatibility",
        gen,
    ),
    "manifests": ("validate deploy/k8s; --render renews tests/golden/k8s, by kubectl", of("deploy.manifests")),
    "migrate": ("bring the database's schemas up to date", of("services", "migrate")),
    "fsck": ("prove that journals, chains, followers and views are whole", of("services", "fsck")),
    "replay": ("fold a stream at any point: replay SERVICE STREAM [VERSION]", of("services", "replay")),
    "bench": ("measure side by side: a table and one JSON line a figure; bench [GROUP ...]", of("bench")),
    "load": ("drive the whole main job: load --rate EVENTS --seconds S", of("bench.load")),
    "identity": (
        "write a development identity for other clients: identity USCC [OFFICER ROLE] FOLDER, or identity operator FOLDER",
        of("services", "identity"),
    ),
}


def main() -> int:
    """Reads the command line and runs the task."""
    if sys.version_info < PYTHON_MIN:
        return int(bool(sys.stderr.write("run.py: Python 3.11 or newer is needed\n")))
    parser = argparse.ArgumentParser(
        prog="run.py", description="Guanhu's tasks.", formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="tasks:\n" + "\n".join(f"  {name:8} {text}" for name, (text, _) in TASKS.items()),
    )  # fmt: skip
    parser.add_argument("task", choices=TASKS, metavar="TASK")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="passed to the task")
    options = parser.parse_args()
    prepare()
    return TASKS[options.task][1](options.arguments)


if __name__ == "__main__":
    sys.exit(main())
