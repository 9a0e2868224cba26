"""``python -m runner`` as a process of its own: what an operator sees of it."""

import asyncio
import gzip
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from runner.kube import NODES, PODS, NotFound
from tests.e2e.processes import (
    NODE,
    cluster_in,
    pod_object,
    running,
    until_gone,
    until_ready,
    until_running,
    within_patience,
    write_kubeconfig,
)

pytestmark = pytest.mark.e2e


async def last_words(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code of a runner that ends by itself, and its last line on stderr. There is no traceback."""
    async with running(folder, *arguments) as process:
        _, errors = await process.communicate()
        text = errors.decode()
        assert "Traceback" not in text
        assert process.returncode is not None
        return process.returncode, text.splitlines()[-1]


@asynccontextmanager
async def refusing_server(folder: Path, code: int, message: str = "no") -> AsyncIterator[str]:
    """The kubeconfig of an API server that answers everything with this ``Status``."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield write_kubeconfig(folder / "kubeconfig", f"http://127.0.0.1:{runner.addresses[0][1]}", {"token": "t"})
    finally:
        await runner.cleanup()


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    async def go() -> None:
        code, line = await last_words(tmp_path, "--kubeconfig", f"{tmp_path}/none")
        assert code == 2
        assert line.startswith(f"runner: {tmp_path}/none: no such file")

    within_patience(go())


def test_a_kubeconfig_of_broken_yaml(tmp_path: Path) -> None:
    async def go() -> None:
        (tmp_path / "kubeconfig").write_text("clusters: [\n")
        code, line = await last_words(tmp_path, "--kubeconfig", f"{tmp_path}/kubeconfig")
        assert code == 2
        assert "kubeconfig, line 2: broken YAML" in line

    within_patience(go())


def test_an_exec_plug_in_that_fails(tmp_path: Path) -> None:
    async def go() -> None:
        user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}}
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", user)
        code, line = await last_words(tmp_path, "--kubeconfig", kubeconfig)
        assert code == 2
        assert "user 'it': exec plug-in 'false' failed" in line

    within_patience(go())


def test_a_field_that_the_provider_does_not_know(tmp_path: Path) -> None:
    async def go() -> None:
        config = tmp_path / "mock.toml"
        config.write_text('speed = "high"\n[capacity]\ncpu = "4"\n')
        async with refusing_server(tmp_path, 404) as kubeconfig:
            code, line = await last_words(
                tmp_path, "--kubeconfig", kubeconfig, "--port", "0", "--provider-config", str(config)
            )
        assert code == 2
        assert f"{config}: speed: unknown field" in line

    within_patience(go())


def test_an_api_server_that_cannot_be_reached(tmp_path: Path) -> None:
    async def go() -> None:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", {"token": "t"})
        code, line = await last_words(tmp_path, "--kubeconfig", kubeconfig, "--startup-timeout", "1s")
        assert code == 1
        assert line == "runner: cannot reach the API server https://127.0.0.1:1: Connection refused"

    within_patience(go())


@pytest.mark.parametrize(("status", "says"), [(401, "refuses the credential"), (403, "does not allow it")])
def test_an_api_server_that_refuses(tmp_path: Path, status: int, says: str) -> None:
    async def go() -> None:
        async with refusing_server(tmp_path, status, "not you") as kubeconfig:
            code, line = await last_words(tmp_path, "--kubeconfig", kubeconfig, "--port", "0")
        assert code == 1
        assert says in line
        assert "not you" in line

    within_patience(go())


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    async def go() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            async with refusing_server(tmp_path, 404) as kubeconfig:
                code, line = await last_words(tmp_path, "--kubeconfig", kubeconfig, "--port", str(port))
        assert code == 1
        assert f"127.0.0.1 port {port}: Address already in use" in line

    within_patience(go())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order_even_while_it_waits_for_the_cluster(tmp_path: Path, number: signal.Signals) -> None:
    async def go() -> None:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", {"token": "t"})
        async with running(tmp_path, "--kubeconfig", kubeconfig, "--startup-timeout", "0") as process:
            assert process.stderr is not None
            await process.stderr.readline()
            process.send_signal(number)
            assert await process.wait() == 0

    within_patience(go())


# --- with a cluster -------------------------------------------------------------------------------------------------


def test_it_registers_a_node_and_runs_a_pod_whose_log_its_own_port_serves(tmp_path: Path) -> None:
    async def go() -> None:
        async with cluster_in(tmp_path) as cluster, running(tmp_path, *cluster.arguments):
            node = await until_ready(cluster.kube)
            await cluster.kube.create(PODS, pod_object("web"), "default")
            await until_running(cluster.kube, "web")
            port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
            url = f"https://127.0.0.1:{port}/containerLogs/default/web/main"
            async with aiohttp.ClientSession() as client, client.get(url, ssl=False) as response:
                assert (response.status, await response.text()) == (200, "hello\n")
            await cluster.kube.delete(PODS, "web", "default")
            await until_gone(cluster.kube, "web")

    within_patience(go())


def test_after_kill_9_the_next_one_finds_each_pod_and_starts_none_twice(tmp_path: Path) -> None:
    async def go() -> None:
        async with cluster_in(tmp_path) as cluster:
            kube = cluster.kube
            async with running(tmp_path, *cluster.arguments) as first:
                await kube.create(PODS, pod_object("kept"), "default")
                await kube.create(PODS, pod_object("ended"), "default")
                kept = await until_running(kube, "kept")
                await until_running(kube, "ended")
                first.kill()
                await first.wait()
            await kube.delete(PODS, "ended", "default")
            await kube.create(PODS, pod_object("new"), "default")
            async with running(tmp_path, *cluster.arguments):
                await until_running(kube, "new")
                await until_gone(kube, "ended")
                after = await kube.get(PODS, "kept", "default")
                listed = await kube.list(PODS)
                assert [each["metadata"]["name"] for each in listed["items"]] == ["kept", "new"]
                assert after["metadata"]["uid"] == kept["metadata"]["uid"]
                assert after["status"]["phase"] == "Running"
                assert after["status"]["containerStatuses"] == kept["status"]["containerStatuses"]
                assert cluster.starts() == [1, 1]

    within_patience(go())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_0_and_leaves_node_and_pods(tmp_path: Path, number: signal.Signals) -> None:
    async def go() -> None:
        async with cluster_in(tmp_path) as cluster, running(tmp_path, *cluster.arguments) as process:
            await until_ready(cluster.kube)
            await cluster.kube.create(PODS, pod_object("web"), "default")
            await until_running(cluster.kube, "web")
            process.send_signal(number)
            assert await process.wait() == 0
            assert (await cluster.kube.get(PODS, "web", "default"))["status"]["phase"] == "Running"
            assert (await cluster.kube.get(NODES, NODE))["metadata"]["name"] == NODE

    within_patience(go())


def test_a_check_says_that_it_would_run_and_registers_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        async with cluster_in(tmp_path) as cluster:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "runner", "check", "--provider", "mock", *cluster.arguments),
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await process.communicate()
            lines = out.decode().splitlines()
            assert process.returncode == 0, lines
            assert lines[0] == f"ok      API server: https://127.0.0.1:{cluster.door.port}"
            assert f"ok      {NODE}: node: no runner has it" in lines
            assert f"ok      {NODE}: provider mock: answers: ping, capacity, list of pods" in lines
            with pytest.raises(NotFound):
                await cluster.kube.get(NODES, NODE)

    within_patience(go())


def test_its_traces_reach_a_collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spans: list[Any] = []

    async def collect(request: web.Request) -> web.Response:
        body = await request.read()
        content = gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body
        for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
            spans.extend(span for scope in resource.scope_spans for span in scope.spans)
        return web.Response()

    async def go() -> None:
        collector = web.Application()
        collector.router.add_post("/v1/traces", collect)
        site = web.AppRunner(collector, access_log=None, auto_decompress=False)
        await site.setup()
        await web.TCPSite(site, "127.0.0.1", 0).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{site.addresses[0][1]}")
        async with (
            cluster_in(tmp_path) as cluster,
            running(tmp_path, *cluster.arguments, "--trace-exporter", "otlp") as process,
        ):
            await until_ready(cluster.kube)
            await cluster.kube.create(PODS, pod_object("web"), "default")
            await until_running(cluster.kube, "web")
            process.terminate()
            assert await process.wait() == 0
        await site.cleanup()
        [created] = [span for span in spans if span.name == "provider create_pod"]
        [work] = [span for span in spans if span.span_id == created.parent_span_id]
        assert work.name == "sync pod"
        assert {each.key: each.value.string_value for each in created.attributes}["k8s.pod.name"] == "web"

    within_patience(go())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def test_one_process_runs_several_nodes_and_tells_what_they_do(tmp_path: Path) -> None:
    async def go() -> None:
        async with cluster_in(tmp_path) as cluster:
            port = free_port()
            nodes = [{"nodename": name, "port": 0} for name in (NODE, "other")]
            config = {"metrics-addr": f"127.0.0.1:{port}", "label": {"zone": "a"}, "nodes": nodes}
            (tmp_path / "runner.yaml").write_text(yaml.safe_dump(config))
            several = ("--config", f"{tmp_path}/runner.yaml", *cluster.arguments)
            async with running(tmp_path, *several) as process, aiohttp.ClientSession() as client:
                await until_ready(cluster.kube)
                await cluster.kube.create(PODS, pod_object("web"), "default")
                await until_running(cluster.kube, "web")
                other = await cluster.kube.get(NODES, "other")
                assert other["metadata"]["labels"]["zone"] == "a"
                async with client.get(f"http://127.0.0.1:{port}/metrics") as response:
                    lines = (await response.text()).splitlines()
                assert f'kubelet_running_pods{{node="{NODE}"}} 1.0' in lines
                assert 'kubelet_running_pods{node="other"} 0.0' in lines
                async with client.get(f"http://127.0.0.1:{port}/debug/pods") as response:
                    first, _ = await response.json()
                assert (first["node"], first["pods"][0]["pod"]) == (NODE, "default/web")
                process.send_signal(signal.SIGUSR1)
                assert process.stderr is not None
                async for line in process.stderr:
                    if b"default/web: Running, provider: present: waits" in line:
                        break
                assert process.returncode is None

    within_patience(go())


def test_it_outlives_a_restart_of_the_api_server(tmp_path: Path) -> None:
    async def go() -> None:
        async with cluster_in(tmp_path) as cluster, running(tmp_path, *cluster.arguments) as process:
            await until_ready(cluster.kube)
            await cluster.door.stop()
            await asyncio.sleep(0.5)
            await cluster.door.start(port=cluster.door.port, ssl=cluster.tls)
            await cluster.kube.create(PODS, pod_object("web"), "default")
            await until_running(cluster.kube, "web")
            assert process.returncode is None

    within_patience(go())
