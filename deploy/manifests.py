"""Renders and validates deploy/k8s: `python -m deploy.manifests [--render]`.

`kubectl kustomize` renders. What it rendered last is committed under tests/golden/k8s with a digest of its sources, so that a
machine without kubectl still checks what would be applied, and notices sources that were changed without rendering.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "deploy" / "k8s"
SCHEMAS = ROOT / "deploy" / "schemas"
GOLDEN = ROOT / "tests" / "golden" / "k8s"
OVERLAYS = ("dev", "prod")
DIGEST = "# sha256 of the sources: "

Manifest = dict[str, Any]


def main() -> int:
    """Prints every problem; returns 1 where there is one."""
    kubectl = shutil.which("kubectl")
    if "--render" in sys.argv:
        if kubectl is None:
            print("kubectl is needed to render")
            return 2
        _write_golden()
    problems = [line for overlay in OVERLAYS for line in (*invalid(rendered(overlay)), *stale(overlay, kubectl is not None))]
    if kubectl is None:
        print("kubectl is not installed: nothing is rendered anew, what it rendered last is validated")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


def rendered(overlay: str) -> list[Manifest]:
    """The manifests of an overlay as they were rendered last."""
    return _documents((GOLDEN / f"{overlay}.yaml").read_text(encoding="utf-8"))


def invalid(manifests: list[Manifest]) -> Iterator[str]:
    """What the schemas of the kinds refuse, unknown kinds and fields included."""
    validators = _validators()
    for manifest in manifests:
        kind = f"{manifest['apiVersion']}/{manifest['kind']}"
        if kind not in validators:
            yield f"{named(manifest)}: no schema of {kind} in deploy/schemas"
            continue
        for error in validators[kind].iter_errors(manifest):
            yield f"{named(manifest)}: {'.'.join(map(str, error.instance_path))}: {error.message}"


def stale(overlay: str, render: bool) -> Iterator[str]:
    """Whether the sources have changed since they were rendered; with `render` also whether they render to the same."""
    golden = GOLDEN / f"{overlay}.yaml"
    again = "; run: python3 run.py manifests --render"
    if golden.read_text(encoding="utf-8").splitlines()[0] != f"{DIGEST}{sources_sha256()}":
        yield f"{golden.relative_to(ROOT)}: the sources have changed{again}"
    elif render:
        old, new = ({named(m): m for m in manifests} for manifests in (rendered(overlay), _documents(_kustomize(overlay))))
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                yield f"{golden.relative_to(ROOT)}: {name} renders to something else{again}"


def sources_sha256() -> str:
    """One hash over the names and the content of all sources."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*.yaml")):
        digest.update(f"{path.relative_to(SOURCES).as_posix()}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def named(manifest: Manifest) -> str:
    """Kind and name."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _documents(text: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(text) if document]


def _kustomize(overlay: str) -> str:
    command = ["kubectl", "kustomize", str(SOURCES / "overlays" / overlay)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _write_golden() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for overlay in OVERLAYS:
        text = f"{DIGEST}{sources_sha256()}\n{_kustomize(overlay)}"
        (GOLDEN / f"{overlay}.yaml").write_text(text, encoding="utf-8")


def _validators() -> dict[str, jsonschema_rs.Draft7Validator]:
    found = {}
    for path in sorted(SCHEMAS.glob("*.json")):
        schemas = json.loads(path.read_text(encoding="utf-8"))
        for kind, definition in schemas["kinds"].items():
            schema = {"$ref": f"#/definitions/{definition}", "definitions": schemas["definitions"]}
            found[kind] = jsonschema_rs.Draft7Validator(schema)
    return found


if __name__ == "__main__":
    sys.exit(main())
