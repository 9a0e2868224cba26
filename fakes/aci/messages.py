"""What goes in and out: a request and a response as every door has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson


class Request:
    """A request of a client.

    Args:
        method: in any case.
        url: absolute; ``nextLink`` and polling URLs are made from it.
        headers: names in any case.
        body: as sent.
    """

    __slots__ = ("body", "headers", "method", "origin", "path", "query", "url")

    def __init__(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        parts = urlsplit(url)
        self.method = method.upper()
        self.url = url
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.path = parts.path
        self.query = {name.lower(): value for name, value in parse_qsl(parts.query, keep_blank_values=True)}
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self.body = body


@dataclass(frozen=True, slots=True)
class Response:
    """What the cloud answers.

    Attributes:
        takes: seconds until the client has it; what was asked is done at once.
        heard: False if the answer gets lost on its way.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    takes: float = 0.0
    heard: bool = True

    def json(self) -> Any:
        """The body, decoded."""
        return orjson.loads(self.body)


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """A response with a JSON body, or with none."""
    return Response(status, dict(headers or {}), b"" if body is None else orjson.dumps(body))
