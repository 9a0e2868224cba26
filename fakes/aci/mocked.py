"""The door for synchronous clients in the same process: whatever ``requests`` is asked to send to Azure comes here.

It is built on the ``responses`` library. A call does not wait; what it costs is told to whoever measures
(``fakes.cloud.elapsed``).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
import responses

from fakes.aci.cloud import AciCloud
from fakes.aci.inprocess import NOT_HEARD
from fakes.aci.messages import Request
from fakes.cloud import elapsed

if TYPE_CHECKING:
    from requests import PreparedRequest

HOSTS = re.compile(r"https?://(management\.azure\.com|login\.microsoftonline\.com|169\.254\.169\.254)/.*")
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


@contextmanager
def mocked(cloud: AciCloud) -> Iterator[responses.RequestsMock]:
    """In this block, Azure's hosts are this cloud for everything that uses ``requests``."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in METHODS:
            mock.add_callback(method, HOSTS, callback=lambda request: _answer(cloud, request))
        yield mock


def _answer(cloud: AciCloud, prepared: "PreparedRequest") -> tuple[int, dict[str, str], bytes]:
    body = prepared.body
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else b""
    headers = {str(name): str(value) for name, value in prepared.headers.items()}
    response = cloud.handle(Request(prepared.method or "GET", prepared.url or "", headers, content))
    elapsed.spend(response.takes + (0.0 if response.heard else NOT_HEARD))
    if not response.heard:
        raise requests.ConnectionError("the connection was lost before the cloud answered")
    return response.status, response.headers, response.body
