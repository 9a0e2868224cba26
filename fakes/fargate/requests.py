"""What a caller sends, whichever door it comes through, and what goes back: AWS's services differ in how they speak."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from fakes.fargate.errors import AwsError

_SCOPE = re.compile(r"Credential=[^/]*/[0-9]{8}/[^/]*/(?P<service>[a-z0-9-]+)/aws4_request")
XML = frozenset({"ec2", "iam", "sts"})
"""The services that are asked by forms and answer in XML."""


class Request(NamedTuple):
    """A call.

    Attributes:
        service: that it is signed for.
        operation: what is asked for.
        method: of HTTP.
        path: of the URL, with its query.
        headers: as they came.
        body: as it came.
    """

    service: str
    operation: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def given(self) -> dict[str, Any]:
        """The parameters of a service that speaks JSON. Raises AwsError."""
        try:
            given = json.loads(self.body or b"{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise AwsError("SerializationException", "the body is no JSON object")
        return given

    def refusal(self, error: AwsError) -> tuple[bytes, str]:
        """An error as this service says it: the body, and its type."""
        if self.service not in XML:
            return json.dumps(error.body(), separators=(",", ":")).encode(), "application/x-amz-json-1.1"
        told = f"<Code>{error.code}</Code><Message>{error.message}</Message>"
        if self.service == "ec2":
            body = f"<Response><Errors><Error>{told}</Error></Errors><RequestID>fake</RequestID></Response>"
        else:
            body = f"<ErrorResponse><Error>{told}</Error><RequestId>fake</RequestId></ErrorResponse>"
        return body.encode(), "text/xml"


def read(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Request:
    """A request as it came over HTTP: whom it is for is in its signature, what it asks for in a header or the form."""
    named = {name.lower(): value for name, value in headers.items()}
    signed = _SCOPE.search(named.get("authorization", ""))
    operation = named.get("x-amz-target", "").rpartition(".")[2]
    if not operation:
        operation = parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return Request(signed["service"] if signed else "ecs", operation, method, path, headers, body)
