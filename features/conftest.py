"""Options and fixtures: ``pytest features/ --provider NAME`` plays every scenario on that provider's stage."""

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from features.backends import Backend, Cluster, Simulated
from features.stage import MakeStage
from features.world import World

pytest_plugins = [
    "features.steps_pods",
    "features.steps_nodes",
    "features.steps_provider",
    "features.steps_kubelet",
    "features.steps_data",
]

STAGES = "vksim.stages"
PARTS = {
    "ping": "only for providers that can be pinged",
    "exec": "only for providers that run commands in containers",
    "logs": "only for providers that have logs",
    "addressing": "only for providers that know a pod's address before it is created",
    "previous": "only for providers that keep the log of a container's run before",
    "grace": "only for providers whose cloud gives containers time to end",
    "hurry": "only for providers that can end a pod sooner than by the grace that it was created with",
    "refresh": "only for providers that can exchange the files of a running pod's volumes",
}
"""Tags of scenarios that need an optional part of the provider interface."""
INSIDE = "inside"
"""Tag of scenarios that look into the cloud, or break something: nothing for a real cluster."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vksim", "the meaning of a pod's life")
    group.addoption(
        "--provider",
        default="mock,mock-polling,aci,eci,fargate",
        help="providers to hold to it, with commas between (default: all; mock-polling is the mock without push)",
    )
    group.addoption(
        "--backend",
        default="simulated",
        choices=("simulated", "cluster"),
        help="a fake cluster in virtual time, or a real one in which a runner with the mock provider runs already",
    )
    group.addoption("--kubeconfig", type=Path, help="the real cluster's (default: the usual places)")
    group.addoption("--nodename", default="virtual-kubelet", help="the virtual node in the real cluster")
    group.addoption("--seed", default=0, type=int, help="the seed of all randomness (default: 0)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{INSIDE}: looks into the cloud or breaks something; not on a real cluster")
    for name, meaning in PARTS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "provider_name" in metafunc.fixturenames:
        names = str(metafunc.config.getoption("--provider")).split(",")
        if metafunc.config.getoption("--backend") == "cluster":
            names = ["mock"]  # that is what runs there
        metafunc.parametrize("provider_name", names, scope="session")


@pytest.fixture(scope="session")
def make_stage(provider_name: str) -> MakeStage:
    """Makes a new stage of the provider under test."""
    found = {point.name: point for point in entry_points(group=STAGES)}
    if provider_name not in found:
        raise pytest.UsageError(
            f"--provider {provider_name}: no stage of that name; there are: {', '.join(sorted(found)) or 'none'}"
        )
    factory: MakeStage = found[provider_name].load()
    return factory


@pytest.fixture(autouse=True)
def _plays_on(make_stage: MakeStage) -> None:
    """Names the provider among each scenario's fixtures, so that it is played on each of them."""


@pytest.fixture
def world(make_stage: MakeStage, provider_name: str, request: pytest.FixtureRequest) -> Iterator[World]:
    """A cluster, without a runner yet (a real one has it)."""
    if request.config.getoption("--backend") == "cluster" and request.node.get_closest_marker(INSIDE):
        pytest.skip("looks into the cloud or breaks something: not on a real cluster")
    world = World(_backend(make_stage, provider_name, request.config))
    missing = [name for name in PARTS if request.node.get_closest_marker(name) and name not in world.stage.parts]
    if missing:
        world.close()
        pytest.skip("; ".join(PARTS[name] for name in missing))
    yield world
    world.close()


def _backend(make_stage: MakeStage, provider: str, config: pytest.Config) -> Backend:
    seed: int = config.getoption("--seed")
    if config.getoption("--backend") == "simulated":
        return Simulated(make_stage, seed, provider)
    kubeconfig: Path | None = config.getoption("--kubeconfig")
    return Cluster(make_stage, seed, kubeconfig=kubeconfig, node=config.getoption("--nodename"))
