"""What ``kubectl exec`` finds in a container of the mock: a little shell over files that exist only in memory.

Enough to try exec, attach and cp with, and no more: no pipes, no variables but ``$?`` and the container's own. The
files live as long as the container's run.
"""

import asyncio
import io
import posixpath
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from providers.base import AttachIO
from providers.mock.files import Files

NOT_FOUND, MISUSE = 127, 2
"""Exit codes of shells."""
END_OF_INPUT, INTERRUPT, BACKSPACE, DELETE = 0x04, 0x03, 0x08, 0x7F
"""What a terminal sends for ^D, ^C and the two keys that rub out."""


_VARIABLE = re.compile(r"\$(?:(\w+|\?)|\{(\w+)\})")


class Shell:
    """Runs commands for one user.

    Args:
        files: the container's.
        environment: its variables.
        hostname: the pod's name.
        user: the user's end.
    """

    def __init__(self, files: Files, environment: Mapping[str, str], hostname: str, user: AttachIO) -> None:
        self._files = files
        self._environment = {"HOSTNAME": hostname, **environment}
        self._hostname = hostname
        self._user = user
        self._folder = "/"
        self._code = 0
        self._ended = False
        self._commands: dict[str, Callable[[Sequence[str]], Awaitable[int]]] = {
            "cat": self._cat,
            "cd": self._cd,
            "echo": self._echo,
            "env": self._env,
            "exit": self._exit,
            "false": self._false,
            "hostname": self._print_hostname,
            "ls": self._ls,
            "printenv": self._env,
            "pwd": self._pwd,
            "rm": self._rm,
            "sh": self._sh,
            "sleep": self._sleep,
            "stty": self._stty,
            "tar": self._tar,
            "test": self._test,
            "true": self._true,
        }

    async def run(self, command: Sequence[str]) -> int:
        """Run a command; its exit code."""
        name = posixpath.basename(command[0]) if command else ""
        name = "sh" if name == "bash" else name
        known = self._commands.get(name)
        if known is None:
            await self._complain(f"sh: {command[0] if command else ''}: not found")
            return NOT_FOUND
        return await known(list(command[1:]))

    # --- the shell itself -------------------------------------------------------------------------------------------

    async def _sh(self, arguments: Sequence[str]) -> int:
        if arguments[:1] == ["-c"]:
            return await self._script(arguments[1] if len(arguments) > 1 else "")
        prompt = "/ # " if self._user.tty else ""
        await self._say(prompt)
        lines = self._typed() if self._user.tty else _lines(self._user.stdin())
        async for line in lines:
            self._code = await self._script(line)
            if self._ended:
                break
            await self._say(prompt)
        return self._code

    async def _script(self, script: str) -> int:
        """Commands with ``;``, ``&&`` or ``||`` between them, and ``>`` or ``>>`` to a file."""
        try:
            lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|>")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError as error:
            await self._complain(f"sh: {error}")
            return MISUSE
        command: list[str] = []
        skip = False
        for word in [*words, ";"]:
            if word not in (";", "&&", "||"):
                command.append(self._expanded(word))
                continue
            if command and not skip:
                self._code = await self._redirected(command)
                if self._ended:
                    return self._code
            skip = (word == "&&" and self._code != 0) or (word == "||" and self._code == 0)
            command = []
        return self._code

    async def _redirected(self, command: list[str]) -> int:
        for sign in (">", ">>"):
            if sign in command:
                at = command.index(sign)
                path = self._path(command[at + 1] if len(command) > at + 1 else "")
                user, self._user = self._user, _Capture(self._user)
                try:
                    code = await self.run(command[:at])
                finally:
                    captured, self._user = self._user, user
                before = self._files.content.get(path, b"") if sign == ">>" else b""
                self._files.content[path] = before + captured.written
                return code
        return await self.run(command)

    def _expanded(self, word: str) -> str:
        known = {**self._environment, "?": str(self._code)}
        return _VARIABLE.sub(lambda found: known.get(found[1] or found[2], ""), word)

    async def _typed(self) -> AsyncIterator[str]:
        """The lines of a terminal: what is typed is shown, as a terminal's driver does."""
        line = bytearray()
        async for piece in self._user.stdin():
            for byte in piece:
                if byte in b"\r\n":
                    await self._say("\r\n")
                    yield line.decode(errors="replace")
                    line.clear()
                elif byte == END_OF_INPUT and not line:
                    return
                elif byte == INTERRUPT:
                    line.clear()
                    await self._say("^C\r\n")
                    yield ""
                elif byte in (BACKSPACE, DELETE):
                    if line:
                        line.pop()
                        await self._say("\b \b")
                else:
                    line.append(byte)
                    await self._user.write_stdout(bytes([byte]))

    async def _say(self, text: str) -> None:
        if text:
            await self._user.write_stdout(text.encode())

    async def _print(self, *lines: str) -> int:
        end = "\r\n" if self._user.tty else "\n"
        await self._say("".join(line + end for line in lines))
        return 0

    async def _complain(self, line: str) -> None:
        end = "\r\n" if self._user.tty else "\n"
        await self._user.write_stderr(f"{line}{end}".encode())

    def _path(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._folder, path))

    # --- commands ---------------------------------------------------------------------------------------------------

    async def _cat(self, arguments: Sequence[str]) -> int:
        code = 0
        for name in arguments:
            data = self._files.content.get(self._path(name))
            if data is None:
                await self._complain(f"cat: can't open '{name}': No such file or directory")
                code = 1
            else:
                await self._user.write_stdout(data)
        if not arguments:
            async for piece in self._user.stdin():
                await self._user.write_stdout(piece)
        return code

    async def _cd(self, arguments: Sequence[str]) -> int:
        folder = self._path(arguments[0] if arguments else "/")
        if not self._files.is_folder(folder):
            await self._complain(f"sh: cd: can't cd to {arguments[0]}: No such file or directory")
            return MISUSE
        self._folder = folder
        return 0

    async def _echo(self, arguments: Sequence[str]) -> int:
        if arguments[:1] == ["-n"]:
            await self._say(" ".join(arguments[1:]))
            return 0
        return await self._print(" ".join(arguments))

    async def _env(self, arguments: Sequence[str]) -> int:
        if arguments:
            values = [self._environment[name] for name in arguments if name in self._environment]
            await self._print(*values)
            return 0 if len(values) == len(arguments) else 1
        return await self._print(*(f"{name}={value}" for name, value in self._environment.items()))

    async def _exit(self, arguments: Sequence[str]) -> int:
        self._ended = True
        return int(arguments[0]) % 256 if arguments and arguments[0].isdigit() else self._code

    async def _false(self, _: Sequence[str]) -> int:
        return 1

    async def _true(self, _: Sequence[str]) -> int:
        return 0

    async def _print_hostname(self, _: Sequence[str]) -> int:
        return await self._print(self._hostname)

    async def _ls(self, arguments: Sequence[str]) -> int:
        code = 0
        for name in [each for each in arguments if not each.startswith("-")] or ["."]:
            path = self._path(name)
            if path in self._files.content:
                await self._print(name)
            elif self._files.is_folder(path):
                await self._print(*(each for each in self._files.names(path) if not each.startswith(".")))
            else:
                await self._complain(f"ls: {name}: No such file or directory")
                code = 1
        return code

    async def _pwd(self, _: Sequence[str]) -> int:
        return await self._print(self._folder)

    async def _rm(self, arguments: Sequence[str]) -> int:
        for name in arguments:
            for path in self._files.under(self._path(name)):
                del self._files.content[path]
        return 0

    async def _sleep(self, arguments: Sequence[str]) -> int:
        try:
            seconds = float(arguments[0])
        except (IndexError, ValueError):
            await self._complain("sleep: give a number of seconds")
            return 1
        await asyncio.sleep(seconds)
        return 0

    async def _stty(self, arguments: Sequence[str]) -> int:
        """``stty size``: the first size that the terminal tells."""
        if list(arguments) != ["size"] or not self._user.tty:
            await self._complain("stty: standard input: Not a tty")
            return 1
        async for size in self._user.resizes():
            return await self._print(f"{size.height} {size.width}")
        return 1

    async def _test(self, arguments: Sequence[str]) -> int:
        flag, path = [*arguments, "", ""][:2]
        path = self._path(path)
        is_folder = self._files.is_folder(path)
        found = {"-d": is_folder, "-f": path in self._files.content, "-e": is_folder or path in self._files.content}
        return 0 if found.get(flag) else 1

    async def _tar(self, arguments: Sequence[str]) -> int:
        """What ``kubectl cp`` asks for: ``tar cf - PATH`` and ``tar -xmf - [-C FOLDER]``."""
        flags, *others = arguments or [""]
        folder = others[others.index("-C") + 1] if "-C" in others[:-1] else "."
        if "x" in flags:
            return await self._unpack(self._path(folder))
        if "c" in flags:
            return await self._pack([each for each in others if each not in ("-", "-C", folder)])
        await self._complain("tar: give c or x")
        return MISUSE

    async def _pack(self, names: Sequence[str]) -> int:
        import tarfile  # noqa: PLC0415  (for a command that hardly anybody runs)

        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name in names:
                found = self._files.under(self._path(name))
                if not found and not self._files.is_folder(self._path(name)):
                    await self._complain(f"tar: {name}: No such file or directory")
                    return 1
                for path, data in found.items():
                    member = tarfile.TarInfo(path.lstrip("/"))
                    member.size, member.mode = len(data), 0o644
                    archive.addfile(member, io.BytesIO(data))
        await self._user.write_stdout(packed.getvalue())
        return 0

    async def _unpack(self, folder: str) -> int:
        import tarfile  # noqa: PLC0415  (as above)

        packed = b"".join([piece async for piece in self._user.stdin()])
        try:
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isfile() else None
                    if content is not None:
                        self._files.content[posixpath.normpath(posixpath.join(folder, member.name))] = content.read()
        except tarfile.TarError as error:
            await self._complain(f"tar: {error}")
            return 1
        return 0


class _Capture:
    """A user whose output goes elsewhere."""

    def __init__(self, user: AttachIO) -> None:
        self.tty = False
        self.written = b""
        self.stdin, self.write_stderr, self.resizes = user.stdin, user.write_stderr, user.resizes

    async def write_stdout(self, data: bytes) -> None:
        self.written += data


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")
