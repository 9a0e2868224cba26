r"""Commands in ACI's containers, over its WebSocket.

ACI starts one program without arguments, on a terminal, and tells no exit code. So a command with arguments is typed
into ``/bin/sh`` there, between two marks; what is written between them is its output, and the second mark carries the
exit code. The marks are typed in two parts, so that the terminal's echo of what was typed is not taken for them. A
program without arguments on a terminal (``/bin/bash``) is started as it is.
"""

import asyncio
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Protocol

from providers.aci.client import AciClient
from providers.base import AttachIO, TerminalSize
from providers.errors import NotFound, Unsupported

SHELL = "/bin/sh"
SIZE = TerminalSize(80, 24)
FIRST_SIZE_SECONDS = 0.5
"""How long a user's terminal may take to tell its size; ACI wants it at the beginning and never again."""

LONGEST_LINE = 4000
"""Characters that a terminal takes in one line (4096), less the marks."""

KILLED = 137
_END_OF_INPUT = b"\x04"


class Socket(Protocol):
    """A WebSocket to a container."""

    async def send(self, data: bytes | str) -> None:
        """Send a message."""
        ...

    def messages(self) -> AsyncIterator[bytes]:
        """What comes, until the other side hangs up."""
        ...


class Connect(Protocol):
    """Opens WebSockets."""

    def __call__(self, url: str) -> AbstractAsyncContextManager[Socket]:
        """A connection to that URL."""
        ...


class Commands:
    """Runs commands.

    Args:
        client: the way to Azure.
        connect: opens WebSockets.
        random: makes marks.
    """

    def __init__(self, client: AciClient, connect: Connect, random: Random) -> None:
        self._client = client
        self._connect = connect
        self._random = random

    async def run(self, group: str, container: str, command: Sequence[str], io: AttachIO, *, windows: bool) -> int:
        """Run a command: its exit code, 0 where ACI does not tell.

        Raises:
            NotFound: there is no such container, or it does not run.
            Unsupported: it takes a shell, and the image has none.
        """
        size = await _first_size(io)
        if windows or (io.tty and len(command) == 1):
            session = await self._client.execute(group, container, " ".join(command), size)
            async with self._connect(session.url) as socket:
                await socket.send(session.password)
                await _carried(socket, io, _Plain())
            return 0
        mark = f"{self._random.getrandbits(64):016x}"
        quiet = "" if io.tty else "stty -echo; "  # who has no terminal does not want to see what is typed into this one
        line = f"{quiet}echo vk''-begin-{mark}; {shlex.join(command)}; echo vk''-end-{mark}:$?; exit\n"
        if max(map(len, line.splitlines())) > LONGEST_LINE:
            raise Unsupported(f"ACI takes a command of at most {LONGEST_LINE} characters in a line")
        session = await self._client.execute(group, container, SHELL, size)
        async with self._connect(session.url) as socket:
            await socket.send(session.password)
            await socket.send(line.encode())
            output = _Marked(mark, tty=io.tty)
            await _carried(socket, io, output)
        return output.exit_code()


class _Plain:
    """Output that is shown as it comes."""

    ready = True
    over = False

    def shown(self, data: bytes) -> bytes:
        """All of it."""
        return data


class _Marked:
    """Output between two marks.

    Attributes:
        ready: whether the command has begun.
        over: whether it has ended.
    """

    def __init__(self, mark: str, *, tty: bool) -> None:
        self.ready = False
        self.over = False
        self._begin = f"vk-begin-{mark}".encode()
        self._end = f"vk-end-{mark}:".encode()
        self._tty = tty
        self._rest = b""
        self._refusal = b""
        self._code = ""

    def shown(self, data: bytes) -> bytes:
        """What of the data is the command's output. A piece that may be part of a mark is kept back."""
        self._rest += data
        if not self.ready:
            before, found, after = self._rest.partition(self._begin)
            if not found or b"\n" not in after:
                self._refusal = before[-500:]
                return b""
            self.ready, self._rest = True, after.partition(b"\n")[2]
        if self.over:
            return b""
        output, found, after = self._rest.partition(self._end)
        if found:
            if b"\n" in after:
                self.over = True
                self._code = after.partition(b"\n")[0].strip().decode(errors="replace")
            else:
                return b""
        else:
            kept = len(self._end) + 1
            output, self._rest = self._rest[:-kept], self._rest[-kept:]
        return output if self._tty else output.replace(b"\r\n", b"\n")

    def exit_code(self) -> int:
        """The command's exit code; 137 if its container ended first.

        Raises:
            NotFound: it never began.
        """
        if self.over:
            return int(self._code) if self._code.isdigit() else 1
        if self.ready:
            return KILLED
        said = self._refusal.decode(errors="replace").strip()
        if "not found" in said or "no such file" in said.lower():
            raise Unsupported(f"a command with arguments takes {SHELL}, which the image does not have: {said}")
        raise NotFound(f"the container does not run{f': {said}' if said else ''}")


async def _carried(socket: Socket, io: AttachIO, output: _Plain | _Marked) -> None:
    """Carry output and input until the command has ended."""
    begun = asyncio.Event()
    if output.ready:
        begun.set()
    typing = asyncio.ensure_future(_type(socket, io, begun))
    try:
        async for data in socket.messages():
            if shown := output.shown(data):
                await io.write_stdout(shown)
            if output.ready:
                begun.set()
            if output.over:
                return
    finally:
        typing.cancel()
        await asyncio.gather(typing, return_exceptions=True)


async def _type(socket: Socket, io: AttachIO, begun: asyncio.Event) -> None:
    """Send input once the command has begun, and then its end."""
    await begun.wait()
    typed = b""
    async for data in io.stdin():
        typed = data
        await socket.send(data)
    if typed:
        await socket.send(_END_OF_INPUT if typed.endswith(b"\n") else _END_OF_INPUT * 2)


async def _first_size(io: AttachIO) -> TerminalSize:
    """The size of the user's terminal when the command begins."""
    if not io.tty:
        return SIZE
    try:
        async with asyncio.timeout(FIRST_SIZE_SECONDS):
            async for size in io.resizes():
                return size
    except TimeoutError:
        pass
    return SIZE
