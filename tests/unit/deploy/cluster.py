"""The rendered manifests, looked at from the side of a service."""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.manifests import Manifest, rendered
from services.kernel.config import Config

SETTINGS = {f"GUANHU_{name.upper()}" for name in Config.__dataclass_fields__}
# Not ours: libpq's own, read by the database driver.
LIBPQ = {"PGUSER"}


def of_kind(overlay: str, kind: str) -> dict[str, Manifest]:
    """The manifests of a kind by name."""
    return {manifest["metadata"]["name"]: manifest for manifest in rendered(overlay) if manifest["kind"] == kind}


def folder(service: str) -> str:
    """A service's name as Kubernetes takes it."""
    return service.replace("_", "-")


def pods(overlay: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and pod specification of everything that runs our image."""
    for kind in ("Deployment", "Job"):
        for name, manifest in of_kind(overlay, kind).items():
            yield name, manifest["spec"]["template"]["spec"]


def containers(overlay: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every container of every pod, those that run first included."""
    for name, pod in pods(overlay):
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            yield f"{name}/{container['name']}", container


def environment(overlay: str, service: str) -> Mapping[str, str]:
    """The settings that a service's container gets, references resolved."""
    [container] = of_kind(overlay, "Deployment")[f"guanhu-{folder(service)}"]["spec"]["template"]["spec"]["containers"]
    found: dict[str, str] = {}
    for source in container["envFrom"]:
        found |= of_kind(overlay, "ConfigMap")[source["configMapRef"]["name"]]["data"]
    return found | {entry["name"]: entry["value"] for entry in container["env"]}


def instances_max(overlay: str, service: str) -> int:
    """Pods that a service may have at most, the one that a roll-out adds included."""
    name = f"guanhu-{folder(service)}"
    spec = of_kind(overlay, "Deployment")[name]["spec"]
    scaler = of_kind(overlay, "HorizontalPodAutoscaler").get(name)
    replicas = scaler["spec"]["maxReplicas"] if scaler else spec["replicas"]
    return int(replicas + spec["strategy"]["rollingUpdate"]["maxSurge"])


def addresses(overlay: str, service: str) -> dict[str, str]:
    """Where a service finds those that it calls, itself included."""
    ending = "_ADDRESS"
    return {
        name.removeprefix("GUANHU_").removesuffix(ending).lower(): value
        for name, value in environment(overlay, service).items()
        if name.endswith(ending)
    }
