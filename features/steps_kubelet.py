"""Steps about what the kubelet API is asked for: commands in containers, and their logs."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from typing import Any

from pytest_bdd import parsers, then, when

from features.backends import PATIENCE
from features.world import World
from providers.base import LogOptions, TerminalSize
from providers.errors import ProviderError


class Command:
    """A command in the current pod's container, and the user who looks at it: without input, without a terminal."""

    tty = False

    def __init__(self, world: World, line: str) -> None:
        self.output = b""
        container = world.draft["spec"]["containers"][0]["name"]
        self.result = world.backend.loop.create_task(self._run(world, container, shlex.split(line)))

    async def _run(self, world: World, container: str, command: list[str]) -> int:
        run = world.backend.kubelet().exec(world.namespace, world.name, container, command)
        return await run(self)

    def stdin(self) -> AsyncIterator[bytes]:
        return _nothing()

    async def write_stdout(self, data: bytes) -> None:
        self.output += data

    async def write_stderr(self, data: bytes) -> None:
        self.output += data

    def resizes(self) -> AsyncIterator[TerminalSize]:
        return _nothing()


async def _nothing() -> AsyncIterator[Any]:
    return
    yield  # makes it an iterator


@when(parsers.parse('the command "{line}" is begun in the pod'), target_fixture="command")
def a_command_is_begun(world: World, line: str) -> Command:
    command = Command(world, line)
    world.passes(1)
    assert not command.result.done(), command.result
    return command


@when(parsers.parse('the command "{line}" is run in the pod'), target_fixture="command")
def a_command_is_run(world: World, line: str) -> Command:
    command = Command(world, line)
    world.do(_over(command))
    return command


async def _over(command: Command) -> None:
    await asyncio.wait([command.result], timeout=PATIENCE)
    assert command.result.done(), f"the command does not end; it wrote {command.output!r}"


@then(parsers.parse('it writes "{text}"'))
def it_writes(command: Command, text: str) -> None:
    assert command.output.decode().strip() == text


@then(parsers.parse("it ends with exit code {code:d}"))
def it_ends_with(world: World, command: Command, code: int) -> None:
    world.do(_over(command))
    assert command.result.result() == code


@then("it is refused")
def it_is_refused(command: Command) -> None:
    assert isinstance(command.result.exception(), ProviderError), command.result


@then("its container has a log")
def its_container_has_a_log(world: World) -> None:
    assert world.do(_log(world, LogOptions()))


@then("its container has a log of the run before")
def its_container_has_a_previous_log(world: World) -> None:
    assert world.do(_log(world, LogOptions(previous=True)))


async def _log(world: World, options: LogOptions) -> bytes:
    container = world.draft["spec"]["containers"][0]["name"]
    pieces = world.backend.kubelet().container_logs(world.namespace, world.name, container, options)
    return b"".join([piece async for piece in pieces])
