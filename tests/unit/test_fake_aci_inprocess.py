"""The in-process door of the fake Azure: calls and WebSockets that take virtual time."""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

import orjson
import pytest

from fakes.aci import defaults
from fakes.aci.cloud import AciCloud
from fakes.aci.inprocess import Door, WebSocket
from fakes.aci.messages import Request, Response
from fakes.cloud.settings import CloudSettings, Fault, FaultKind
from tests.unit.aci_setting import GROUPS, ORIGIN, STEADY, container, group, scripted
from vksim import loop
from vksim.loop import VirtualClock, VirtualLoop

T = TypeVar("T")


class Client:
    """A cloud in virtual time, and a client of it."""

    def __init__(self, *faults: Fault) -> None:
        running = asyncio.get_running_loop()
        assert isinstance(running, VirtualLoop)
        self.clock = VirtualClock(running)
        self.cloud = AciCloud(self.clock.now, Random(1), CloudSettings(latencies=STEADY, faults=faults))
        self.door = Door(self.cloud)
        self.token = self.cloud.tokens.issue(self.clock.now())

    async def ask(self, method: str, path: str, body: Any = None) -> Response:
        url = f"{ORIGIN}{path}?api-version={defaults.API_VERSION}"
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.door.call(Request(method, url, headers, b"" if body is None else orjson.dumps(body)))

    async def started(self, *containers: dict[str, Any]) -> None:
        await self.ask("PUT", f"{GROUPS}/web", group(*containers))
        await asyncio.sleep(30)

    async def stream(self, what: str, body: Any = None) -> tuple[WebSocket, str]:
        """A WebSocket, and its password."""
        found = (await self.ask("POST", f"{GROUPS}/web/containers/main/{what}", body)).json()
        return self.door.websocket(found["webSocketUri"]), found["password"]


async def everything(socket: WebSocket) -> str:
    output = b""
    while (piece := await socket.receive()) is not None:
        output += piece
    return output.decode()


def play(main: Coroutine[Any, Any, T]) -> T:
    return loop.run(main)


def test_a_call_takes_as_long_as_the_cloud_does() -> None:
    async def main() -> float:
        client = Client()
        began = client.clock.now()
        assert (await client.ask("PUT", f"{GROUPS}/web", group())).status == 201
        return (client.clock.now() - began).total_seconds()

    assert 0.2 < play(main()) < 20


def test_a_lost_answer_is_a_broken_connection() -> None:
    async def main() -> None:
        client = Client(Fault(FaultKind.LOST_ANSWER, ("create",)))
        with pytest.raises(ConnectionError, match="before the cloud answered"):
            await client.ask("PUT", f"{GROUPS}/web", group())
        assert (await client.ask("GET", f"{GROUPS}/web")).status == 200

    play(main())


def test_a_shell_shows_what_is_typed_and_what_comes_of_it() -> None:
    async def main() -> str:
        client = Client()
        await client.started(container(environmentVariables=[{"name": "COLOUR", "secureValue": "blue"}]))
        socket, password = await client.stream("exec", {"command": "/bin/sh"})
        socket.send(password)
        socket.send(b"echo $COLOUR; sleep 5\n")
        socket.send("exit\n")
        return await everything(socket)

    assert play(main()) == "/ # echo $COLOUR; sleep 5\r\nblue\r\n/ # exit\r\n"


def test_a_command_has_no_arguments() -> None:
    async def main(command: str) -> str:
        client = Client()
        await client.started()
        socket, password = await client.stream("exec", {"command": command})
        socket.send(password)
        return await everything(socket)

    assert "not found" in play(main("echo hello"))
    assert play(main("hostname")) == "web\r\n"


def test_a_wrong_password_ends_the_session() -> None:
    async def main() -> str:
        client = Client()
        await client.started()
        socket, _ = await client.stream("exec", {"command": "/bin/sh"})
        socket.send("guess")
        return await everything(socket)

    assert play(main()) == ""


def test_a_session_can_be_taken_once() -> None:
    async def main() -> None:
        client = Client()
        await client.started()
        found = (await client.ask("POST", f"{GROUPS}/web/containers/main/attach")).json()
        client.door.websocket(found["webSocketUri"])
        with pytest.raises(ConnectionError):
            client.door.websocket(found["webSocketUri"])

    play(main())


def test_a_session_ends_with_its_container() -> None:
    async def main() -> float:
        client = Client()
        await client.started()
        socket, password = await client.stream("exec", {"command": "/bin/sh"})
        socket.send(password)
        socket.send("sleep 100000\n")
        began = client.clock.now()

        async def delete() -> None:
            await asyncio.sleep(10)
            await client.ask("DELETE", f"{GROUPS}/web")

        _, output = await asyncio.gather(delete(), everything(socket))
        assert output == "/ # sleep 100000\r\n"
        return (client.clock.now() - began).total_seconds()

    assert 10 < play(main()) < 25


def test_no_command_runs_in_a_container_that_has_ended() -> None:
    async def main() -> str:
        client = Client()
        await client.started(container(command=["true"]))
        socket, password = await client.stream("exec", {"command": "/bin/sh"})
        socket.send(password)
        return await everything(socket)

    assert play(main()) == ""


def test_attached_clients_see_what_is_written_from_now_on() -> None:
    async def main() -> str:
        client = Client()
        command = ["sh", "-c", "echo one; sleep 60; echo two; sleep 60; echo three"]
        await client.started(container(command=command))
        socket, password = await client.stream("attach")
        socket.send(password)
        return await everything(socket)

    assert play(main()) == "two\r\nthree\r\n"


def test_attached_clients_see_nothing_of_the_run_after() -> None:
    async def main() -> str:
        client = Client()
        await client.started(scripted(run_for=25, log_every=2))
        socket, password = await client.stream("attach")
        socket.send(password)
        await asyncio.sleep(60)
        return await everything(socket)

    assert play(main()).splitlines() == [f"line {number}" for number in range(8, 13)]
