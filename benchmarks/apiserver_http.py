"""How fast the fake API server answers over HTTPS, beside a real kube-apiserver with etcd in the same run.

Run it as ``python benchmarks/apiserver_http.py``; with ``--pods 150000 --nodes 5000`` it also compares a full cluster
with one of 100 nodes. The real one is left out where its programs are missing (``make controlplane``). Aim: nothing
slower than the real one, ready within 0.5 s, less than 60 MiB of memory empty and 3 KiB for each further pod.
"""

import argparse
import asyncio
import atexit
import json
import multiprocessing
import os
import selectors
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.controlplane import control_plane, folder_of_programs

LISTED = 1_000
WATCHERS = 100
REQUESTS = 400
AT_ONCE = 8
"""Requests in flight, as a busy controller has them."""
ROUNDS = 3
FAN_OUT = 300
NS = "/api/v1/namespaces/default"
MERGE = {"Content-Type": "application/merge-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}


@dataclass(frozen=True, slots=True)
class Client:
    """A connection to a server under test.

    Attributes:
        http: the session, with its token.
        url: of the server.
    """

    http: aiohttp.ClientSession
    url: str

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> bytes:
        """The body of a good answer."""
        headers.setdefault("Content-Type", "application/json")
        content = None if body is None else json.dumps(body)
        async with self.http.request(method, self.url + path, data=content, headers=headers) as answer:
            read = await answer.read()
            assert answer.status < 300, read[:300]
            return read


def pod(name: str) -> dict[str, object]:
    containers = [{"name": "main", "image": "registry.example/app:1", "resources": {"requests": {"cpu": "100m"}}}]
    spec = {"containers": containers, "automountServiceAccountToken": False}
    return {"metadata": {"name": name, "labels": {"app": "bench"}}, "spec": spec}


def deployed(number: int, nodes: int) -> dict[str, object]:
    """A pod as a Deployment makes it, on one of so many nodes."""
    container = {
        "name": "main",
        "image": "registry.example/app:1",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": "COLOUR", "value": "blue"}, {"name": "SIZE", "value": "large"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "128Mi"}},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
    }
    metadata = {"name": f"p-{number}", "generateName": "p-", "labels": {"app": "web", "pod-template-hash": "5d4f8c"}}
    return {"metadata": metadata, "spec": {"nodeName": f"n-{number % nodes}", "containers": [container]}}


def running(number: int) -> dict[str, object]:
    """What a kubelet says of it."""
    ip, since = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "2026-01-01T00:00:00Z"
    conditions = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    container = {
        "name": "main",
        "image": "registry.example/app:1",
        "imageID": "registry.example/app@sha256:0",
        "containerID": f"mock://{number:032x}",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": since}},
    }
    status = {
        "phase": "Running",
        "hostIP": "192.0.2.1",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": since,
        "conditions": [{"type": each, "status": "True", "lastTransitionTime": since} for each in conditions],
        "containerStatuses": [container],
    }
    return {"status": status}


async def rate(work: Callable[[int], Awaitable[object]], count: int = REQUESTS) -> float:
    """So many a second, of the best round."""
    best = 0.0
    for round_ in range(ROUNDS):
        numbers = iter(range(round_ * count, (round_ + 1) * count))

        async def worker(numbers: Iterator[int] = numbers) -> None:
            for number in numbers:
                await work(number)

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        best = max(best, count / (time.perf_counter() - began))
    return best


async def fan_out(client: Client, token: str) -> float:
    """Events a second, over all watchers, from the first write to the last event read."""
    await client.send("POST", f"{NS}/configmaps", {"metadata": {"name": "hot"}})
    ours, theirs = multiprocessing.Pipe()
    path = f"{NS}/configmaps?watch=1&fieldSelector=metadata.name=hot"
    # In a process of its own, and without asyncio: it is the server that is measured.
    reader = multiprocessing.get_context("spawn").Process(target=read_watches, args=(client.url, token, path, theirs))
    reader.start()
    told = asyncio.get_running_loop().run_in_executor
    await told(None, ours.recv)
    began = time.perf_counter()
    for number in range(FAN_OUT):
        await client.send("PATCH", f"{NS}/configmaps/hot", {"data": {"n": str(number)}}, **MERGE)
    await told(None, ours.recv)
    seconds = time.perf_counter() - began
    reader.join()
    return FAN_OUT * WATCHERS / seconds


def read_watches(url: str, token: str, path: str, told: Connection) -> None:
    """Open all watches; say when each has had its first event, and when each has had all."""
    where, context = urlsplit(url), ssl._create_unverified_context()  # noqa: S323, SLF001  (on loopback)
    request = f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    with selectors.DefaultSelector() as ready:
        for _ in range(WATCHERS):
            connection = context.wrap_socket(socket.create_connection((where.hostname, where.port)))
            connection.sendall(request)
            connection.setblocking(False)
            ready.register(connection, selectors.EVENT_READ)
        for wanted in (WATCHERS, WATCHERS * FAN_OUT):
            seen = 0
            while seen < wanted:
                seen += sum(read_events(key.fileobj) for key, _ in ready.select())
            told.send("read")


def read_events(connection: Any) -> int:
    """How many events have come: each ends its line."""
    events = 0
    with suppress(ssl.SSLWantReadError):
        while content := connection.recv(1 << 16):
            events += content.count(b"}\n")
    return events


@asynccontextmanager
async def connected(config: dict[str, Any]) -> AsyncIterator[Client]:
    """A client of the server that a kubeconfig names."""
    url, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
    connector = aiohttp.TCPConnector(ssl=False, limit=0)
    timeout = aiohttp.ClientTimeout(total=None)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as http:
        yield Client(http, url)


def parsed(kubeconfig: Path) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
    return config


async def figures(config: dict[str, Any]) -> dict[str, float]:
    """What a server achieves, each by its name."""
    async with connected(config) as client:
        found = {
            "CREATE a pod": await rate(lambda n: client.send("POST", f"{NS}/pods", pod(f"p-{n}"))),
            "GET a pod": await rate(lambda n: client.send("GET", f"{NS}/pods/p-{n % REQUESTS}")),
            "PATCH its status": await rate(lambda n: patched(client, n)),
        }
        for number in range(REQUESTS * ROUNDS, LISTED):
            await client.send("POST", f"{NS}/pods", pod(f"p-{number}"))
        found["LIST of 1,000 pods"] = await rate(lambda _: client.send("GET", f"{NS}/pods?limit={LISTED}"), 16)
        found["events to 100 watchers"] = await fan_out(client, config["users"][0]["user"]["token"])
    return found


async def patched(client: Client, number: int) -> bytes:
    status = {"phase": ("Running", "Pending")[number // REQUESTS % 2], "message": str(number)}
    return await client.send("PATCH", f"{NS}/pods/p-{number % REQUESTS}/status", {"status": status}, **MERGE)


@dataclass(frozen=True, slots=True)
class Served:
    """A ``vksim serve`` that is up.

    Attributes:
        kubeconfig: how to reach it.
        seconds: from its start until it could be used.
        pid: its process.
    """

    kubeconfig: Path
    seconds: float
    pid: int

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) * 1024


@contextmanager
def served() -> Iterator[Served]:
    """An API server, and beside it what gives a namespace the account of its pods; as the real one is alone too."""
    command = [sys.executable, "-m", "vksim", "serve", "--nodes", "0", "--controllers", "serviceaccount-controller"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:  # noqa: S603
        assert process.stdout is not None
        line = process.stdout.readline()
        seconds = time.perf_counter() - began
        try:
            yield Served(Path(line.partition("=")[2].strip()), seconds, process.pid)
        finally:
            process.terminate()


def starts() -> Iterator[float]:
    """The seconds of some starts."""
    for _ in range(ROUNDS):
        with served() as server:
            yield server.seconds


@cache
def environment() -> dict[str, str]:
    """Ours, with Python's bytecode kept, as it is for whoever has installed the program."""
    folder = tempfile.mkdtemp(prefix="vksim-bytecode-")
    atexit.register(shutil.rmtree, folder)
    kept = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-c", "import vksim.cli, vksim.serve"], env=kept, check=True)
    return kept


async def load(server: Served, pods: int, nodes: int) -> tuple[dict[str, float], float]:
    """Milliseconds of the requests of one node in a cluster of so many, and the bytes of a further pod."""
    config = parsed(server.kubeconfig)
    async with connected(config) as client:

        async def run(numbers: Iterator[int]) -> None:
            for number in numbers:
                await client.send("POST", f"{NS}/pods", deployed(number, nodes))
                await client.send("PATCH", f"{NS}/pods/p-{number}/status", running(number), **STRATEGIC)

        async def run_all(numbers: range) -> int:
            shared = iter(numbers)
            await asyncio.gather(*(run(shared) for _ in range(AT_ONCE)))
            return server.memory()

        half = await run_all(range(pods // 2))
        bytes_each = (await run_all(range(pods // 2, pods)) - half) / (pods - pods // 2)
        by_node = f"{NS}/pods?fieldSelector=spec.nodeName=n-7"

        async def watched() -> None:
            async with client.http.get(f"{client.url}{by_node}&watch=1&resourceVersion=0") as answer:
                await answer.content.readline()

        return {
            "list by node": await milliseconds(lambda _: client.send("GET", by_node)),
            "watch by node": await milliseconds(lambda _: watched()),
            "status patch": await milliseconds(lambda n: patched(client, n)),
        }, bytes_each


async def milliseconds(work: Callable[[int], Awaitable[object]]) -> float:
    """The median of many."""
    taken = []
    for number in range(200):
        began = time.perf_counter()
        await work(number)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=0, help="of a full cluster, to compare with one of 100 nodes")
    parser.add_argument("--nodes", type=int, default=5000, help="of the full cluster")
    asked = parser.parse_args()
    with served() as server:
        empty = server.memory()
        ours = asyncio.run(figures(parsed(server.kubeconfig)))
    print(f"start to ready:          {min(starts()):9.2f} s")
    print(f"memory, empty:           {empty / 2**20:9.1f} MiB")
    theirs = real_figures()
    for name, value in ours.items():
        beside = f"{theirs[name]:9,.0f}/s on the real one, ratio {value / theirs[name]:.2f}" if theirs else ""
        print(f"{name + ':':24} {value:9,.0f}/s {beside}")
    if asked.pods:
        compare(asked.pods, asked.nodes)


def real_figures() -> dict[str, float]:
    programs = folder_of_programs()
    if programs is None:
        print("no real kube-apiserver here: run 'make controlplane' first")
        return {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plane = stack.enter_context(control_plane(folder, programs, "--disable-admission-plugins=ServiceAccount"))
        return asyncio.run(figures(parsed(plane.kubeconfig)))


def compare(pods: int, nodes: int) -> None:
    """A full cluster beside one of 100 nodes, each as full."""
    with served() as small:
        few, _ = asyncio.run(load(small, pods * 100 // nodes, 100))
    with served() as large:
        many, bytes_each = asyncio.run(load(large, pods, nodes))
    print(f"memory of a further pod: {bytes_each / 1024:9.2f} KiB, running and with managed fields")
    for name, value in many.items():
        print(f"{name + ':':24} {value:9.2f} ms with {nodes:,} nodes, {value / few[name]:.2f} times that with 100")


if __name__ == "__main__":
    main()
