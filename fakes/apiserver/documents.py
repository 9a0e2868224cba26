"""Documents that do not change while the server runs, over HTTP: a client that has one already is told so."""

import gzip

from aiohttp import web

from fakes.apiserver.discovery import Document as Discovered
from fakes.apiserver.openapi import Document as Described

GZIP_FROM = 128 * 1024
"""A real server compresses nothing smaller."""


def discovered(request: web.BaseRequest, found: Discovered) -> web.Response:
    """What the server serves."""
    headers = {"Content-Type": found.content_type, "ETag": found.etag, "Vary": "Accept", "Cache-Control": "public"}
    if request.headers.get("If-None-Match") == found.etag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.content, headers=headers)


def described(request: web.BaseRequest, found: Described) -> web.Response:
    """An OpenAPI document: for ever, if the client asks by its hash."""
    caching = "public, immutable" if "hash" in request.query else "no-cache, private"
    headers = {"Content-Type": found.content_type, "ETag": found.etag, "Vary": "Accept", "Cache-Control": caching}
    if request.headers.get("If-None-Match") == found.etag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=compressed(request, found.content, headers), headers=headers)


def compressed(request: web.BaseRequest, content: bytes, headers: dict[str, str]) -> bytes:
    """The content, smaller if it is large and the client can read that; the headers then say so."""
    if len(content) < GZIP_FROM or "gzip" not in request.headers.get("Accept-Encoding", ""):
        return content
    headers["Content-Encoding"] = "gzip"
    return gzip.compress(content, compresslevel=1)
