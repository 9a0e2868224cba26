"""Which form of an answer a client gets, and what it gets when it asks for protobuf over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random

import aiohttp
import pytest

from fakes.apiserver import protobuf
from fakes.apiserver.accept import Form, form
from fakes.apiserver.errors import StatusError
from fakes.apiserver.http import HttpDoor
from fakes.apiserver.server import ApiServer

PROTOBUF = "application/vnd.kubernetes.protobuf"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", Form.JSON),
        ("*/*", Form.JSON),
        ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Form.TABLE),
        (f"{PROTOBUF},application/json", Form.PROTOBUF),
        (f"application/json,{PROTOBUF}", Form.JSON),
        (f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io,application/json", Form.JSON),
        ("application/yaml", Form.YAML),
    ],
)
def test_the_first_form_that_is_served_is_taken(accept: str, expected: Form) -> None:
    assert form(accept) is expected


def test_a_form_of_nobody_is_refused() -> None:
    with pytest.raises(StatusError) as caught:
        form("text/html")
    assert caught.value.code == 406
    assert PROTOBUF in caught.value.status["message"]


def test_a_watch_takes_protobuf_but_not_yaml() -> None:
    assert form(f"{PROTOBUF};stream=watch", watch=True) is Form.PROTOBUF
    with pytest.raises(StatusError):
        form("application/yaml", watch=True)


def over_http(talk: Callable[[aiohttp.ClientSession, str], Awaitable[None]]) -> None:
    """Let a client that insists on protobuf talk to a new server."""

    async def run() -> None:
        server = ApiServer(now=lambda: datetime(2024, 1, 1, tzinfo=UTC), random=Random(1))
        door = HttpDoor(server, now=lambda: datetime(2024, 1, 1, tzinfo=UTC))
        base = f"http://127.0.0.1:{await door.start()}"
        try:
            async with aiohttp.ClientSession(headers={"Accept": PROTOBUF, "Content-Type": PROTOBUF}) as client:
                await talk(client, base)
        finally:
            await door.stop()

    asyncio.run(run())


def test_an_object_goes_in_and_comes_out_as_protobuf() -> None:
    async def talk(client: aiohttp.ClientSession, base: str) -> None:
        sent = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"k": "v"}}
        async with client.post(base + CONFIG_MAPS, data=protobuf.encode(sent)) as answer:
            assert (answer.status, answer.content_type) == (201, PROTOBUF)
            assert protobuf.decode(await answer.read())["data"] == {"k": "v"}
        async with client.get(base + CONFIG_MAPS) as answer:
            listed = protobuf.decode(await answer.read())
            assert "a" in [each["metadata"]["name"] for each in listed["items"]]

    over_http(talk)


def test_an_error_comes_as_protobuf() -> None:
    async def talk(client: aiohttp.ClientSession, base: str) -> None:
        async with client.get(f"{base}{CONFIG_MAPS}/none") as answer:
            status = protobuf.decode(await answer.read())
            assert (answer.status, status["reason"], status["code"]) == (404, "NotFound", 404)

    over_http(talk)


def test_a_watch_comes_in_frames() -> None:
    async def talk(client: aiohttp.ClientSession, base: str) -> None:
        query = {"watch": "1", "fieldSelector": "metadata.name=kube-root-ca.crt"}
        async with client.get(base + CONFIG_MAPS, params=query) as answer:
            assert answer.headers["Content-Type"] == protobuf.WATCH
            length = int.from_bytes(await answer.content.readexactly(4), "big")
            frame = await answer.content.readexactly(length)
            obj = protobuf.decode(frame[frame.index(protobuf.MAGIC) :])
            assert b"ADDED" in frame
            assert obj["metadata"]["name"] == "kube-root-ca.crt"

    over_http(talk)


def test_broken_protobuf_is_the_clients_fault() -> None:
    async def talk(client: aiohttp.ClientSession, base: str) -> None:
        async with client.post(base + CONFIG_MAPS, data=b"{}") as answer:
            assert answer.status == 400

    over_http(talk)
