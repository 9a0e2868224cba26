"""Commands in ECI's containers, over the socket whose address ExecContainerCommand gives.

ECI does not publish what goes over that socket. It is taken to be Kubernetes' remotecommand (v5 or v4.channel.k8s.io),
which tells output from errors and carries sizes and exit codes. A service that speaks no subprotocol is understood
plainly: what comes is output, what is typed goes as it is, and no exit code is known.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from providers.base import AttachIO
from providers.errors import Retryable
from wire import remotecommand

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)


class Socket(Protocol):
    """A connection to a container.

    Attributes:
        protocol: the subprotocol that was agreed on; empty for none.
    """

    protocol: str

    async def send(self, data: bytes) -> None:
        """Send a message."""
        ...

    def messages(self) -> AsyncIterator[bytes]:
        """What comes, until the other side hangs up."""
        ...


class Connect(Protocol):
    """Opens connections."""

    def __call__(self, uri: str) -> AbstractAsyncContextManager[Socket]:
        """A connection to that address. Raises Retryable."""
        ...


async def carry(connect: Connect, uri: str, io: AttachIO) -> int:
    """Carry a command's input and output until it ends: its exit code, 0 where nobody tells.

    Raises:
        Retryable: the connection broke before the command's end was told.
    """
    async with connect(uri) as socket:
        typing = asyncio.gather(_type(socket, io), _resize(socket, io))
        try:
            async for message in socket.messages():
                if not socket.protocol:
                    await io.write_stdout(message)
                elif message[:1] == bytes([STDOUT]):
                    await io.write_stdout(message[1:])
                elif message[:1] == bytes([STDERR]):
                    await io.write_stderr(message[1:])
                elif message[:1] == bytes([ERROR]):
                    return exit_code(message[1:])
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)
        if socket.protocol:
            raise Retryable("the connection to the container broke before the command had ended")
        return 0


def exit_code(told: bytes) -> int:
    """The exit code in a Status."""
    try:
        status = json.loads(told)
        causes = (status.get("details") or {}).get("causes") or []
        codes = [int(each["message"]) for each in causes if each.get("reason") == "ExitCode"]
    except (ValueError, AttributeError, KeyError):
        return 1
    if codes:
        return codes[0]
    return 0 if status.get("status") == "Success" else 1


async def _type(socket: Socket, io: AttachIO) -> None:
    prefix = bytes([STDIN]) if socket.protocol else b""
    async for data in io.stdin():
        await socket.send(prefix + data)
    if socket.protocol.startswith("v5."):
        await socket.send(bytes([remotecommand.CLOSE, STDIN]))


async def _resize(socket: Socket, io: AttachIO) -> None:
    async for size in io.resizes():
        if socket.protocol:
            told = json.dumps({"Width": size.width, "Height": size.height})
            await socket.send(bytes([RESIZE]) + told.encode())
