"""exec, attach and port-forward through the kubelet API, over SPDY and WebSockets."""

import asyncio
import contextlib
import json
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from providers.base import AttachIO
from runner.kubelet.spdy_session import SpdySession
from runner.kubelet.streams import StreamTimeouts
from tests.unit.kubelet_setting import POD, Cloud, SpdyClient, client, kubelet, within
from wire import remotecommand, spdy
from wire.remotecommand import SPDY_PROTOCOLS

EXEC = "/exec/default/web/main?command=cat&input=1&output=1&error=1"


async def cat(io: AttachIO) -> int:
    async for piece in io.stdin():
        await io.write_stdout(piece.upper())
    await io.write_stderr(b"bye")
    return 3


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_a_command_over_spdy_has_its_streams_and_its_exit_code(protocol: str) -> None:
    async def go() -> None:
        cloud = Cloud(cat)
        async with kubelet(cloud) as port, SpdyClient.connected(port, EXEC, protocol) as peer:
            assert peer.head.startswith("HTTP/1.1 101 ")
            assert f"{remotecommand.NEGOTIATION}: {protocol}".lower() in peer.head.lower()
            error, stdin, stdout, stderr = (peer.open(kind) for kind in ("error", "stdin", "stdout", "stderr"))
            peer.send(stdin, b"hello", fin=True)
            await peer.until(lambda: {error, stdout, stderr} <= peer.ended)
        assert (peer.received[stdout], peer.received[stderr]) == (b"HELLO", b"bye")
        assert json.loads(peer.received[error]) == remotecommand.exited(3)
        assert cloud.asked == [("web", "main", ["cat"], False)]

    within(go())


@pytest.mark.parametrize(("protocols", "chosen"), [(SPDY_PROTOCOLS, 0), (("other", "v3.channel.k8s.io"), 2), ((), 4)])
def test_the_first_protocol_that_both_speak_is_spoken(protocols: tuple[str, ...], chosen: int) -> None:
    async def go() -> str:
        async with kubelet(Cloud(cat)) as port, SpdyClient.connected(port, EXEC, *protocols) as peer:
            return peer.head

    assert f"{remotecommand.NEGOTIATION}: {SPDY_PROTOCOLS[chosen]}\r\n".lower() in within(go()).lower()


def test_a_client_that_speaks_nothing_we_do_is_told_what_we_speak() -> None:
    async def go() -> str:
        async with kubelet(Cloud(cat)) as port, SpdyClient.connected(port, EXEC, "v9") as peer:
            return peer.head

    head = within(go())
    assert head.startswith("HTTP/1.1 403 ")
    assert all(f"X-Accepted-Stream-Protocol-Versions: {each}\r\n" in head for each in SPDY_PROTOCOLS)


def test_before_v4_a_success_says_nothing_and_a_failure_is_text() -> None:
    async def go(code: int) -> bytes:
        async def command(_: AttachIO) -> int:
            return code

        path = "/exec/default/web/main?command=x&output=1"
        async with kubelet(Cloud(command)) as port, SpdyClient.connected(port, path, "v2.channel.k8s.io") as peer:
            error, _ = peer.open("error"), peer.open("stdout")
            await peer.until(lambda: error in peer.ended)
            return peer.received.get(error, b"")

    assert within(go(0)) == b""
    assert within(go(7)) == b"command terminated with non-zero exit code: exit status 7"


def test_a_terminal_has_sizes_and_no_stderr() -> None:
    async def go() -> None:
        async def shell(io: AttachIO) -> int:
            async for size in io.resizes():
                await io.write_stderr(f"{size.width}x{size.height}".encode())
                return 0
            return 1

        path = "/exec/default/web/main?command=sh&input=1&output=1&error=1&tty=1"
        async with kubelet(Cloud(shell)) as port, SpdyClient.connected(port, path, "v4.channel.k8s.io") as peer:
            error, _, stdout, resize = (peer.open(kind) for kind in ("error", "stdin", "stdout", "resize"))
            peer.send(resize, b'nonsense\n{"Width":80,"Height":24}\n')
            await peer.until(lambda: {error, stdout} <= peer.ended)
        assert peer.received[stdout] == b"80x24"
        assert json.loads(peer.received[error])["status"] == "Success"

    within(go())


def test_sizes_arrive_however_they_are_cut() -> None:
    async def go() -> bytes:
        async def shell(io: AttachIO) -> int:
            sizes = [f"{size.width}x{size.height} " async for size in io.resizes()]
            await io.write_stdout("".join(sizes).encode())
            return 0

        path = "/exec/default/web/main?command=sh&output=1&tty=1"
        async with kubelet(Cloud(shell)) as port, SpdyClient.connected(port, path, "v4.channel.k8s.io") as peer:
            error, stdout, resize = (peer.open(kind) for kind in ("error", "stdout", "resize"))
            for piece in (b'{"Width":80,"Hei', b'ght":24}{"Width":1,', b'"Height":2}'):
                peer.send(resize, piece)
            peer.send(resize, b"", fin=True)
            await peer.until(lambda: {error, stdout} <= peer.ended)
            return peer.received[stdout]

    assert within(go()) == b"80x24 1x2 "


@pytest.mark.parametrize("unread", ["resize", "stdout"])
def test_what_nobody_reads_does_not_hold_up_the_input(unread: str) -> None:
    async def go() -> bytes:
        path = "/exec/default/web/main?command=cat&input=1&output=1&tty=1"
        async with kubelet(Cloud(cat)) as port, SpdyClient.connected(port, path, "v4.channel.k8s.io") as peer:
            streams = {kind: peer.open(kind) for kind in ("error", "stdin", "stdout", "resize")}
            for _ in range(1000):
                peer.send(streams[unread], b'{"Width":80,"Height":24}\n')
            peer.send(streams["stdin"], b"typed", fin=True)
            await peer.until(lambda: streams["error"] in peer.ended)
            return peer.received[streams["stdout"]]

    assert within(go()) == b"TYPEDbye"


@pytest.mark.parametrize("kind", [RuntimeError, ConnectionResetError])
def test_an_error_of_the_provider_is_told_on_the_error_stream(kind: type[Exception]) -> None:
    async def go() -> dict[str, Any]:
        async def broken(_: AttachIO) -> int:
            raise kind("no shell here")

        path = "/exec/default/web/main?command=x&output=1"
        async with kubelet(Cloud(broken)) as port, SpdyClient.connected(port, path, "v4.channel.k8s.io") as peer:
            error, _ = peer.open("error"), peer.open("stdout")
            await peer.until(lambda: error in peer.ended)
            found: dict[str, Any] = json.loads(peer.received[error])
            return found

    status = within(go())
    assert (status["status"], status["code"]) == ("Failure", 500)
    assert "no shell here" in status["message"]


def test_a_client_that_leaves_cancels_the_command() -> None:
    async def forever(_: AttachIO) -> int:
        return await asyncio.Event().wait()  # type: ignore[return-value]  # never comes to that

    async def go() -> None:
        cloud = Cloud(forever)
        async with kubelet(cloud) as port:
            async with SpdyClient.connected(port, EXEC, "v4.channel.k8s.io") as peer:
                for kind in ("error", "stdin", "stdout", "stderr"):
                    peer.open(kind)
                await peer.until(lambda: True)
                await cloud.begun.wait()
            await cloud.left.wait()

    within(go())


@pytest.mark.parametrize("kind", ["spdy", "websocket"])
def test_a_client_that_leaves_is_noticed_even_if_nobody_reads_what_it_has_sent(kind: str) -> None:
    async def forever(_: AttachIO) -> int:
        return await asyncio.Event().wait()  # type: ignore[return-value]  # never comes to that

    async def over_spdy(port: int, cloud: Cloud) -> None:
        async with SpdyClient.connected(port, EXEC, "v4.channel.k8s.io") as peer:
            streams = {each: peer.open(each) for each in ("error", "stdin", "stdout", "stderr")}
            for _ in range(100):
                peer.send(streams["stdin"], b"x" * 32_768)
            await peer.until(lambda: True)
            await cloud.begun.wait()

    async def over_a_websocket(port: int, cloud: Cloud) -> None:
        async with client(port) as session:
            socket = await session.ws_connect(EXEC, protocols=["v5.channel.k8s.io"])
            sending = asyncio.ensure_future(_flood(socket))
            await cloud.begun.wait()
            sending.cancel()
            assert socket._response.connection is not None
            assert socket._response.connection.transport is not None
            socket._response.connection.transport.abort()

    async def _flood(socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await socket.send_bytes(b"\0" + b"x" * 32_768)

    async def go() -> None:
        cloud, timeouts = Cloud(forever), StreamTimeouts(ping=timedelta(seconds=0.1))
        async with kubelet(cloud, timeouts=timeouts) as port:
            await (over_spdy if kind == "spdy" else over_a_websocket)(port, cloud)
            await cloud.left.wait()

    within(go())


def test_a_command_that_ends_without_reading_its_input_leaves_no_client_stuck() -> None:
    async def deaf(io: AttachIO) -> int:
        await io.write_stdout(b"done")
        return 0

    async def go() -> None:
        cloud = Cloud(deaf)
        async with kubelet(cloud) as port, SpdyClient.connected(port, EXEC, "v4.channel.k8s.io") as peer:
            streams = {each: peer.open(each) for each in ("error", "stdin", "stdout", "stderr")}
            for _ in range(20):
                peer.send(streams["stdin"], b"x" * (1 << 20))
            await peer.until(lambda: streams["error"] in peer.ended)
            async with asyncio.timeout(0.5):  # less than a goodbye
                await peer.sent()

    within(go())


def test_pings_keep_no_idle_connection_alive() -> None:
    async def go() -> None:
        timeouts = StreamTimeouts(idle=timedelta(seconds=0.3), ping=timedelta(seconds=0.05))
        cloud = Cloud(cat)
        async with (
            kubelet(cloud, timeouts=timeouts) as port,
            SpdyClient.connected(port, EXEC, "v4.channel.k8s.io") as peer,
        ):
            for kind in ("error", "stdin", "stdout", "stderr"):
                peer.open(kind)
            with contextlib.suppress(AssertionError):  # what it says when the server hangs up
                await peer.until(lambda: False)
            await cloud.left.wait()

    within(go())


def test_much_output_arrives_whole() -> None:
    async def much(io: AttachIO) -> int:
        for _ in range(64):
            await io.write_stdout(b"x" * 65_536)
        return 0

    async def go() -> int:
        path = "/exec/default/web/main?command=x&output=1"
        async with kubelet(Cloud(much)) as port, SpdyClient.connected(port, path, "v4.channel.k8s.io") as peer:
            error, stdout = peer.open("error"), peer.open("stdout")
            await peer.until(lambda: error in peer.ended)
            return len(peer.received[stdout])

    assert within(go()) == 64 * 65_536


def test_a_client_that_opens_no_streams_is_hung_up_on() -> None:
    async def go() -> None:
        timeouts = StreamTimeouts(creation=timedelta(seconds=0.1))
        async with (
            kubelet(Cloud(cat), timeouts=timeouts) as port,
            SpdyClient.connected(port, EXEC, "v4.channel.k8s.io") as peer,
        ):
            await peer.hung_up()

    within(go())


def test_an_idle_connection_is_ended() -> None:
    async def go() -> None:
        cloud, timeouts = Cloud(cat), StreamTimeouts(idle=timedelta(seconds=0.2))
        async with (
            kubelet(cloud, timeouts=timeouts) as port,
            SpdyClient.connected(port, EXEC, "v4.channel.k8s.io") as peer,
        ):
            for kind in ("error", "stdin", "stdout", "stderr"):
                peer.open(kind)
            await peer.hung_up()
            await cloud.left.wait()

    within(go())


def test_garbage_instead_of_spdy_ends_the_connection() -> None:
    async def go() -> None:
        async with kubelet(Cloud(cat)) as port, SpdyClient.connected(port, EXEC, "v4.channel.k8s.io") as peer:
            peer._writer.write(b"\xff" * 100)
            await peer.hung_up()

    within(go())


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"])
def test_a_command_over_a_websocket(protocol: str) -> None:
    async def go() -> None:
        async def first(io: AttachIO) -> int:
            async for piece in io.stdin():
                await io.write_stdout(piece.upper())
                return 0
            return 1

        got: dict[int, bytes] = {}
        async with (
            kubelet(Cloud(first)) as port,
            client(port) as session,
            session.ws_connect(EXEC, protocols=[protocol]) as socket,
        ):
            assert socket.protocol == protocol
            number, hello = remotecommand.decode(protocol, (await socket.receive()).data)
            assert (number, hello) == (1, b"")
            message = remotecommand.encode(protocol, 0, b"hi")
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
            async for each in socket:
                number, data = remotecommand.decode(protocol, each.data)
                got[number] = got.get(number, b"") + data
        assert got[1] == b"HI"
        assert json.loads(got[3]) == remotecommand.success()

    within(go())


@pytest.mark.parametrize("path", [EXEC, "/portForward/default/web?port=80"])
def test_a_websocket_client_that_speaks_nothing_we_do_is_refused(path: str) -> None:
    async def go() -> int:
        async with kubelet(Cloud(cat)) as port, client(port) as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(path, protocols=["v9.channel.k8s.io"])
            return refused.value.status

    assert within(go()) == 403


def test_a_websocket_client_that_names_no_protocol_speaks_the_first_one() -> None:
    async def go() -> bytes:
        path = "/exec/default/web/main?command=cat&input=1&output=1"
        async with kubelet(Cloud(cat)) as port, client(port) as session, session.ws_connect(path) as socket:
            assert (await socket.receive()).data == b"\x01"
            await socket.send_bytes(b"\x00typed")
            return bytes((await socket.receive()).data)

    assert within(go()) == b"\x01TYPED"


def test_over_v5_the_client_can_end_its_input() -> None:
    async def go() -> bytes:
        async with (
            kubelet(Cloud(cat)) as port,
            client(port) as session,
            session.ws_connect(EXEC, protocols=["v5.channel.k8s.io"]) as socket,
        ):
            await socket.send_bytes(b"\x00one")
            await socket.send_bytes(b"\xff\x00")
            return b"|".join([each.data async for each in socket])

    assert b"|\x01ONE|\x02bye|\x03" in within(go())


@pytest.mark.parametrize("path", [EXEC, "/portForward/default/web"])
def test_without_an_upgrade_it_is_a_bad_request(path: str) -> None:
    async def go() -> tuple[int, str]:
        async with kubelet(Cloud(cat)) as port, client(port) as session, session.post(path) as response:
            return response.status, await response.text()

    status, text = within(go())
    assert status == 400
    assert "upgrade" in text


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/exec/default/web/main?command=x", 400, "at least 1 of stdin, stdout, stderr"),
        ("/exec/default/other/main?command=x&output=1", 404, "pod default/other is not on node vk"),
        ("/exec/default/web/other?command=x&output=1", 404, 'container not found ("other")'),
        ("/attach/default/web/other?output=1", 404, 'container not found ("other")'),
        ("/portForward/default/other", 404, "pod default/other is not on node vk"),
        ("/exec/default/web/another-uid/main?command=x&output=1", 404, "pod default/web is not here"),
        (f"/exec/default/web/{POD['metadata']['uid']}/main?command=x&output=1", 400, "upgrade"),
    ],
)
def test_what_cannot_be_is_refused_before_the_upgrade(path: str, status: int, text: str) -> None:
    async def go() -> str:
        async with kubelet(Cloud(cat)) as port, client(port) as session, session.post(path) as response:
            assert response.status == status
            return await response.text()

    assert text in within(go())


def test_a_provider_that_cannot_is_501() -> None:
    async def go() -> list[int]:
        paths = ("/exec/default/web/main?command=x&output=1", "/attach/default/web/main?output=1")
        more = ("/portForward/default/web", "/stats/summary", "/metrics/resource")
        async with kubelet(object()) as port, client(port) as session:
            return [(await session.get(path)).status for path in (*paths, *more)]

    assert within(go()) == [501] * 5


def test_attach_carries_what_the_container_writes() -> None:
    async def go() -> dict[int, bytes]:
        path = "/attach/default/web/main?output=1&error=1"
        async with kubelet(Cloud(cat)) as port, SpdyClient.connected(port, path, "v4.channel.k8s.io") as peer:
            error, _, _ = (peer.open(kind) for kind in ("error", "stdout", "stderr"))
            await peer.until(lambda: error in peer.ended)
            return peer.received

    assert b"bye" in within(go()).values()


# --- port-forward ---------------------------------------------------------------------------------------------------


def test_connections_to_a_port_are_carried_side_by_side() -> None:
    async def go() -> None:
        path = "/portForward/default/web"
        async with kubelet(Cloud()) as port, SpdyClient.connected(port, path, remotecommand.PORT_FORWARD) as peer:
            pairs = []
            for number in ("0", "1"):
                error = peer.open("error", port="80", requestid=number)
                pairs.append((error, peer.open("data", port="80", requestid=number)))
            for at, (_, data) in enumerate(pairs):
                peer.send(data, f"hello {at}".encode(), fin=True)
            everything = {stream for pair in pairs for stream in pair}
            await peer.until(lambda: everything <= peer.ended)
            assert [peer.received.get(data) for _, data in pairs] == [b"HELLO 0", b"HELLO 1"]
            assert all(not peer.received.get(error) for error, _ in pairs)

    within(go())


@pytest.mark.parametrize(
    ("port_text", "says"),
    [("81", b"nothing listens on 81"), ("0", b"'0' is no port"), ("²", "'²' is no port".encode())],
)
def test_what_goes_wrong_with_a_connection_is_told_and_the_others_go_on(port_text: str, says: bytes) -> None:
    async def go() -> bytes:
        path = "/portForward/default/web"
        async with kubelet(Cloud()) as port, SpdyClient.connected(port, path, remotecommand.PORT_FORWARD) as peer:
            error = peer.open("error", port=port_text, requestid="0")
            peer.open("data", port=port_text, requestid="0")
            await peer.until(lambda: error in peer.ended)
            told = peer.received[error]
            peer.open("error", port="80", requestid="1")
            data = peer.open("data", port="80", requestid="1")
            peer.send(data, b"x", fin=True)
            await peer.until(lambda: data in peer.ended)
            assert peer.received[data] == b"X"
            return told

    assert says in within(go())


def test_a_client_that_goes_on_sending_to_a_connection_that_is_over_does_not_hold_up_the_others() -> None:
    async def go() -> bytes:
        path = "/portForward/default/web"
        async with kubelet(Cloud()) as port, SpdyClient.connected(port, path, remotecommand.PORT_FORWARD) as peer:
            error = peer.open("error", port="81", requestid="0")
            over = peer.open("data", port="81", requestid="0")
            await peer.until(lambda: error in peer.ended)
            for _ in range(100):
                peer.send(over, b"x" * 65_536)
            peer.open("error", port="80", requestid="1")
            data = peer.open("data", port="80", requestid="1")
            peer.send(data, b"x", fin=True)
            await peer.until(lambda: data in peer.ended)
            return peer.received[data]

    assert within(go()) == b"X"


def test_a_connection_that_the_client_resets_is_over_at_once() -> None:
    """kubectl resets the data stream and then waits for the end of the other, also if the pod's end says nothing."""

    class Silent(Cloud):
        async def port_forward(self, *_: Any) -> None:
            self.begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.left.set()

    async def go() -> None:
        cloud, path = Silent(), "/portForward/default/web"
        async with kubelet(cloud) as port, SpdyClient.connected(port, path, remotecommand.PORT_FORWARD) as peer:
            error = peer.open("error", port="80", requestid="0")
            data = peer.open("data", port="80", requestid="0")
            await peer.until(lambda: True)
            await cloud.begun.wait()
            peer.reset(data)
            await peer.until(lambda: error in peer.ended)
            await cloud.left.wait()

    within(go())


def test_nothing_is_kept_of_connections_that_are_over() -> None:
    class Script:
        """A carrier whose bytes stand beforehand."""

        def __init__(self, *pieces: bytes) -> None:
            self.pieces = [*pieces, b""]

        async def receive(self) -> bytes:
            return self.pieces.pop(0)

        async def send(self, data: bytes) -> None:
            """Nobody looks."""

    async def go() -> int:
        client = spdy.Connection(client=True)
        for _ in range(10):
            client.send(client.open_stream({"streamtype": "data"}), b"x", fin=True)
        session = SpdySession(Script(client.data_to_send()), lambda: None)
        await session.run()
        while (stream := await session.opened()) is not None:
            await stream.close()
        return session.streams

    assert within(go()) == 0


def test_old_clients_that_number_no_requests_are_understood() -> None:
    async def go() -> bytes:
        path = "/portForward/default/web"
        async with kubelet(Cloud()) as port, SpdyClient.connected(port, path) as peer:
            peer.open("error", port="80")
            data = peer.open("data", port="80")
            peer.send(data, b"x", fin=True)
            await peer.until(lambda: data in peer.ended)
            return peer.received[data]

    assert within(go()) == b"X"


def test_spdy_inside_a_websocket_is_port_forward_too() -> None:
    async def go() -> bytes:
        peer = spdy.Connection(client=True)
        async with (
            kubelet(Cloud()) as port,
            client(port) as session,
            session.ws_connect(
                "/portForward/default/web", protocols=[remotecommand.PORT_FORWARD_IN_WEBSOCKET]
            ) as socket,
        ):
            peer.open_stream({"streamtype": "error", "port": "80", "requestid": "0"})
            data = peer.open_stream({"streamtype": "data", "port": "80", "requestid": "0"})
            peer.send(data, b"abc", fin=True)
            everything = peer.data_to_send()
            for at in range(0, len(everything), 7):
                await socket.send_bytes(everything[at : at + 7])
            got = b""
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.BINARY:
                    break
                for event in peer.receive(message.data):
                    if isinstance(event, spdy.Data) and event.stream == data:
                        got += event.data
                        if event.fin:
                            return got
        raise AssertionError(got)

    assert within(go()) == b"ABC"


def test_a_websocket_with_two_channels_for_each_port() -> None:
    async def go() -> None:
        async with (
            kubelet(Cloud()) as port,
            client(port) as session,
            session.ws_connect("/portForward/default/web?port=80&port=81", protocols=["v4.channel.k8s.io"]) as socket,
        ):
            firsts = [(await socket.receive()).data for _ in range(4)]
            assert firsts == [bytes([number, 80 + number // 2, 0]) for number in range(4)]
            assert (await socket.receive()).data == b"\x03nothing listens on 81"
            await socket.send_bytes(b"\x00abc")
            assert (await socket.receive()).data == b"\x00ABC"

    within(go())


@pytest.mark.parametrize("query", ["", "?port=0", "?port=²", "?port=80,x"])
def test_a_websocket_without_proper_ports_is_a_bad_request(query: str) -> None:
    async def go() -> int:
        async with kubelet(Cloud()) as port, client(port) as session:
            headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
            async with session.get(f"/portForward/default/web{query}", headers=headers) as response:
                return response.status

    assert within(go()) == 400


# --- the rest -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/pods", '"name":"web"'),
        ("/runningpods/", '"kind":"PodList"'),
        ("/stats/summary", '"nodeName":"vk"'),
        ("/stats/summary/", '"nodeName":"vk"'),
        ("/metrics/resource/", "up 1.0"),
        ("/metrics/resource", 'pod_memory_working_set_bytes{namespace="default",pod="w\\"b"} 5.0'),
        ("/metrics", "own 1"),
        ("/configz", '"node_name":"vk"'),
        ("/healthz", "ok"),
        ("/readyz", "ok"),
    ],
)
def test_what_the_node_tells_of_itself(path: str, part: str) -> None:
    async def go() -> str:
        async with kubelet(Cloud()) as port, client(port) as session, session.get(path) as response:
            assert response.status == 200, await response.text()
            return await response.text()

    assert part in within(go())
