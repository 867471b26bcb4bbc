"""Writes deploy/schemas/ anew: the structure of the kinds that our manifests use, strict, without descriptions.

Run as `python -m deploy.vendor_schemas DEFINITIONS CRD...`: DEFINITIONS is `_definitions.json` of a `…-local-strict` folder of
the package kubernetes-validate, each CRD a file of the operators' releases. Structure only: rules in CEL are not checked.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES = {
    "v1/ConfigMap": "io.k8s.api.core.v1.ConfigMap",
    "v1/Namespace": "io.k8s.api.core.v1.Namespace",
    "v1/Service": "io.k8s.api.core.v1.Service",
    "v1/ServiceAccount": "io.k8s.api.core.v1.ServiceAccount",
    "apps/v1/Deployment": "io.k8s.api.apps.v1.Deployment",
    "batch/v1/Job": "io.k8s.api.batch.v1.Job",
    "autoscaling/v2/HorizontalPodAutoscaler": "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    "networking.k8s.io/v1/NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
    "policy/v1/PodDisruptionBudget": "io.k8s.api.policy.v1.PodDisruptionBudget",
}
# Of the largest kind only what a deployment of ours may set: anything else deserves a look at this line.
CLUSTER_FIELDS = (
    "affinity", "backup", "bootstrap", "enableSuperuserAccess", "imageName", "inheritedMetadata", "instances", "managed",
    "postgresql", "resources", "storage", "topologySpreadConstraints", "walStorage",
)  # fmt: skip
# What a schema says beside its structure.
_PROSE = frozenset({"description", "title", "example", "default", "format"})


def main() -> int:
    """Writes both files."""
    definitions, *crds = map(Path, sys.argv[1:])
    every = json.loads(definitions.read_text(encoding="utf-8"))["$defs"]
    _write("kubernetes.json", KUBERNETES, _reachable(every, list(KUBERNETES.values())))
    own: dict[str, Any] = {}
    for path in crds:
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        [version] = [version for version in crd["versions"] if version["storage"]]
        schema = version["schema"]["openAPIV3Schema"]
        if crd["names"]["kind"] == "Cluster":
            fields = schema["properties"]["spec"]["properties"]
            schema["properties"]["spec"]["properties"] = {name: fields[name] for name in CLUSTER_FIELDS}
        schema["properties"].pop("status", None)
        own[f"{crd['group']}/{version['name']}/{crd['names']['kind']}"] = _strict(schema)
    _write("operators.json", {kind: kind.replace("/", ".") for kind in own}, {k.replace("/", "."): v for k, v in own.items()})
    return 0


def _reachable(every: dict[str, Any], names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while names:
        name = names.pop()
        if name not in found:
            found[name] = _strict(every[name])
            names += _references(found[name])
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix("#/definitions/")
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    kept = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes") and key not in _PROSE}
    if "$ref" in kept:
        return {"$ref": "#/definitions/" + kept["$ref"].rpartition("/")[2]}
    result: dict[str, Any] = {}
    for key, value in kept.items():
        # Names of properties are not keywords: one may be called "description" or "format".
        result[key] = {name: _strict(part) for name, part in value.items()} if key == "properties" else _strict(value)
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    return result


def _write(name: str, kinds: dict[str, str], definitions: dict[str, Any]) -> None:
    # One definition a line, so that a new release can be compared with the last.
    lines = [f"{json.dumps(key)}: {json.dumps(definitions[key], sort_keys=True)}" for key in sorted(definitions)]
    text = f'{{"kinds": {json.dumps(kinds, sort_keys=True)}, "definitions": {{\n' + ",\n".join(lines) + "\n}}\n"
    (SCHEMAS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
