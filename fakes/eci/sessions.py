"""Commands in containers: what ExecContainerCommand begins, and the socket behind its address.

The real service's framing is not published. This one speaks Kubernetes' remotecommand (v5 and v4.channel.k8s.io): each
message begins with the number of its stream, the last one says how the command ended.
"""

import asyncio
import json
import posixpath
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from fakes.cloud.scripts import KILLED
from fakes.cloud.shell import Shell
from fakes.eci import errors
from fakes.eci.groups import Group
from wire import remotecommand

VALID_FOR = timedelta(seconds=30)
"""How long after the call the socket may be opened."""
GLANCE = 0.25
"""Seconds between two looks whether the container still runs."""

SHELLS = ("sh", "bash", "ash")
"""What reads commands from the user."""

Send = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Session:
    """A command that may be begun."""

    group: Group
    index: int
    command: tuple[str, ...]
    tty: bool
    until: datetime


class Sessions:
    """The commands of a region.

    Args:
        now: the wall clock.
        random: for the addresses.

    Attributes:
        base: where the sockets are: ``ws://host:port``.
    """

    def __init__(self, now: Callable[[], datetime], random: Random) -> None:
        self.base = "wss://eci.fake.invalid"
        self._now = now
        self._random = random
        self._open: dict[str, Session] = {}

    def open(self, group: Group, index: int, command: Sequence[str], *, tty: bool) -> dict[str, Any]:
        """An address for the command."""
        key = f"{self._random.getrandbits(64):016x}"
        self._open[key] = Session(group, index, tuple(command), tty, self._now() + VALID_FOR)
        return {"WebSocketUri": f"{self.base}/exec/?s={key}", "HttpUrl": f"https://eci.fake.invalid/terminal?s={key}"}

    def run_now(self, group: Group, index: int, command: Sequence[str]) -> str:
        """Run a command that does not wait, and give its output."""
        shell = Shell(environment(group, index), group.parameters["ContainerGroupName"])
        return "".join(piece.text for piece in shell.run(command).output)

    def take(self, key: str) -> Session:
        """The session of an address, once.

        Raises:
            EciError: there is none, or it is too late.
        """
        session = self._open.pop(key, None)
        if session is None or self._now() > session.until:
            raise errors.EciError(404, "InvalidSession.NotFound", "The session does not exist, or has ended.")
        return session

    async def run(self, session: Session, received: AsyncIterator[bytes], send: Send) -> None:
        """Run the command over its socket: ends with the command, with its container, or with the socket."""
        work = asyncio.ensure_future(self._work(session, received, send))
        try:
            while not work.done() and self._lives(session):
                await asyncio.wait([work], timeout=GLANCE)
            code = work.result() if work.done() else KILLED
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        status = remotecommand.exited(code) if code else remotecommand.success()
        await send(bytes([3]) + json.dumps(status).encode())

    async def _work(self, session: Session, received: AsyncIterator[bytes], send: Send) -> int:
        environment_ = environment(session.group, session.index)
        shell = Shell(environment_, session.group.parameters["ContainerGroupName"])
        if session.command[1:2] == ("-c",) or posixpath.basename(session.command[0]) not in SHELLS:
            return await self._play(shell, session.command, send)
        code = 0
        async for line in _lines(received):
            code = await self._play(shell, ["sh", "-c", line], send)
            if shell.ended:
                break
        return code

    async def _play(self, shell: Shell, command: Sequence[str], send: Send) -> int:
        outcome = shell.run(command)
        at = 0.0
        for piece in outcome.output:
            await asyncio.sleep(piece.at - at)
            at = piece.at
            await send(bytes([1]) + piece.text.encode())
        await asyncio.sleep(outcome.takes - at)
        return outcome.code

    def _lives(self, session: Session) -> bool:
        seen = session.group.look(self._now())
        return not seen.gone and seen.containers[session.index].started is not None


def environment(group: Group, index: int) -> dict[str, str]:
    """The variables of a container."""
    return {
        each["Key"]: group.place.address if "FieldRef" in each else each.get("Value", "")
        for each in group.containers[index].get("EnvironmentVar") or []
    }


async def _lines(received: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """What the user types, line by line."""
    rest = b""
    async for message in received:
        if message[:1] == bytes([remotecommand.CLOSE]):
            break
        if message[:1] != b"\x00":
            continue
        *lines, rest = (rest + message[1:]).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")
