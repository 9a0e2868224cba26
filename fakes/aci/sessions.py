"""Commands that are run in containers, and output that is followed: what is spoken over their WebSockets.

A session is opened by a request, which answers where it is and a password. The client connects without a token, sends
the password as its first message, then input; the cloud sends output, as a terminal shows it, and closes. There is no
exit code, and a command is one program without arguments: that is the service, not this fake.
"""

from datetime import datetime, timedelta
from random import Random
from string import ascii_letters, digits
from typing import Any, NamedTuple

from fakes.aci import views
from fakes.aci.group import Group
from fakes.aci.life import RUNNING, Container
from fakes.aci.script import environment
from fakes.aci.shapes import TerminalSize
from fakes.cloud.shell import FOREVER, Piece, Shell

PATHS = ("execstream", "attachstream")
PASSWORD_SIGNS = ascii_letters + digits + "*!^()[]"
END_OF_INPUT, INTERRUPT = "\x04", "\x03"
"""What a terminal sends for ^D and ^C."""


class Output(NamedTuple):
    """What a session has to say now.

    Attributes:
        data: bytes to send.
        next: when there will be more; None if only input brings more.
        ended: whether that was the last.
    """

    data: bytes
    next: datetime | None
    ended: bool


class Session:
    """One connection. Time comes in; nothing waits.

    Attributes:
        password: what the first message must be.
    """

    def __init__(self, password: str, container: Container) -> None:
        self.password = password
        self.ended = False
        self._container = container
        self._run = container.state.started

    def open(self, now: datetime) -> None:
        """The client has shown the password."""

    def receive(self, text: str, now: datetime) -> None:
        """The client sent input."""

    def output(self, now: datetime) -> Output:
        """What is to be sent by now."""
        raise NotImplementedError

    def _alive(self) -> bool:
        """Whether the run of the container goes on in which this began."""
        state = self._container.state
        return state.state == RUNNING and state.started == self._run


class ExecSession(Session):
    """A program in a container, on a terminal."""

    def __init__(self, password: str, container: Container, group: str, command: str) -> None:
        super().__init__(password, container)
        self._command = command.strip()
        self._shell = Shell(environment(container.spec), group)
        self._interactive = False
        self._pieces: list[tuple[datetime, str]] = []
        self._over: datetime | None = None
        self._typed = ""

    def open(self, now: datetime) -> None:
        """Start the program."""
        if not self._alive():
            self.ended = True
            return
        name = self._command.rpartition("/")[2]
        if name in ("sh", "bash", "ash"):
            self._interactive = True
            self._pieces.append((now, "/ # "))
            return
        self._play(self._shell.run([self._command]).output, now)
        self._over = now

    def receive(self, text: str, now: datetime) -> None:
        """Type: the terminal shows it, and a whole line is run."""
        if not self._interactive or self._over is not None:
            return
        for sign in text.replace("\r\n", "\n").replace("\r", "\n"):
            if sign == END_OF_INPUT:
                self._over = self._free(now)
            elif sign == INTERRUPT:
                self._pieces = [each for each in self._pieces if each[0] <= now]
                self._pieces.append((now, "^C\n/ # "))
                self._typed = ""
            elif sign == "\n":
                self._pieces.append((self._free(now), "\n"))
                self._enter(self._free(now))
            else:
                self._typed += sign
                self._pieces.append((self._free(now), sign))

    def output(self, now: datetime) -> Output:
        """What is to be shown by now."""
        if not self._alive():
            self.ended = True
        due = "".join(text for at, text in self._pieces if at <= now)
        self._pieces = [each for each in self._pieces if each[0] > now]
        self.ended = self.ended or (self._over is not None and self._over <= now and not self._pieces)
        ahead = [at for at, _ in self._pieces] + ([self._over] if self._over is not None else [])
        ends = min(ahead, default=None)
        return Output(due.replace("\n", "\r\n").encode(), None if self.ended else ends, self.ended)

    def _enter(self, now: datetime) -> None:
        line, self._typed = self._typed, ""
        outcome = self._shell.script(line)
        self._play(outcome.output, now)
        if outcome.takes == FOREVER:
            return
        after = now + timedelta(seconds=outcome.takes)
        if self._shell.ended:
            self._over = after
        else:
            self._pieces.append((after, "/ # "))

    def _play(self, output: tuple[Piece, ...], began: datetime) -> None:
        self._pieces += ((began + timedelta(seconds=each.at), each.text) for each in output)

    def _free(self, now: datetime) -> datetime:
        """When what was typed before is done."""
        return max([now, *(at for at, _ in self._pieces)])


class AttachSession(Session):
    """The output of a container, from now on."""

    def __init__(self, password: str, container: Container) -> None:
        super().__init__(password, container)
        self._since: datetime | None = None

    def open(self, now: datetime) -> None:
        """Begin to follow."""
        self._since = now
        self.ended = not self._alive()

    def output(self, now: datetime) -> Output:
        """The lines that were written since the last time."""
        since, self._since = self._since, now
        self.ended = self.ended or not self._alive()
        lines: list[str] = []
        if self._run is not None and since is not None:
            until = min(now, self._container.ended(self._run) or now)
            lines = [line for at, line in self._container.lines_of(self._run, until) if since < at]
        data = "".join(f"{line}\r\n" for line in lines).encode()
        return Output(data, None if self.ended else self._container.next_line(now), self.ended)


class Sessions:
    """Those that were opened and not yet used up."""

    def __init__(self, region: str, random: Random) -> None:
        self.base = f"wss://sbzvksim.{region}.atlas.cloudapp.azure.com:19390"
        """Where WebSockets are found: a door that has them elsewhere says so here."""
        self._random = random
        self._waiting: dict[str, tuple[Group, Session]] = {}

    def exec(self, group: Group, container: Container, command: str, size: TerminalSize) -> dict[str, Any]:
        """Open a session for a command."""
        session = ExecSession(self._password(), container, group.place.name, command)
        rows, cols = size.rows or 24, size.cols or 80
        return self._opened("execstream", group, session, f"&rows={rows}&cols={cols}")

    def attach(self, group: Group, container: Container) -> dict[str, Any]:
        """Open a session that follows the output."""
        return self._opened("attachstream", group, AttachSession(self._password(), container), "")

    def take(self, path: str) -> tuple[Group, Session] | None:
        """The session of a WebSocket's path. It can be taken once."""
        return self._waiting.pop(path, None)

    def end(self, group: Group, now: datetime) -> None:
        """A group is gone, and what was opened in it."""
        self._waiting = {path: each for path, each in self._waiting.items() if each[0] is not group}
        for each in group.containers:
            each.lose(now, "")

    def _opened(self, kind: str, group: Group, session: Session, options: str) -> dict[str, Any]:
        path = f"/{kind}/sessionId/{views.guid(f'{self._random.getrandbits(128):032x}')}"
        self._waiting[path] = (group, session)
        return {"webSocketUri": f"{self.base}{path}?api-version=1.0{options}", "password": session.password}

    def _password(self) -> str:
        return "".join(self._random.choice(PASSWORD_SIGNS) for _ in range(24)) + "[[EOM]]"
