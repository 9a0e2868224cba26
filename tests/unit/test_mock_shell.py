"""The mock's shell (``providers.mock.shell``), and what the provider makes of it."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator

import pytest

from providers.base import TerminalSize
from providers.mock.files import Files
from providers.mock.shell import Shell


class User:
    """Types what it is told to."""

    def __init__(self, *typed: bytes, tty: bool = False) -> None:
        self.tty = tty
        self.typed = typed
        self.out = b""
        self.err = b""

    async def stdin(self) -> AsyncIterator[bytes]:
        for piece in self.typed:
            yield piece

    async def write_stdout(self, data: bytes) -> None:
        self.out += data

    async def write_stderr(self, data: bytes) -> None:
        self.err += data

    async def resizes(self) -> AsyncIterator[TerminalSize]:
        yield TerminalSize(80, 24)


def run(*command: str, user: User | None = None, files: Files | None = None) -> tuple[int, str, str]:
    user = user or User()
    shell = Shell(files or Files(), {"COLOUR": "blue"}, "web", user)
    return asyncio.run(shell.run(command)), user.out.decode(), user.err.decode()


@pytest.mark.parametrize(
    ("command", "code", "out", "err"),
    [
        (("echo", "a", "b"), 0, "a b\n", ""),
        (("echo", "-n", "a"), 0, "a", ""),
        (("/bin/echo", "a"), 0, "a\n", ""),
        (("hostname",), 0, "web\n", ""),
        (("env",), 0, "HOSTNAME=web\nCOLOUR=blue\n", ""),
        (("printenv", "COLOUR"), 0, "blue\n", ""),
        (("printenv", "SIZE"), 1, "", ""),
        (("ls", "/"), 0, "etc\ntmp\n", ""),
        (("ls", "/nowhere"), 1, "", "ls: /nowhere: No such file or directory\n"),
        (("cat", "/etc/hostname", "/x"), 1, "mock\n", "cat: can't open '/x': No such file or directory\n"),
        (("test", "-d", "/tmp"), 0, "", ""),
        (("test", "-f", "/tmp"), 1, "", ""),
        (("true",), 0, "", ""),
        (("false",), 1, "", ""),
        (("vim",), 127, "", "sh: vim: not found\n"),
        ((), 127, "", "sh: : not found\n"),
        (("sh", "-c", "exit 7"), 7, "", ""),
        (("sh", "-c", "false; echo $?"), 0, "1\n", ""),
        (("sh", "-c", "false && echo a || echo b"), 0, "b\n", ""),
        (("sh", "-c", "cd /etc; pwd; cat hostname"), 0, "/etc\nmock\n", ""),
        (("sh", "-c", "echo $COLOUR ${COLOUR} $NONE"), 0, "blue blue \n", ""),
        (
            ("sh", "-c", "echo one > /f; echo two >> /f; cat /f; rm /f; ls /f"),
            1,
            "one\ntwo\n",
            "ls: /f: No such file or directory\n",
        ),
        (("sh", "-c", "echo 'unfinished"), 2, "", "sh: No closing quotation\n"),
        (("sleep", "soon"), 1, "", "sleep: give a number of seconds\n"),
        (("stty", "size"), 1, "", "stty: standard input: Not a tty\n"),
    ],
)
def test_a_command(command: tuple[str, ...], code: int, out: str, err: str) -> None:
    assert run(*command) == (code, out, err)


def test_cat_copies_what_is_typed() -> None:
    assert run("cat", user=User(b"a", b"b")) == (0, "ab", "")


def test_without_a_terminal_it_reads_lines_however_they_are_cut() -> None:
    assert run("sh", user=User(b"echo o", b"ne\necho two")) == (0, "one\ntwo\n", "")


def test_a_terminal_shows_what_is_typed_and_ends_with_exit() -> None:
    code, out, _ = run("sh", user=User(b"ech", b"o x\x7fhi\r", b"exit 5\r", b"never\r", tty=True))
    assert (code, out) == (5, "/ # echo x\b \bhi\r\nhi\r\n/ # exit 5\r\n")


def test_a_terminal_ends_with_control_d_and_forgets_a_line_with_control_c() -> None:
    code, out, _ = run("sh", user=User(b"half\x03", b"\x04", tty=True))
    assert (code, out) == (0, "/ # half^C\r\n/ # ")


def test_a_terminal_knows_its_size() -> None:
    assert run("stty", "size", user=User(tty=True)) == (0, "24 80\r\n", "")


def test_what_is_packed_can_be_unpacked_elsewhere() -> None:
    files, user = Files({"/data/a": b"1", "/data/deep/b": b"2"}), User()
    asyncio.run(Shell(files, {}, "web", user).run(["tar", "cf", "-", "/data"]))
    packed = user.out
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert archive.getnames() == ["data/a", "data/deep/b"]
    run("tar", "-xmf", "-", "-C", "/tmp", user=User(packed[:700], packed[700:]), files=files)
    assert files.content["/tmp/data/deep/b"] == b"2"


def test_an_archive_that_is_none_is_said() -> None:
    code, _, err = run("tar", "-xf", "-", user=User(b"nonsense"))
    assert code == 1
    assert err.startswith("tar: ")


def test_a_path_that_is_not_there_is_said() -> None:
    assert run("tar", "cf", "-", "/nowhere") == (1, "", "tar: /nowhere: No such file or directory\n")
