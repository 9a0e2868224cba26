"""Commands and forwarded ports of the mock's pods, in virtual time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from providers import pods
from providers.errors import NotFound
from providers.mock.record import KILLED
from tests.unit.mock_setting import Setting, pod_with, run_with_mock
from tests.unit.test_mock_shell import User


async def silence() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b"never"


async def requests() -> AsyncIterator[bytes]:
    for piece in (b"GET / HTTP/1.1\r\n", b"\r", b"\nGET / HTTP/1.1\r\n\r\n"):
        yield piece


@run_with_mock
async def test_a_command_is_killed_with_its_container(mock: Setting) -> None:
    pod = pod_with(start_after="0", run_for="30s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(1)
    code = await mock.provider.exec_in_container(pods.ref(pod), "main", ["sleep", "100"], User())
    assert code == KILLED


@run_with_mock
async def test_files_are_there_for_the_next_command(mock: Setting) -> None:
    pod, reader = pod_with(start_after="0"), User()
    await mock.provider.create_pod(pod)
    await asyncio.sleep(1)
    await mock.provider.exec_in_container(pods.ref(pod), "main", ["sh", "-c", "echo kept > /note"], User())
    await mock.provider.exec_in_container(pods.ref(pod), "main", ["cat", "/note"], reader)
    assert reader.out == b"kept\n"


@run_with_mock
async def test_before_the_containers_run_there_is_nothing_to_run_a_command_in(mock: Setting) -> None:
    pod = pod_with(never_start="true")
    await mock.provider.create_pod(pod)
    with pytest.raises(NotFound, match="do not run"):
        await mock.provider.exec_in_container(pods.ref(pod), "main", ["true"], User())


@run_with_mock
async def test_a_port_answers_each_request(mock: Setting) -> None:
    pod = pod_with(start_after="0")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(1)
    answers: list[bytes] = []

    async def take(data: bytes) -> None:
        answers.append(data)

    await mock.provider.port_forward(pods.ref(pod), 8080, requests(), take)
    assert len(answers) == 2
    assert answers[0].endswith(f"{pods.ref(pod)} port 8080\n".encode())


@run_with_mock
async def test_a_forwarded_port_closes_with_its_pod(mock: Setting) -> None:
    pod = pod_with(start_after="0", run_for="30s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(1)

    async def take(data: bytes) -> None:
        raise AssertionError(data)

    async with asyncio.timeout(60):
        await mock.provider.port_forward(pods.ref(pod), 80, silence(), take)
