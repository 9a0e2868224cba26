"""The fake for SDKs that use ``requests``, in the same process: the library ``responses`` takes their requests."""

from urllib.parse import parse_qsl, urlsplit

import requests
import responses

from fakes.cloud import elapsed
from fakes.eci.service import EciService
from fakes.eci.signatures import Request

ENDPOINT = "eci.aliyuncs.com"
"""What the SDK calls in most regions."""


def add(mock: responses.RequestsMock, service: EciService, endpoint: str = ENDPOINT) -> None:
    """Have calls to an endpoint answered by the fake, signatures checked."""

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(str(request.url))
        body = request.body or b""
        query = dict(parse_qsl(str(url.query), keep_blank_values=True))
        headers = {key.lower(): str(value) for key, value in request.headers.items()}
        if "x-www-form-urlencoded" in headers.get("content-type", ""):
            text = body.decode() if isinstance(body, bytes) else str(body)
            query |= dict(parse_qsl(text, keep_blank_values=True))
        data = body if isinstance(body, bytes) else str(body).encode()
        response = service.handle(Request(request.method or "GET", url.path or "/", query, headers, data))
        elapsed.spend(response.delay)
        if not response.heard:
            raise requests.ConnectionError("the answer is lost")
        return response.status, {"Content-Type": "application/json"}, response.encoded()

    for scheme in ("https", "http"):
        for method in ("GET", "POST"):
            mock.add_callback(method, f"{scheme}://{endpoint}/", callback=answer)
