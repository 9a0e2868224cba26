"""What runs inside the streams of exec, attach and port-forward: their names, versions and last words. No I/O.

Over SPDY each stream says its ``streamtype`` in its headers. Over a WebSocket the first byte of a message is the number
of its stream. The protocols are Kubernetes' (``k8s.io/kubernetes`` remotecommand, KEP-4006).
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

STDIN, STDOUT, STDERR, ERROR, RESIZE = "stdin", "stdout", "stderr", "error", "resize"
DATA = "data"
STREAM_TYPE, PORT, REQUEST_ID = "streamtype", "port", "requestid"
"""Headers of a SPDY stream, in lower case."""

NEGOTIATION = "X-Stream-Protocol-Version"
"""The header in which a SPDY client lists what it speaks, and the server says what is spoken."""

ACCEPTED = "X-Accepted-Stream-Protocol-Versions"
"""The header in which the server lists what it speaks, if that is nothing of the client's."""

UNVERSIONED = "channel.k8s.io"
SPDY_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", UNVERSIONED)
"""Best first. v3 added resizes, v4 the exit code, v5 (for WebSockets) the end of one stream."""
WEBSOCKET_PROTOCOLS = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    UNVERSIONED,
    "base64.channel.k8s.io",
)
PORT_FORWARD = "portforward.k8s.io"
PORT_FORWARD_IN_WEBSOCKET = f"SPDY/3.1+{PORT_FORWARD}"
"""A subprotocol: the messages of the WebSocket are the bytes of a SPDY connection, cut anywhere (KEP-4006)."""

CHANNELS = (STDIN, STDOUT, STDERR, ERROR, RESIZE)
"""The streams in the order of their WebSocket numbers."""
CLOSE = 255
"""The WebSocket number of v5's message "this stream has ended"; its content is the stream's number."""


def choose(offered: Iterable[str], supported: Sequence[str]) -> str | None:
    """The first of the client's protocols that is supported; None for none. Lists with commas are taken apart."""
    return next((one for each in offered for one in map(str.strip, each.split(",")) if one in supported), None)


def has_status(protocol: str) -> bool:
    """Whether the error stream carries a Status as JSON at the end, and not text if something went wrong."""
    return protocol.startswith(("v4.", "v5."))


def has_resizes(protocol: str) -> bool:
    """Whether there is a stream for the sizes of a terminal."""
    return has_status(protocol) or protocol.startswith("v3.")


def success() -> dict[str, Any]:
    """The Status of a command that ended with 0."""
    return {"metadata": {}, "status": "Success"}


def exited(code: int) -> dict[str, Any]:
    """The Status of a command that ended with another exit code."""
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failed(message: str) -> dict[str, Any]:
    """The Status where no command ran, or nobody knows how it ended."""
    cause = {"message": message}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {message}",
        "reason": "InternalError",
        "details": {"causes": [cause]},
        "code": 500,
    }


def last_words(protocol: str, status: Mapping[str, Any]) -> bytes:
    """What the error stream says at the end."""
    if has_status(protocol):
        return json.dumps(status).encode()
    return b"" if status["status"] == "Success" else str(status["message"]).encode()


def encode(protocol: str, channel: int, data: bytes) -> bytes | str:
    """A WebSocket message for a stream: bytes, or text where the protocol is a base64 one."""
    if is_base64(protocol):
        return str(channel) + base64.b64encode(data).decode()
    return bytes([channel]) + data


def decode(protocol: str, message: bytes | str) -> tuple[int, bytes]:
    """The stream's number and the bytes of a WebSocket message.

    Raises:
        ValueError: the message is not of this protocol.
    """
    if not message:
        raise ValueError("a message without the number of a stream")
    if is_base64(protocol):
        text = message if isinstance(message, str) else message.decode("ascii")
        return int(text[0]), base64.b64decode(text[1:], validate=True)
    binary = message.encode() if isinstance(message, str) else message
    return binary[0], binary[1:]


def is_base64(protocol: str) -> bool:
    """Whether the messages are text."""
    return "base64." in protocol


class SizeReader:
    """Reads the sizes of a terminal from the resize stream: JSON objects, cut anywhere."""

    def __init__(self) -> None:
        self._text = ""

    def feed(self, data: bytes) -> list[tuple[int, int]]:
        """The widths and heights, in characters, that are complete by now. What makes no sense is passed over."""
        *lines, self._text = (self._text + data.decode("utf-8", "replace")).replace("}", "}\n").split("\n")
        self._text = self._text[-LONGEST_SIZE:]
        return [size for size in map(_size, lines) if size is not None]


LONGEST_SIZE = 1024
"""Characters of a size; a usual one has some thirty."""


def _size(text: str) -> tuple[int, int] | None:
    try:
        size = json.loads(text)
    except ValueError:
        return None
    if not isinstance(size, dict):
        return None
    width, height = (size.get(name) for name in ("Width", "Height"))
    if not (_is_length(width) and _is_length(height)):
        return None
    return width, height


def _is_length(value: object) -> TypeGuard[int]:
    """Whether it is a number that 16 bits can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 16


def port_number(text: str) -> int | None:
    """The TCP port that a header or a query names; None if it is none."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len("65535"):
        return None
    return int(text) if 0 < int(text) < 1 << 16 else None
