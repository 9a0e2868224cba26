"""What the served clouds share: the options that all of them have, the settings' file, and waiting for the end."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import yaml

from fakes.cloud.settings import BadSettings, CloudSettings, parse
from runner import logs
from vksim.serving import ENDED, FAILED, WRONG_USAGE, WrongUsage, cannot_listen, check_host, signalled


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What each cloud is told.

    Attributes:
        host: the address to listen on.
        port: 0 takes any free one.
        allow_remote: whether the address may be one that other machines reach.
        settings: a file of latencies, quotas, rates and faults; None for those of reality.
        seed: of everything that is left to chance.
    """

    host: str
    port: int
    allow_remote: bool
    settings: Path | None
    seed: int


@dataclass(frozen=True, slots=True)
class Up:
    """A cloud that is up: what it is, for people, and the lines for the shell that lead to it."""

    what: str
    exports: Sequence[str]


O = TypeVar("O", bound=Options)  # noqa: E741  (the options of one cloud)


def main(options: O, serving: Callable[[O], AbstractAsyncContextManager[Up]]) -> tuple[int, str]:
    """Serve until a signal: the exit code, and one line that says what went wrong."""
    logs.configure("warning", "console")
    try:
        check_host(options.host, allow_remote=options.allow_remote, danger="the cloud's secrets are no secrets")
        asyncio.run(_until_signal(options, serving))
    except WrongUsage as error:
        return WRONG_USAGE, str(error)
    except OSError as error:
        return FAILED, cannot_listen(error, options.host, options.port)
    return ENDED, ""


def settings(path: Path | None) -> CloudSettings | None:
    """The settings of a file; None without one.

    Raises:
        WrongUsage: it cannot be read, or is no settings. The message names the field.
    """
    if path is None:
        return None
    try:
        return parse(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise WrongUsage(f"--settings: {path}: {error.strerror}") from None
    except (BadSettings, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WrongUsage(f"--settings: {path}: {' '.join(str(error).split())}; see docs/clouds.md") from None


async def _until_signal(options: O, serving: Callable[[O], AbstractAsyncContextManager[Up]]) -> None:
    stopped = signalled()
    async with serving(options) as up:
        click.echo(f"{up.what} is up; Ctrl-C ends it. In another terminal:", err=True)
        for each in up.exports:
            click.echo(f"export {each}")
        await stopped.wait()
