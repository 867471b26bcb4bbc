"""The database keeps what it acknowledged, tells nobody what it holds, and lets in only who has a certificate."""

import pytest

from deploy.manifests import OVERLAYS
from services.builders import BUILDERS
from services.kernel import postgres, resources
from tests.unit.deploy.cluster import instances_max, of_kind

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
# Replication, the operator, monitoring and an administrator.
OTHER_CONNECTIONS = 30


def test_production_acknowledges_a_commit_when_a_second_server_has_it() -> None:
    spec = of_kind("prod", "Cluster")["postgres"]["spec"]
    synchronous = spec["postgresql"]["synchronous"]
    assert spec["instances"] >= 3
    assert (synchronous["method"], synchronous["dataDurability"], synchronous["failoverQuorum"]) == ("any", "required", True)
    assert 1 <= synchronous["number"] < spec["instances"] - 1
    assert spec["affinity"]["podAntiAffinityType"] == "required"


@each_overlay
def test_server_is_set_as_durable_and_as_discreet_as_the_embedded_one(overlay: str) -> None:
    parameters = of_kind(overlay, "Cluster")["postgres"]["spec"]["postgresql"]["parameters"]
    embedded = dict(line.split(" = ") for line in postgres.SETTINGS)
    for name in ("fsync", "synchronous_commit"):
        assert parameters[name] == embedded[name] == "on"
    for name in embedded:
        if name.startswith("log_"):
            assert parameters[name] == embedded[name]


@each_overlay
def test_server_takes_every_connection_that_all_pods_may_open(overlay: str) -> None:
    parameters = of_kind(overlay, "Cluster")["postgres"]["spec"]["postgresql"]["parameters"]
    pods = sum(instances_max(overlay, service) for service in BUILDERS)
    assert pods * resources.POOL_CONNECTIONS_MAX + OTHER_CONNECTIONS <= int(parameters["max_connections"])


@each_overlay
def test_database_is_entered_by_certificate_alone(overlay: str) -> None:
    spec = of_kind(overlay, "Cluster")["postgres"]["spec"]
    *entries, last = (line.split() for line in spec["postgresql"]["pg_hba"])
    assert entries and all((entry[0], entry[1], entry[-1]) == ("hostssl", "guanhu", "cert") for entry in entries)
    assert last == ["host", "guanhu", "all", "all", "reject"]
    assert spec["enableSuperuserAccess"] is False
    for role in of_kind(overlay, "DatabaseRole").values():
        assert role["spec"]["clientCertificate"] == {"enabled": True} and not role["spec"].get("superuser")


@each_overlay
def test_tables_belong_to_the_migration_s_role_alone(overlay: str) -> None:
    owner = of_kind(overlay, "Cluster")["postgres"]["spec"]["bootstrap"]["initdb"]["owner"]
    [migration] = of_kind(overlay, "Job")["guanhu-migrate"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "PGUSER", "value": owner} in migration["env"]
    assert owner not in {f"guanhu_{service}" for service in BUILDERS}
