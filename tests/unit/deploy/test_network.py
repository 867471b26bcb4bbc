"""Nothing may talk to anything but what is named, and what is named is what the services do."""

from typing import Any

import pytest

from deploy.manifests import OVERLAYS
from services.builders import BUILDERS
from services.kernel.config import Config
from tests.unit.deploy.cluster import addresses, environment, folder, of_kind

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
POSTGRES, INSTANCE_STATUS, DNS, OTLP, KUBERNETES_API = 5432, 8000, 53, 4317, (443, 6443)


def rules(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules of a policy in both directions."""
    return [*policy["spec"].get("ingress", ()), *policy["spec"].get("egress", ())]


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a selector takes a pod with these labels."""
    expressions = selector.get("matchExpressions", ())
    assert all(expression["operator"] == "In" for expression in expressions)
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(expression["key"]) in expression["values"] for expression in expressions
    )


def labels(overlay: str, service: str) -> dict[str, str]:
    """The labels of a service's pods."""
    found: dict[str, str] = of_kind(overlay, "Deployment")[f"guanhu-{folder(service)}"]["spec"]["template"]["metadata"][
        "labels"
    ]
    return found


def allowed(overlay: str, caller: str, callee: str) -> bool:
    """Whether both ends let a call through."""
    sends = takes = False
    source, target = labels(overlay, caller), labels(overlay, callee)
    port = int(Config.from_env(environment(overlay, callee)).listen.rpartition(":")[2])
    for policy in of_kind(overlay, "NetworkPolicy").values():
        spec = policy["spec"]
        for rule in spec.get("egress", ()) if selects(spec["podSelector"], source) else ():
            sends |= _reaches(rule, "to", target, port)
        for rule in spec.get("ingress", ()) if selects(spec["podSelector"], target) else ():
            takes |= _reaches(rule, "from", source, port)
    return sends and takes


def _reaches(rule: dict[str, Any], peers: str, pod: dict[str, str], port: int) -> bool:
    own = [peer for peer in rule.get(peers, ()) if "namespaceSelector" not in peer]
    return any(selects(peer["podSelector"], pod) for peer in own) and port in {entry["port"] for entry in rule["ports"]}


@each_overlay
def test_everything_is_denied_unless_it_is_named(overlay: str) -> None:
    deny = of_kind(overlay, "NetworkPolicy")["default-deny"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@each_overlay
@pytest.mark.parametrize("caller", BUILDERS)
@pytest.mark.parametrize("callee", BUILDERS)
def test_a_service_reaches_another_exactly_where_it_has_its_address(overlay: str, caller: str, callee: str) -> None:
    if caller == callee:
        # Inside the pod no policy applies; the certificate must be good for that name.
        own = addresses(overlay, caller).get(caller, "localhost:7443")
        assert own == "localhost:7443" and "localhost" in certificate_names(overlay, caller)
        return
    assert allowed(overlay, caller, callee) == (callee in addresses(overlay, caller))


def certificate_names(overlay: str, service: str) -> list[str]:
    """The DNS names of a service's certificate."""
    names: list[str] = of_kind(overlay, "Certificate")[f"guanhu-{folder(service)}"]["spec"]["dnsNames"]
    return names


@each_overlay
@pytest.mark.parametrize("caller", BUILDERS)
def test_addresses_name_a_service_its_port_and_its_certificate(overlay: str, caller: str) -> None:
    for callee, address in addresses(overlay, caller).items():
        host, _, port = address.partition(":")
        assert host in certificate_names(overlay, callee)
        if callee != caller:
            [served] = of_kind(overlay, "Service")[host]["spec"]["ports"]
            [container] = of_kind(overlay, "Deployment")[host]["spec"]["template"]["spec"]["containers"]
            ports = {entry["name"]: entry["containerPort"] for entry in container["ports"]}
            assert int(port) == served["port"] and ports[served["targetPort"]] == served["port"]


@each_overlay
def test_ports_of_the_rules_are_ports_that_are_served(overlay: str) -> None:
    served = {POSTGRES, INSTANCE_STATUS, DNS, OTLP, *KUBERNETES_API}
    for service in BUILDERS:
        served.add(int(Config.from_env(environment(overlay, service)).listen.rpartition(":")[2]))
    for name, policy in of_kind(overlay, "NetworkPolicy").items():
        for rule in rules(policy):
            assert {entry["port"] for entry in rule["ports"]} <= served, name


@each_overlay
def test_the_health_port_is_open_to_no_pod(overlay: str) -> None:
    health = {int(Config.from_env(environment(overlay, service)).health_listen.rpartition(":")[2]) for service in BUILDERS}
    for name, policy in of_kind(overlay, "NetworkPolicy").items():
        for rule in rules(policy):
            assert not health & {entry["port"] for entry in rule["ports"]}, name
