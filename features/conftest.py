"""Options and fixtures: ``pytest features/ --provider NAME`` plays every scenario on that provider's stage."""

from collections.abc import Iterator
from importlib.metadata import entry_points

import pytest

from features.stage import MakeStage
from features.world import World

pytest_plugins = ["features.steps_pods", "features.steps_nodes", "features.steps_provider"]

STAGES = "vksim.stages"
PARTS = {"ping": "only for providers that can be pinged"}
"""Tags of scenarios that need an optional part of the provider interface."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vksim", "the meaning of a pod's life")
    group.addoption(
        "--provider",
        default="mock,mock-polling",
        help="providers to hold to it, with commas between (default: the mock, and the mock without push)",
    )
    group.addoption("--seed", default=0, type=int, help="the seed of all randomness (default: 0)")


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in PARTS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "provider_name" in metafunc.fixturenames:
        names = str(metafunc.config.getoption("--provider")).split(",")
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
def world(make_stage: MakeStage, request: pytest.FixtureRequest) -> Iterator[World]:
    """A fake cluster in virtual time, without a runner yet."""
    world = World(make_stage, seed=request.config.getoption("--seed"))
    missing = [name for name in PARTS if request.node.get_closest_marker(name) and name not in world.stage.parts]
    if missing:
        world.close()
        pytest.skip(f"this provider has no {', '.join(missing)}")
    yield world
    world.close()
