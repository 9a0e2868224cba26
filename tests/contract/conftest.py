"""Runs each contract test, a coroutine function that takes ``kube``, once over every back end."""

import asyncio
import inspect

import pytest

from tests.contract.backends import BACKENDS, REAL, Backend, real, the_control_plane

PARAMS = [
    pytest.param(backend, id=name, marks=[pytest.mark.controlplane] if name == REAL else [])
    for name, backend in BACKENDS.items()
]


@pytest.fixture(params=PARAMS)
def kube(request: pytest.FixtureRequest) -> Backend:
    """The back end; the test itself gets the client that it yields."""
    backend: Backend = request.param
    if backend is real:
        if marker := request.node.get_closest_marker("fakes_only"):
            pytest.skip(str(marker.args[0]))
        the_control_plane()
    return backend


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Start the back end, call the test with its client, and stop it, all in one event loop."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    backend: Backend = pyfuncitem.funcargs["kube"]
    others = {name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters if name != "kube"}

    async def run() -> None:
        async with backend() as client, asyncio.timeout(30):
            await test(kube=client, **others)

    asyncio.run(run())
    return True


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="write down what the real kube-apiserver answers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The recorded cases come last: on a real server what they make stays, and others' watches would see it."""
    items.sort(key=lambda item: "contract/test_recorded.py" in item.nodeid)
