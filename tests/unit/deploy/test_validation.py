"""The validation of deploy/k8s: the manifests pass it, and what is wrong does not."""

import copy

import pytest

from deploy.manifests import OVERLAYS, invalid, rendered, stale
from tests.unit.deploy.cluster import of_kind


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_manifests_fit_the_schemas_and_their_sources_are_unchanged_since_they_were_rendered(overlay: str) -> None:
    assert [*invalid(rendered(overlay)), *stale(overlay, render=False)] == []


def test_a_misspelt_field_a_wrong_type_and_a_missing_field_are_refused() -> None:
    deployment = copy.deepcopy(of_kind("prod", "Deployment")["guanhu-intake"])
    pod = deployment["spec"]["template"]["spec"]
    pod["terminationGracePeriod"] = 90
    pod["containers"][0]["ports"][0]["containerPort"] = "grpc"
    del pod["containers"][0]["name"]
    assert len(list(invalid([deployment]))) == 3


def test_a_misspelt_field_of_the_database_cluster_is_refused() -> None:
    cluster = copy.deepcopy(of_kind("prod", "Cluster")["postgres"])
    cluster["spec"]["postgresql"]["synchronous"]["dataDurability"] = "always"
    cluster["spec"]["instance"] = 3
    assert len(list(invalid([cluster]))) == 2


def test_a_kind_that_nobody_can_check_is_refused() -> None:
    unknown = {"apiVersion": "v1", "kind": "Pods", "metadata": {"name": "x"}}
    assert list(invalid([unknown])) == ["Pods/x: no schema of v1/Pods in deploy/schemas"]
