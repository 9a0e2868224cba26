"""AWS's own SDK on the fake, without a socket: botocore's ``before-send`` event answers what would be sent."""

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError

from fakes.cloud import elapsed
from fakes.fargate import requests
from fakes.fargate.service import FargateService

READ_TIMEOUT = 10.0
"""Seconds after which the SDK gives up on an answer that does not come."""


class InProcess:
    """Answers the clients that it is attached to.

    Args:
        service: the fake.

    Attributes:
        patience: seconds after which an answer that does not come is given up.
    """

    def __init__(self, service: FargateService) -> None:
        self.patience = READ_TIMEOUT
        self._service = service

    def attach(self, client: Any) -> Any:
        """Have a client's requests answered here; the client."""
        client.meta.events.register("before-send.*.*", self._answer)
        return client

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {
            name: value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()
        }
        body = request.body or b""
        body = body if isinstance(body, bytes) else body.encode()
        response = self._service.handle(requests.read(request.method, urlsplit(request.url).path, headers, body))
        if not response.heard:
            elapsed.spend(self.patience)
            raise ReadTimeoutError(endpoint_url=request.url)
        elapsed.spend(response.delay)
        headers = {"x-amzn-requestid": "fake", "content-type": response.kind}
        return AWSResponse(request.url, response.status, headers, _Raw(response.body))


class _Raw(io.BytesIO):
    """A body as urllib3 would give it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """All of it."""
        yield self.read()
