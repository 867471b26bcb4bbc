"""Every service is deployed, as itself, with what it needs and no more rights than that."""

import pytest

from deploy.manifests import OVERLAYS, named, rendered
from services.builders import BUILDERS
from services.kernel import server
from services.kernel.config import Config
from services.kernel.grants import ROLE
from tests.unit.deploy.cluster import LIBPQ, SETTINGS, containers, environment, folder, of_kind, pods

each_service = pytest.mark.parametrize("service", BUILDERS)
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@each_overlay
@each_service
def test_service_has_everything_that_a_service_has(overlay: str, service: str) -> None:
    name = f"guanhu-{folder(service)}"
    of_service = {manifest["kind"] for manifest in rendered(overlay) if manifest["metadata"]["name"] == name}
    assert of_service >= {"Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "Certificate", "DatabaseRole"}


@each_overlay
@each_service
def test_service_runs_its_own_module_under_its_own_identity_and_role(overlay: str, service: str) -> None:
    name = f"guanhu-{folder(service)}"
    pod = of_kind(overlay, "Deployment")[name]["spec"]["template"]["spec"]
    certificate = of_kind(overlay, "Certificate")[name]["spec"]
    role = of_kind(overlay, "DatabaseRole")[name]
    secrets = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    assert [*pod["containers"][0]["command"], *pod["containers"][0]["args"]] == ["python", "-m", f"services.{service}"]
    assert certificate["uris"] == [f"spiffe://guanhu/service/{service}"]
    assert set(certificate["usages"]) >= {"server auth", "client auth"}
    assert role["spec"]["name"] == ROLE.format(service=service) == environment(overlay, service)["PGUSER"]
    assert (secrets["tls"], secrets["database"]) == (certificate["secretName"], f"{name}-client-cert")


@each_overlay
@each_service
def test_settings_are_those_of_production_and_start_the_service(overlay: str, service: str) -> None:
    environ = environment(overlay, service)
    assert set(environ) - LIBPQ <= SETTINGS
    config = Config.from_env(environ)
    assert config.production
    assert config.migrate == "never"


@each_overlay
def test_migration_sets_only_settings_that_there_are(overlay: str) -> None:
    [container] = of_kind(overlay, "Job")["guanhu-migrate"]["spec"]["template"]["spec"]["containers"]
    assert {entry["name"] for entry in container["env"]} - LIBPQ <= SETTINGS
    assert container["args"] == ["services", "migrate", "--require-roles"]


@each_overlay
def test_every_container_is_locked_down(overlay: str) -> None:
    for name, container in containers(overlay):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True, name
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert container["resources"]["requests"].keys() == container["resources"]["limits"].keys() == {"cpu", "memory"}, name


@each_overlay
def test_no_pod_is_root_or_talks_to_the_kubernetes_api(overlay: str) -> None:
    for name, pod in pods(overlay):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True and security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        # Kubernetes would add variables with our prefix for its own Services.
        assert pod["enableServiceLinks"] is False, name


@each_overlay
@each_service
def test_service_is_probed_at_the_port_for_health_and_has_time_to_drain(overlay: str, service: str) -> None:
    pod = of_kind(overlay, "Deployment")[f"guanhu-{folder(service)}"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    port = Config.from_env(environment(overlay, service)).health_listen.rpartition(":")[2]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["grpc"] == {"port": int(port)}, probe
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > pause + server.DRAIN_S


@each_overlay
def test_no_manifest_holds_a_secret(overlay: str) -> None:
    assert [named(manifest) for manifest in rendered(overlay) if manifest["kind"] == "Secret"] == []
    assert "PRIVATE KEY" not in str(rendered(overlay)) and "password" not in str(rendered(overlay)).lower()


@each_overlay
def test_the_authority_s_private_key_is_mounted_nowhere(overlay: str) -> None:
    for name, pod in pods(overlay):
        for volume in pod["volumes"]:
            if volume.get("secret", {}).get("secretName") == "postgres-ca":
                assert [item["key"] for item in volume["secret"]["items"]] == ["ca.crt"], name


@each_service
def test_production_runs_more_than_one_instance_on_different_nodes(service: str) -> None:
    name = f"guanhu-{folder(service)}"
    spec = of_kind("prod", "Deployment")[name]["spec"]
    scaler = of_kind("prod", "HorizontalPodAutoscaler").get(name)
    assert (scaler["spec"]["minReplicas"] if scaler else spec["replicas"]) > 1
    spread = {c["topologyKey"]: c["whenUnsatisfiable"] for c in spec["template"]["spec"]["topologySpreadConstraints"]}
    assert spread["kubernetes.io/hostname"] == "DoNotSchedule"
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_production_names_a_fixed_image() -> None:
    images = {container["image"] for _, container in containers("prod")}
    assert len(images) == 1
    [image] = images
    assert image.startswith("guanhu:") and not image.endswith(":latest")
