r"""Commands in containers by ECS Exec: ExecuteCommand, then Session Manager's data channel over a WebSocket.

ECS starts a command on a terminal, whatever the user has, and never tells its exit code. So a shell is started around
it, which writes a mark before and one after it, the second with the exit code; what is between is the output. For a
user without a terminal the shell first turns off what a terminal does to output and its echo of input. Output and
errors come as one stream: ECS keeps them no further apart.
"""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import timedelta
from random import Random
from typing import Protocol

from providers.base import AttachIO, Clock
from providers.errors import NotFound, Retryable, Unsupported
from providers.fargate.client import FargateClient
from providers.fargate.failures import NotConnected
from wire import ssm
from wire.ssm import Channel, Message

SHELL = "/bin/sh"
CLIENT_VERSION = "1.2.700.0"
"""Which of AWS's own clients this one speaks like."""
AGENT_PATIENCE, AGENT_PAUSE = timedelta(seconds=20), timedelta(seconds=2)
"""How long a container's agent may take to be there, and how often it is looked for."""
RESEND = 1.0
"""Seconds after which what was not acknowledged is sent again."""
KILLED = 137
_END_OF_INPUT, _INTERRUPT = b"\x04", b"\x03"


class Socket(Protocol):
    """A WebSocket to a container's agent."""

    async def send(self, data: bytes | str) -> None:
        """Send a message: text as text, bytes as bytes."""
        ...

    def messages(self) -> AsyncIterator[bytes]:
        """What comes, until the other side hangs up."""
        ...


class Connect(Protocol):
    """Opens WebSockets."""

    def __call__(self, url: str) -> AbstractAsyncContextManager[Socket]:
        """A connection to that URL. Raises Retryable."""
        ...


class Commands:
    """Runs commands.

    Args:
        client: the way to ECS.
        connect: opens WebSockets.
        clock: the wall clock.
        random: makes marks and the identities of messages.
    """

    def __init__(self, client: FargateClient, connect: Connect, clock: Clock, random: Random) -> None:
        self._client = client
        self._connect = connect
        self._clock = clock
        self._random = random

    async def run(self, arn: str, container: str, command: Sequence[str], io: AttachIO) -> int:
        """Run a command in a container of a task: its exit code.

        Raises:
            NotFound: the container does not run.
            Retryable: the connection broke before the command had ended, or the container's agent does not come up.
            Unsupported: the image has no shell.
        """
        mark = f"{self._random.getrandbits(64):016x}"
        session = await self._begun(arn, container, wrapped(command, mark, tty=io.tty))
        async with self._connect(session["streamUrl"]) as socket:
            opening = {
                "MessageSchemaVersion": "1.0",
                "RequestId": self._identity(),
                "TokenValue": session["tokenValue"],
                "ClientId": self._identity(),
            }
            await socket.send(json.dumps(opening))
            return await _Session(socket, self._clock, self._random, Marked(mark), io).run()

    async def _begun(self, arn: str, container: str, command: str) -> dict[str, str]:
        """The command's session; a container's agent comes up some seconds after the container."""
        until = self._clock.now() + AGENT_PATIENCE
        while True:
            try:
                return await self._client.command(arn, container, command)
            except NotConnected:
                if self._clock.now() >= until:
                    raise
            await asyncio.sleep(AGENT_PAUSE.total_seconds())

    def _identity(self) -> str:
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def wrapped(command: Sequence[str], mark: str, *, tty: bool) -> str:
    """What ECS is told to run: the command in a shell, between two marks."""
    quiet = "" if tty else "stty -echo -opost; "
    script = f"{quiet}echo vk-begin-{mark}; {shlex.join(command)}; echo vk-end-{mark}:$?"
    return shlex.join([SHELL, "-c", script])


class Marked:
    """Output between two marks. A terminal's line ends are undone where the shell could not turn them off.

    Args:
        mark: what makes the marks this command's own.

    Attributes:
        begun: whether the command has.
        code: its exit code once it has ended.
    """

    def __init__(self, mark: str) -> None:
        self.begun = False
        self.code: int | None = None
        self._begin = f"vk-begin-{mark}".encode()
        self._end = f"vk-end-{mark}:".encode()
        self._cooked = False
        self._rest = b""

    @property
    def refusal(self) -> str:
        """What was said instead of the command's beginning."""
        return "" if self.begun else self._rest.decode(errors="replace").strip()

    def shown(self, data: bytes, *, tty: bool) -> bytes:
        """What of the data is the command's output. A piece that may be part of a mark is kept back."""
        if self.code is not None:
            return b""
        self._rest += data
        if not self.begun:
            _, found, after = self._rest.partition(self._begin)
            line, ended, rest = after.partition(b"\n")
            if not found or not ended:
                return b""
            self.begun, self._cooked, self._rest = True, line.endswith(b"\r"), rest
        output, found, after = self._rest.partition(self._end)
        if found:
            line, ended, _ = after.partition(b"\n")
            if ended:
                self.code = int(line) if line.strip().isdigit() else 1
            else:
                self._rest = found + after
        else:
            kept = min(len(self._end), len(self._rest))
            while not (self._end.startswith(self._rest[len(self._rest) - kept :]) or kept == 0):
                kept -= 1
            if self._cooked and kept == 0 and self._rest.endswith(b"\r"):
                kept = 1
            output, self._rest = self._rest[: len(self._rest) - kept], self._rest[len(self._rest) - kept :]
        return output.replace(b"\r\n", b"\n") if self._cooked and not tty else output


class _Session:
    """One command over an open channel."""

    def __init__(self, socket: Socket, clock: Clock, random: Random, output: Marked, io: AttachIO) -> None:
        self._socket = socket
        self._clock = clock
        self._channel = Channel(ssm.INPUT, random)
        self._output = output
        self._io = io
        self._begun = asyncio.Event()

    async def run(self) -> int:
        """Carry output and input until the command has ended: its exit code."""
        beside = [asyncio.ensure_future(each) for each in (self._type(), self._resize(), self._send_again())]
        try:
            return await self._read()
        except asyncio.CancelledError:  # the user has hung up
            with suppress(OSError):
                await self._say(_INTERRUPT)
            raise
        finally:
            for each in beside:
                each.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _read(self) -> int:
        try:
            async for raw in self._socket.messages():
                message = ssm.decoded(raw)
                if message.kind == ssm.ACKNOWLEDGE:
                    self._channel.heard(message)
                elif message.kind == ssm.CLOSED:
                    return self._closed(str(message.content().get("Output") or ""))
                elif message.kind == ssm.OUTPUT and self._channel.takes(message):
                    await self._socket.send(self._channel.acknowledgement(message, self._now()))
                    for each in self._channel.received(message):
                        await self._learn(each)
                    if self._output.code is not None:
                        return self._output.code
        except ValueError as error:
            raise Retryable(f"the container's agent cannot be understood: {error}") from error
        raise Retryable("the connection to the container broke before the command had ended")

    async def _learn(self, message: Message) -> None:
        if message.payload_kind == ssm.HANDSHAKE_REQUEST:
            await self._say(_handshake(message), ssm.HANDSHAKE_RESPONSE)
        elif message.payload_kind == ssm.DATA:
            if shown := self._output.shown(message.payload, tty=self._io.tty):
                await self._io.write_stdout(shown)
            if self._output.begun:
                self._begun.set()

    def _closed(self, why: str) -> int:
        """The session is over and the command's end was not told: its container has ended, or it never began."""
        if self._output.begun:
            return KILLED
        said = self._output.refusal or why
        if "no such file" in said.lower() or "not found" in said.lower():
            raise Unsupported(f"a command takes {SHELL}, which the image does not have: {said}")
        raise NotFound(f"the container does not run the command{f': {said}' if said else ''}")

    async def _type(self) -> None:
        """Send input once the command has begun, and then its end."""
        await self._begun.wait()
        last = b"\n"
        async for data in self._io.stdin():
            for first in range(0, len(data), ssm.MOST_PAYLOAD):
                await self._say(data[first : first + ssm.MOST_PAYLOAD])
            last = data[-1:] or last
        await self._say(_END_OF_INPUT if last == b"\n" else _END_OF_INPUT * 2)  # in a line, the first only ends that

    async def _resize(self) -> None:
        """Tell the terminal's sizes, none before the command has begun: an agent heeds nothing before its handshake."""
        await self._begun.wait()
        async for size in self._io.resizes():
            await self._say(json.dumps({"cols": size.width, "rows": size.height}).encode(), ssm.SIZE)

    async def _send_again(self) -> None:
        """An agent that is busy drops what it is sent."""
        before = None
        while True:
            await asyncio.sleep(RESEND)
            unheard = self._channel.unheard()
            if unheard is not None and unheard is before:
                await self._socket.send(unheard)
            before = unheard

    async def _say(self, payload: bytes, payload_kind: int = ssm.DATA) -> None:
        await self._socket.send(self._channel.data(payload, self._now(), payload_kind))

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _handshake(request: Message) -> bytes:
    """The answer to what the agent wants agreed: the type of the session is, encryption by a key of KMS is not.

    Raises:
        ValueError: the request cannot be read.
    """
    done, errors = [], []
    for each in request.content().get("RequestedClientActions") or []:
        kind = each.get("ActionType")
        known = kind == "SessionType"
        error = "" if known else f"{kind} is not supported"
        done.append({"ActionType": kind, "ActionStatus": 1 if known else 3, "ActionResult": None, "Error": error})
        errors += [error] if error else []
    return json.dumps({"ClientVersion": CLIENT_VERSION, "ProcessedClientActions": done, "Errors": errors}).encode()
