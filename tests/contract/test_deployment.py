"""What the services do when they run is what deploy/k8s allows for."""

from collections.abc import Iterator
from dataclasses import replace

import grpc
import pytest

from deploy.manifests import OVERLAYS
from services.builders import BUILDERS
from services.demo.process import free_address
from services.kernel import follow, host, server
from services.kernel.config import Config
from services.kernel.host import Build, Running
from services.kernel.resources import Resources
from services.kernel.service import Service
from tests.databases import fresh_database
from tests.unit.deploy.cluster import addresses, folder, of_kind

# What a feed may still take to answer once its wait is over.
READ_S = 10.0
Calls = set[tuple[str, str]]


@pytest.fixture(scope="module")
def watched(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Calls]]:
    """Every service in this process, and who opened a channel to whom."""
    calls: Calls = set()

    def watching(build: Build) -> Build:
        def built(resources: Resources) -> Service:
            def channel(caller: str, callee: str) -> grpc.Channel:
                calls.add((caller, callee))
                return resources.channel(caller, callee)

            return build(replace(resources, channel=channel))

        return built

    with fresh_database(database_url) as url:
        config = Config(listen=free_address(), database_url=url, state_folder=tmp_path_factory.mktemp("state"))
        with host.serving(config, {name: watching(build) for name, build in BUILDERS.items()}) as running:
            yield running, calls


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_service_is_told_the_address_of_every_service_that_it_calls_and_no_other(
    watched: tuple[Running, Calls], overlay: str
) -> None:
    told = {(caller, callee) for caller in BUILDERS for callee in addresses(overlay, caller)}
    assert watched[1] == told


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("name", BUILDERS)
def test_a_pod_has_time_to_drain_and_to_stop_every_follower(watched: tuple[Running, Calls], overlay: str, name: str) -> None:
    pod = of_kind(overlay, "Deployment")[f"guanhu-{folder(name)}"]["spec"]["template"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    followers = len(watched[0].services[name].all_followers())
    needed = pause + server.DRAIN_S + followers * (follow.WAIT_S + READ_S)
    assert followers and pod["terminationGracePeriodSeconds"] > needed
