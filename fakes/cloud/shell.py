"""What a container's command, or a command that is run in a container, would do: a little shell that never waits.

It knows a few programs and no more. It computes at once what would be written when, and when it would end; whoever
asked lets that time pass.
"""

import math
import posixpath
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

FOREVER = math.inf
NOT_FOUND, MISUSE = 127, 2
"""Exit codes of shells."""

_VARIABLE = re.compile(r"\$(?:(\w+|\?)|\{(\w+)\})")
_SHELLS = ("sh", "bash", "ash")
_SYNTAX = frozenset(("while", "for", "until", "if", "case", "exec", "|", ">", ">>", "<", "&", "("))
"""What makes a script too much for this shell."""


class Piece(NamedTuple):
    """Something that is written, so many seconds after the beginning."""

    at: float
    text: str


class Outcome(NamedTuple):
    """What a command comes to.

    Attributes:
        output: what it writes, in order.
        takes: seconds until it ends; ``FOREVER`` if it does not.
        code: what it exits with.
    """

    output: tuple[Piece, ...]
    takes: float
    code: int


def runs_on(_: str) -> Outcome:
    """A program that is not known, in a container: a server, say."""
    return Outcome((), FOREVER, 0)


def not_found(program: str) -> Outcome:
    """A program that is not known, typed by somebody."""
    return Outcome((Piece(0.0, f"sh: {program}: not found\n"),), 0.0, NOT_FOUND)


class Shell:
    """Remembers what a shell remembers: the last exit code.

    Args:
        environment: the variables.
        hostname: of the container.
        unknown: what a program comes to that the shell does not know.

    Attributes:
        code: what the last command exited with.
        ended: whether it was told to exit.
    """

    def __init__(
        self, environment: Mapping[str, str], hostname: str, unknown: Callable[[str], Outcome] = not_found
    ) -> None:
        self.code = 0
        self.ended = False
        self._hostname = hostname
        self._unknown = unknown
        self._environment = {"HOSTNAME": hostname, **environment}
        self._programs: dict[str, Callable[[Sequence[str]], tuple[str, float, int]]] = {
            "echo": self._echo,
            "env": self._printenv,
            "exit": self._exit,
            "false": lambda _: ("", 0.0, 1),
            "hostname": lambda _: (f"{hostname}\n", 0.0, 0),
            "printenv": self._printenv,
            "pwd": lambda _: ("/\n", 0.0, 0),
            "sleep": self._sleep,
            "stty": lambda _: ("", 0.0, 0),
            "true": lambda _: ("", 0.0, 0),
        }

    def run(self, command: Sequence[str]) -> Outcome:
        """Run a command without a shell around it."""
        name = posixpath.basename(command[0])
        if name in _SHELLS and list(command[1:2]) == ["-c"]:
            outcome = Shell(self._environment, self._hostname, self._unknown).script(" ".join(command[2:3]))
            self.code = outcome.code
            return outcome
        program = self._programs.get(name)
        if program is None:
            outcome = self._unknown(command[0])
            self.code = outcome.code
            return outcome
        text, takes, self.code = program(list(command[1:]))
        return Outcome((Piece(0.0, text),) if text else (), takes, self.code)

    def script(self, script: str) -> Outcome:
        """Run commands with ``;``, ``&&`` or ``||`` between them. One that uses more of a shell runs for ever."""
        try:
            lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|<>()")
            lexer.whitespace_split = True
            words = [*lexer, ";"]
        except ValueError as error:
            self.code = MISUSE
            return Outcome((Piece(0.0, f"sh: {error}\n"),), 0.0, MISUSE)
        output: list[Piece] = []
        elapsed, skip = 0.0, False
        command: list[str] = []
        for word in words:
            if word not in (";", "&&", "||"):
                command.append(word)
                continue
            if command and not skip and not self.ended:
                outcome = self._one([self._expanded(each) for each in command])
                output += (Piece(elapsed + each.at, each.text) for each in outcome.output)
                elapsed += outcome.takes
                if elapsed == FOREVER:
                    break
            skip = (word == "&&" and self.code != 0) or (word == "||" and self.code == 0)
            command = []
        return Outcome(tuple(output), elapsed, self.code)

    def _one(self, command: list[str]) -> Outcome:
        if command[0] in _SYNTAX or _SYNTAX & set(command):
            return Outcome((), FOREVER, 0)
        return self.run(command)

    def _expanded(self, word: str) -> str:
        known = {**self._environment, "?": str(self.code)}
        return _VARIABLE.sub(lambda found: known.get(found[1] or found[2], ""), word)

    # --- programs: what they write, how long they take, what they exit with -----------------------------------------

    def _echo(self, arguments: Sequence[str]) -> tuple[str, float, int]:
        if arguments[:1] == ["-n"]:
            return " ".join(arguments[1:]), 0.0, 0
        return " ".join(arguments) + "\n", 0.0, 0

    def _printenv(self, arguments: Sequence[str]) -> tuple[str, float, int]:
        if not arguments:
            return "".join(f"{name}={value}\n" for name, value in self._environment.items()), 0.0, 0
        values = [self._environment[name] for name in arguments if name in self._environment]
        return "".join(f"{value}\n" for value in values), 0.0, 0 if len(values) == len(arguments) else 1

    def _exit(self, arguments: Sequence[str]) -> tuple[str, float, int]:
        self.ended = True
        return "", 0.0, int(arguments[0]) % 256 if arguments and arguments[0].isdigit() else self.code

    def _sleep(self, arguments: Sequence[str]) -> tuple[str, float, int]:
        try:
            return "", FOREVER if arguments[0] in ("infinity", "inf") else max(0.0, float(arguments[0])), 0
        except (IndexError, ValueError):
            return "sleep: give a number of seconds\n", 0.0, 1
