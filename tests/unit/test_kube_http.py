"""The Kubernetes API over HTTP, against a small server that answers as each test says."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest
from aiohttp import web

from runner.gate import Gate
from runner.kube import (
    LEASES,
    NODES,
    PODS,
    AlreadyExists,
    ApiError,
    Conflict,
    Gone,
    NotFound,
    PatchType,
    Refused,
    Unauthorized,
    Unavailable,
)
from runner.kube_config import Connection
from runner.kube_http import HttpKube, LineSplitter

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def no_credential() -> None:
    return None


@asynccontextmanager
async def kube_at(
    handler: Handler, authorization: Callable[[], Awaitable[str | None]] = no_credential
) -> AsyncIterator[HttpKube]:
    server = web.Application()
    server.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(server, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with HttpKube.over(Connection(f"http://127.0.0.1:{port}/base", authorization), Random(1)) as kube:
            yield kube
    finally:
        await runner.cleanup()


def status(code: int, reason: str = "", message: str = "no", **headers: str) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message}
    return web.json_response(body, status=code, headers=headers)


def error_of(handler: Handler) -> ApiError:
    async def go() -> ApiError:
        async with kube_at(handler) as kube:
            with pytest.raises(ApiError) as caught:
                await kube.get(PODS, "web", "default")
            return caught.value

    return asyncio.run(go())


def stream_of(lines: list[bytes], *, broken: bool = False) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in lines:
            await response.write(line)
        if broken:
            assert request.transport is not None
            request.transport.abort()
        return response

    return handler


def events_of(handler: Handler) -> list[tuple[str, str]]:
    async def go() -> list[tuple[str, str]]:
        async with kube_at(handler) as kube, kube.watch(PODS, resource_version="1") as events:
            return [(event.type, event.object["metadata"]["name"]) async for event in events]

    return asyncio.run(go())


def event_line(kind: str, name: str, padding: int = 0) -> bytes:
    return json.dumps({"type": kind, "object": {"metadata": {"name": name}, "data": "x" * padding}}).encode() + b"\n"


class Recorder:
    """Remembers requests and answers them all with an empty object."""

    def __init__(self) -> None:
        self.method = self.url = self.body = self.content_type = ""
        self.headers: dict[str, str] = {}

    async def answer(self, request: web.Request) -> web.Response:
        self.method, self.url, self.body = request.method, str(request.rel_url), await request.text()
        self.content_type, self.headers = request.content_type, dict(request.headers)
        return web.json_response({})


def requested(call: Callable[[HttpKube], Awaitable[object]]) -> Recorder:
    recorder = Recorder()

    async def go() -> None:
        async with kube_at(recorder.answer) as kube:
            await call(kube)

    asyncio.run(go())
    return recorder


def test_a_list_sends_selectors_limit_and_token_and_leaves_out_what_is_not_asked_for() -> None:
    sent = requested(
        lambda kube: kube.list(PODS, "default", field_selector="spec.nodeName=a", limit=5, continue_token="t&u")
    )
    assert sent.url == "/base/api/v1/namespaces/default/pods?fieldSelector=spec.nodeName%3Da&limit=5&continue=t%26u"


def test_resource_version_0_of_a_list_is_sent() -> None:
    sent = requested(lambda kube: kube.list(PODS, resource_version="0"))
    assert sent.url == "/base/api/v1/pods?resourceVersion=0"


def test_a_patch_names_its_type_and_the_subresource() -> None:
    sent = requested(
        lambda kube: kube.patch(NODES, "n", {"status": {}}, patch_type=PatchType.STRATEGIC, subresource="status")
    )
    assert (sent.method, sent.url, sent.content_type, json.loads(sent.body)) == (
        "PATCH",
        "/base/api/v1/nodes/n/status",
        "application/strategic-merge-patch+json",
        {"status": {}},
    )


def test_an_update_goes_where_the_object_says() -> None:
    sent = requested(lambda kube: kube.update(LEASES, {"metadata": {"name": "n", "namespace": "kube-node-lease"}}))
    assert (sent.method, sent.url) == (
        "PUT",
        "/base/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n",
    )


def test_a_create_without_a_namespace_goes_to_that_of_the_object() -> None:
    sent = requested(lambda kube: kube.create(PODS, {"metadata": {"name": "p", "namespace": "here"}}))
    assert (sent.method, sent.url) == ("POST", "/base/api/v1/namespaces/here/pods")


def test_a_delete_carries_grace_and_uid_as_delete_options() -> None:
    sent = requested(lambda kube: kube.delete(PODS, "p", "default", grace_period_seconds=0, uid="u"))
    assert sent.method == "DELETE"
    assert json.loads(sent.body) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u"},
    }


def test_the_credential_is_asked_for_with_each_request() -> None:
    recorder, tokens = Recorder(), iter(["Bearer one", "Bearer two"])

    async def next_token() -> str:
        return next(tokens)

    async def go() -> list[str]:
        async with kube_at(recorder.answer, next_token) as kube:
            seen = []
            for _ in range(2):
                await kube.get(NODES, "n")
                seen.append(recorder.headers["Authorization"])
            return seen

    assert asyncio.run(go()) == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (401, "Unauthorized", Unauthorized),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Gone),
        (422, "Invalid", Refused),
        (500, "", Unavailable),
    ],
)
def test_a_status_becomes_the_error_of_its_code_and_reason(code: int, reason: str, kind: type[ApiError]) -> None:
    async def handler(_: web.Request) -> web.Response:
        return status(code, reason, "because")

    error = error_of(handler)
    assert (type(error), error.code, error.reason, error.message) == (kind, code, reason, "because")


def test_an_error_that_is_no_status_is_told_in_its_own_words() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>bad\ngateway</html>", content_type="text/html")

    error = error_of(handler)
    assert isinstance(error, Unavailable)
    assert error.message == "HTTP 502: <html>bad gateway</html>"


def test_a_redirect_is_not_followed_but_refused() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/login"})

    error = error_of(handler)
    assert isinstance(error, Refused)
    assert error.code == 302


def test_a_success_that_is_no_object_is_an_error_that_names_the_server() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="<html>welcome</html>")

    assert "is it an API server?" in error_of(handler).message


def test_a_refused_connection_is_unavailable_and_names_the_server() -> None:
    async def go() -> str:
        async with HttpKube.over(Connection("http://127.0.0.1:1", no_credential), Random(1)) as kube:
            with pytest.raises(Unavailable) as caught:
                await kube.get(NODES, "n")
            return str(caught.value)

    assert asyncio.run(go()) == "cannot reach the API server http://127.0.0.1:1: Connection refused"


def throttling(times: int, retry_after: str | None, code: int = 429) -> tuple[Handler, list[str]]:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.method)
        if len(seen) <= times:
            return status(code, "TooManyRequests", **({"Retry-After": retry_after} if retry_after else {}))
        return web.json_response({"kind": "Pod"})

    return handler, seen


def wishes_of(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long the gate is told to close; it stays open."""
    wishes: list[float] = []

    class OpenGate(Gate):
        def throttle(self, seconds: float) -> None:
            wishes.append(seconds)

    monkeypatch.setattr("runner.kube_http.Gate", OpenGate)
    return wishes


@pytest.mark.parametrize("code", [429, 503])
def test_a_throttled_request_waits_as_asked_and_then_succeeds(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = wishes_of(monkeypatch)
    handler, seen = throttling(2, "2", code)

    async def go() -> object:
        async with kube_at(handler) as kube:
            return await kube.create(PODS, {"metadata": {"name": "p", "namespace": "d"}})

    assert asyncio.run(go()) == {"kind": "Pod"}
    assert seen == ["POST"] * 3
    assert wishes == [2.0, 2.0]


def test_throttling_without_an_end_is_reported_after_a_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    wishes_of(monkeypatch)
    handler, seen = throttling(100, "1")
    error = error_of(handler)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 1.0
    assert len(seen) == 5


def test_a_long_retry_after_is_left_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = wishes_of(monkeypatch)
    handler, seen = throttling(100, "120")
    assert error_of(handler).retry_after == 120.0
    assert len(seen) == 1
    assert wishes == [120.0]


def test_a_heartbeat_does_not_wait_for_the_gate() -> None:
    async def go() -> None:
        async with kube_at(throttling(0, None)[0]) as kube:
            kube.gate.throttle(3600)
            async with asyncio.timeout(5):
                await kube.get(LEASES, "n", "kube-node-lease")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await kube.get(PODS, "p", "default")

    asyncio.run(go())


def test_a_throttled_heartbeat_is_its_callers_business() -> None:
    handler, seen = throttling(100, "1")

    async def go() -> None:
        async with kube_at(handler) as kube:
            with pytest.raises(Unavailable):
                await kube.get(LEASES, "n", "kube-node-lease")

    asyncio.run(go())
    assert len(seen) == 1


@pytest.mark.parametrize(("code", "narrower"), [(200, False), (404, False), (429, True), (500, True), (504, True)])
def test_a_fault_of_the_servers_has_it_asked_less(code: int, narrower: bool) -> None:
    async def handler(_: web.Request) -> web.Response:
        return status(code)

    async def go() -> bool:
        async with kube_at(handler) as kube:
            before = kube.gate.window
            with contextlib.suppress(ApiError):
                await kube.get(PODS, "p", "default")
            return kube.gate.window < before

    assert asyncio.run(go()) == narrower


def test_throttling_without_retry_after_is_the_callers_business() -> None:
    handler, seen = throttling(100, None)
    assert isinstance(error_of(handler), Unavailable)
    assert len(seen) == 1


def test_a_server_that_has_begun_is_not_asked_twice_whatever_it_says_of_retrying() -> None:
    handler, seen = throttling(100, "1", 504)
    assert error_of(handler).retry_after == 1.0
    assert len(seen) == 1


def test_a_watch_asks_for_bookmarks_and_a_bounded_stream() -> None:
    recorder = Recorder()

    async def go() -> None:
        async with (
            kube_at(recorder.answer) as kube,
            kube.watch(PODS, field_selector="a=b", resource_version="5", timeout_seconds=7),
        ):
            pass

    asyncio.run(go())
    assert recorder.url == (
        "/base/api/v1/pods?watch=true&allowWatchBookmarks=true&fieldSelector=a%3Db&resourceVersion=5&timeoutSeconds=7"
    )


def test_a_watch_yields_events_until_the_server_ends_it() -> None:
    lines = [event_line("ADDED", "a") + event_line("MODIFIED", "a"), event_line("BOOKMARK", "b")]
    assert events_of(stream_of(lines)) == [("ADDED", "a"), ("MODIFIED", "a"), ("BOOKMARK", "b")]


def test_events_may_be_larger_than_any_buffer() -> None:
    assert events_of(stream_of([event_line("ADDED", "big", 3_000_000)])) == [("ADDED", "big")]


def test_an_expired_version_in_the_stream_is_gone() -> None:
    line = (
        json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}).encode() + b"\n"
    )
    with pytest.raises(Gone):
        events_of(stream_of([line]))


def test_a_watch_that_breaks_off_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="broke off"):
        events_of(stream_of([event_line("ADDED", "a"), b'{"type": "AD'], broken=True))


def test_a_watch_that_ends_within_an_event_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="middle of an event"):
        events_of(stream_of([event_line("ADDED", "a"), b'{"type": "AD']))


def test_a_refused_watch_raises_on_entering() -> None:
    async def handler(_: web.Request) -> web.Response:
        return status(410, "Expired")

    with pytest.raises(Gone):
        events_of(handler)


def test_leaving_a_watch_drops_its_connection_at_once() -> None:
    async def go() -> None:
        dropped = asyncio.Event()

        async def handler(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(event_line("ADDED", "a"))
            try:
                await asyncio.sleep(60)
            finally:
                dropped.set()
            return response

        async with kube_at(handler) as kube:
            async with kube.watch(PODS) as events:
                await anext(events)
            async with asyncio.timeout(2):
                await dropped.wait()

    asyncio.run(go())


def test_lines_are_cut_wherever_the_chunks_end() -> None:
    lines = LineSplitter()
    cut = [line for chunk in (b"a", b"b\nc", b"\n", b"\n\nd\ne") for line in lines.feed(chunk)]
    assert cut == [b"ab", b"c", b"d"]
    assert lines.rest() == b"e"
