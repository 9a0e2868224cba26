"""ECS Exec: what ExecuteCommand begins, and the data channel of Session Manager behind its address.

As the real one: a command is started on a terminal (what it writes ends lines with CR LF, unless ``stty -opost`` was
called), errors are among the output, and nobody tells its exit code.
"""

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from fakes.cloud.shell import FOREVER, Shell
from fakes.fargate import errors
from fakes.fargate.tasks import RUNNING, Container, Task
from wire import ssm
from wire.ssm import Channel

VALID_FOR = timedelta(seconds=60)
"""How long after the call the socket may be opened."""
GLANCE = 0.25
"""Seconds between two looks whether the container still runs."""
HANDSHAKE_SECONDS = 15.0
"""How long the agent waits for an answer to what it wants agreed."""
SHELLS = ("sh", "bash", "ash")
END_OF_INPUT, INTERRUPT = "\x04", "\x03"
"""What a terminal sends for ^D and ^C."""

Send = Callable[[bytes], Awaitable[None]]
Received = AsyncIterator[str | bytes]


@dataclass(frozen=True, slots=True)
class Session:
    """A command that may be begun."""

    name: str
    token: str
    task: Task
    container: Container
    command: tuple[str, ...]
    until: datetime


class Sessions:
    """The commands of an account.

    Args:
        now: the wall clock.
        random: for names and tokens.
        secret: the value of a secret by its name.

    Attributes:
        base: where the sockets are: ``ws://host:port``.
    """

    def __init__(self, now: Callable[[], datetime], random: Random, secret: Callable[[str], str]) -> None:
        self._secret = secret
        self.base = "wss://ssmmessages.fake.invalid"
        self._now = now
        self._random = random
        self._open: dict[str, Session] = {}

    def open(self, task: Task, given: Mapping[str, Any]) -> dict[str, Any]:
        """A session for the command. Raises AwsError."""
        now, name = self._now(), given.get("container") or task.containers[0].name
        container = next((each for each in task.containers if each.name == name), None)
        if not given.get("interactive"):
            raise errors.parameter("Interactive is the only mode supported currently.")
        if container is None or task.status(now) != RUNNING or container.status(now, task.executed) != RUNNING:
            raise errors.parameter("The container is not running, or there is none of that name in the task.")
        if not task.constant["enableExecuteCommand"]:
            raise errors.parameter(
                "The execute command failed because execute command was not enabled when the task was run or the"
                " execute command agent isn't running. Wait and try again or run a new task with execute command"
                " enabled and try again."
            )
        if not task.takes_commands(container, now):
            raise errors.AwsError(
                "TargetNotConnectedException", "The execute command failed due to an internal error. Try again later."
            )
        self._open = {key: each for key, each in self._open.items() if now <= each.until}
        session = Session(
            f"ecs-execute-command-{self._random.getrandbits(68):017x}",
            f"{self._random.getrandbits(256):064x}",
            task,
            container,
            tuple(_words(str(given.get("command") or ""))),
            now + VALID_FOR,
        )
        self._open[session.name] = session
        stream = f"{self.base}/v1/data-channel/{session.name}?role=publish_subscribe"
        return {"sessionId": session.name, "streamUrl": stream, "tokenValue": session.token}

    async def run(self, name: str, received: Received, send: Send) -> None:
        """Speak over a session's socket until the command, its container, or the socket ends."""
        session = self._open.pop(name, None)
        opening = await anext(received, "")
        if session is None or self._now() > session.until or _token(opening) != session.token:
            return
        hidden = session.container.definition.get("secrets") or []
        environment = {
            **session.container.environment,
            **{each["name"]: self._secret(each["valueFrom"]) for each in hidden},
        }
        shell = Shell(environment, session.task.arn.rpartition("/")[2])
        talk = _Talk(session, self._now, Random(self._random.getrandbits(64)), shell, send)
        await talk.run(received)


class _Talk:
    """One open channel, as the agent in the container sees it."""

    def __init__(self, session: Session, now: Callable[[], datetime], random: Random, shell: Shell, send: Send) -> None:
        self._session = session
        self._shell = shell
        self._now = now
        self._send = send
        self._channel = Channel(ssm.OUTPUT, random)
        self._agreed = asyncio.Event()
        self._typed: asyncio.Queue[str] = asyncio.Queue()
        self._terminal = _Terminal()

    async def run(self, received: Received) -> None:
        listening = asyncio.ensure_future(self._listen(received))
        working = asyncio.ensure_future(self._work())
        try:
            while not working.done() and not listening.done() and self._lives():
                await asyncio.wait([working, listening], timeout=GLANCE, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                await self._send(self._channel.closed(self._session.name, "", self._millis()))
        finally:
            for each in (working, listening):
                each.cancel()
            await asyncio.gather(working, listening, return_exceptions=True)

    async def _listen(self, received: Received) -> None:
        async for raw in received:
            if isinstance(raw, str):
                continue
            message = ssm.decoded(raw)
            if message.kind == ssm.ACKNOWLEDGE:
                self._channel.heard(message)
            elif message.kind == ssm.INPUT and self._takes(message):
                await self._send(self._channel.acknowledgement(message, self._millis()))
                for each in self._channel.received(message):
                    if each.payload_kind == ssm.HANDSHAKE_RESPONSE:
                        self._agreed.set()
                    elif each.payload_kind == ssm.DATA:
                        self._typed.put_nowait(each.payload.decode("utf-8", "replace"))

    def _takes(self, message: ssm.Message) -> bool:
        """Whether the agent heeds a message: before all is agreed only the agreement, and it does not say no."""
        return self._agreed.is_set() or message.payload_kind == ssm.HANDSHAKE_RESPONSE

    async def _work(self) -> None:
        wanted = {"ActionType": "SessionType", "ActionParameters": {"SessionType": "InteractiveCommands"}}
        request = {"AgentVersion": "3.3.859.0", "RequestedClientActions": [wanted]}
        await self._say(json.dumps(request), ssm.HANDSHAKE_REQUEST)
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            await self._agreed.wait()
        await self._say(json.dumps({"HandshakeTimeToComplete": 1000000, "CustomerMessage": ""}), ssm.HANDSHAKE_COMPLETE)
        command = self._session.command
        shell = self._shell
        if command and command[0].rpartition("/")[2] in SHELLS and command[1:2] != ("-c",):
            await self._interactive(shell)
        elif command:
            await self._batch(shell, command)

    async def _batch(self, shell: Shell, command: tuple[str, ...]) -> None:
        """A command; what it does with the terminal holds from where it does it."""
        script = command[2] if command[1:2] == ("-c",) and len(command) > 2 else ""
        self._terminal.raw = bool(re.match(r"stty [^;]*-opost", script))
        cat = re.fullmatch(r"(?P<before>.*; )cat(?P<after>; .*)", script)
        if cat is None:
            await self._play(shell, command)
            return
        await self._play(shell, (*command[:2], cat["before"].rstrip("; ")))
        async for line in self._lines():
            await self._say(self._terminal.shown(line))
        await self._play(shell, (*command[:2], f"true{cat['after']}"))

    async def _interactive(self, shell: Shell) -> None:
        await self._say("# ")
        async for line in self._lines(echo=True):
            await self._play(shell, ("sh", "-c", line) if line.strip() else ("true",))
            if shell.ended or line.split()[:1] == ["exit"]:
                return
            await self._say("# ")

    async def _play(self, shell: Shell, command: tuple[str, ...]) -> None:
        outcome, at = shell.run(command), 0.0
        for piece in outcome.output:
            await asyncio.sleep(piece.at - at)
            at = piece.at
            await self._say(self._terminal.shown(piece.text))
        if outcome.takes == FOREVER:
            await asyncio.Event().wait()
        await asyncio.sleep(outcome.takes - at)

    async def _lines(self, *, echo: bool = False) -> AsyncIterator[str]:
        """What the user types, line by line, until ^D at a line's beginning (or a second one within a line)."""
        line = ""
        while True:
            for sign in (await self._typed.get()).replace("\r", "\n"):
                if sign == END_OF_INPUT:
                    if not line:
                        return
                    yield line
                    line = ""
                elif sign == INTERRUPT:
                    line = ""
                else:
                    line += sign
                    if echo:
                        await self._say(self._terminal.shown(sign))
                    if sign == "\n":
                        yield line
                        line = ""

    async def _say(self, text: str, kind: int = ssm.DATA) -> None:
        await self._send(self._channel.data(text.encode(), self._millis(), kind))

    def _lives(self) -> bool:
        return self._session.container.status(self._now(), self._session.task.executed) == RUNNING

    def _millis(self) -> int:
        return int(self._now().timestamp() * 1000)


class _Terminal:
    """What a terminal does to output.

    Attributes:
        raw: whether it was told to do nothing.
    """

    raw = False

    def shown(self, text: str) -> str:
        """The text as it is shown."""
        return text if self.raw else text.replace("\n", "\r\n")


def _token(opening: str | bytes) -> str:
    try:
        return str(json.loads(opening).get("TokenValue", ""))
    except (ValueError, AttributeError):
        return ""


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise errors.parameter(f"command: {error}") from None
