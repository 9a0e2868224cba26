"""The streams of kubectl and of the Python client, through an API server to the kubelet API of a runner.

Through the fake API server always, and through a real kube-apiserver where there is one: that one shows a certificate,
and the runner asks it whether who calls may.
"""

import json
import os
import pty
import shutil
import socket
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.controlplane import control_plane, free_ports, programs_or_skip

KUBECTL = shutil.which("kubectl") or ""
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed")]
PATIENCE = 60.0
OVER_SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
WAYS = pytest.mark.parametrize("way", [{}, OVER_SPDY], ids=["websocket", "spdy"])

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web",
        "annotations": {"mock.vksim.io/log": "hello", "mock.vksim.io/log-every": "200ms"},
    },
    "spec": {
        "nodeName": "virtual-kubelet",
        "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": "main", "image": "busybox", "env": [{"name": "COLOUR", "value": "blue"}]}],
    },
}


@dataclass(frozen=True)
class Place:
    """A cluster with a runner, on which the pod ``web`` runs."""

    kubeconfig: Path

    def kubectl(
        self, *arguments: str, stdin: bytes = b"", more: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Exit code, output and errors of a kubectl."""
        command, environment = self.command(*arguments), self.environment(more or {})
        done = subprocess.run(command, input=stdin, capture_output=True, env=environment, timeout=PATIENCE, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def command(self, *arguments: str) -> list[str]:
        return [KUBECTL, f"--kubeconfig={self.kubeconfig}", *arguments]

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.kubeconfig.parent), **more}


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.controlplane)])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("streams")
    with ExitStack() as stack:
        callers: tuple[str, ...] = ()
        if request.param == "real":
            identity = identity_in(folder)
            no_accounts = "--disable-admission-plugins=ServiceAccount"
            plane = stack.enter_context(control_plane(folder, programs_or_skip(), no_accounts, *identity))
            kubeconfig = plane.kubeconfig
            callers = ("--client-verify-ca", f"{folder}/callers.crt")
        else:
            kubeconfig = folder / "kubeconfig"
            stack.enter_context(process("vksim", "serve", "--nodes", "0", "--kubeconfig", str(kubeconfig)))
            eventually(kubeconfig.exists)
        runner = ("--provider", "mock", "--kubeconfig", str(kubeconfig), "--port", "0", "--internal-ip", own_address())
        stack.enter_context(process("runner", *runner, *callers))
        found = Place(kubeconfig)
        eventually(lambda: found.kubectl("get", "node", "virtual-kubelet")[0] == 0)
        assert found.kubectl("create", "-f", "-", stdin=json.dumps(POD).encode())[0] == 0
        assert found.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=30s")[0] == 0
        yield found


def identity_in(folder: Path) -> tuple[str, ...]:
    """A certificate that an API server shows to nodes, and the flags that tell it so."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "callers.crt")
    shown = authority.issue_cert("api.server", common_name="api-server", organization_name="system:masters")
    shown.cert_chain_pems[0].write_to_path(folder / "caller.crt")
    shown.private_key_pem.write_to_path(folder / "caller.key")
    return (f"--kubelet-client-certificate={folder}/caller.crt", f"--kubelet-client-key={folder}/caller.key")


@contextmanager
def process(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of ours, killed at the end."""
    environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as running:
        try:
            yield running
        finally:
            running.kill()


def own_address() -> str:
    """An address of this machine that is not loopback, where there is one: a real API server proxies to no loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unconnected:
        try:
            unconnected.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(unconnected.getsockname()[0])


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE  # noqa: TID251  (processes live in real time)
    while not check():
        assert time.monotonic() < deadline  # noqa: TID251
        time.sleep(0.1)  # noqa: TID251


@WAYS
def test_a_command_has_output_and_an_exit_code(place: Place, way: Mapping[str, str]) -> None:
    code, out, err = place.kubectl("exec", "web", "--", "sh", "-c", "echo $COLOUR; vim; exit 7", more=way)
    assert (code, out) == (7, "blue\n")
    assert "sh: vim: not found\n" in err
    assert "command terminated with exit code 7" in err


@WAYS
def test_a_command_reads_what_it_is_given(place: Place, way: Mapping[str, str]) -> None:
    text = "".join(f"line {number}\n" for number in range(20_000))
    code, out, _ = place.kubectl("exec", "-i", "web", "--", "cat", stdin=text.encode(), more=way)
    assert code == 0
    assert out == text


def test_a_container_that_is_not_there_is_said(place: Place) -> None:
    code, _, err = place.kubectl("exec", "web", "-c", "other", "--", "true")
    assert code != 0
    assert "container other is not valid for pod web" in err or "container not found" in err


@WAYS
def test_files_are_copied_both_ways(place: Place, way: Mapping[str, str], tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / "up").write_bytes(content)
    assert place.kubectl("cp", str(tmp_path / "up"), "web:/tmp/there", more=way)[0] == 0
    assert place.kubectl("cp", "web:/tmp/there", str(tmp_path / "down"), more=way)[0] == 0
    assert (tmp_path / "down").read_bytes() == content


@WAYS
@pytest.mark.parametrize("arguments", [("logs", "-f", "web"), ("attach", "web")], ids=["logs -f", "attach"])
def test_what_the_container_writes_arrives_as_it_comes(
    place: Place, way: Mapping[str, str], arguments: Sequence[str]
) -> None:
    command, environment = place.command(*arguments), place.environment(way)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=environment
    ) as reader:
        assert reader.stdout is not None
        try:
            lines = [reader.stdout.readline().decode() for _ in range(3)]
        finally:
            reader.kill()
    assert all(line.startswith(("line ", "hello")) for line in lines), lines


@WAYS
def test_a_port_is_forwarded_again_and_again(place: Place, way: Mapping[str, str]) -> None:
    (port,) = free_ports(1)
    command, environment = place.command("port-forward", "pod/web", f"{port}:80"), place.environment(way)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as forward:
        assert forward.stdout is not None
        try:
            assert b"Forwarding from" in forward.stdout.readline()
            for _ in range(3):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
                    assert answer.read() == b"default/web port 80\n"
        finally:
            forward.kill()


@WAYS
def test_a_terminal_has_a_size_an_echo_and_an_exit_code(place: Place, way: Mapping[str, str]) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (33, 101))
    command, environment = place.command("exec", "-it", "web", "--", "sh"), place.environment(way)
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as shell:
        os.close(theirs)
        seen = until(ours, b"/ # ")
        os.write(ours, b"stty size\r")
        seen += until(ours, b"33 101")
        os.write(ours, b"exit 5\r")
        assert shell.wait(PATIENCE) == 5
    os.close(ours)
    assert b"stty size" in seen


def until(terminal: int, words: bytes) -> bytes:
    """What the terminal shows, up to these words."""
    seen = b""
    while words not in seen:
        seen += os.read(terminal, 4096)
    return seen


def test_the_node_answers_through_the_proxy(place: Place) -> None:
    code, out, _ = place.kubectl("get", "--raw", "/api/v1/nodes/virtual-kubelet/proxy/runningpods/")
    assert code == 0
    assert [each["metadata"]["name"] for each in json.loads(out)["items"]] == ["web"]
    code, out, _ = place.kubectl("get", "--raw", "/api/v1/nodes/virtual-kubelet/proxy/metrics/resource")
    assert code == 0
    assert 'pod_cpu_usage_seconds_total{namespace="default",pod="web"}' in out


# --- the Python client ----------------------------------------------------------------------------------------------

TALK = """
shell = stream(api.connect_get_namespaced_pod_exec, "web", "default", command=["sh"],
               stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False)
shell.write_stdin("echo $COLOUR\\n")
print(shell.readline_stdout(timeout=30))
shell.write_stdin("exit 4\\n")
shell.run_forever(timeout=30)
print(shell.returncode)
"""
FORWARD = """
forward = portforward(api.connect_get_namespaced_pod_portforward, "web", "default", ports="80")
connection = forward.socket(80)
connection.setblocking(True)
connection.sendall(b"GET / HTTP/1.1\\r\\nHost: web\\r\\n\\r\\n")
print(connection.recv(1000).decode().splitlines()[-1], forward.error(80))
"""


@pytest.mark.parametrize(
    ("script", "says"), [(TALK, ["blue", "4"]), (FORWARD, ["default/web port 80 None"])], ids=["exec", "port-forward"]
)
def test_the_python_client_does_the_same(place: Place, script: str, says: list[str]) -> None:
    """In a process of its own: it leaves sockets and threads behind."""
    head = (
        "import sys\nfrom kubernetes import client, config\nfrom kubernetes.stream import portforward, stream\n"
        "config.load_kube_config(sys.argv[1])\napi = client.CoreV1Api()\n"
    )
    command = [sys.executable, "-c", head + script, str(place.kubeconfig)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.stdout.decode().splitlines(), done.returncode) == (says, 0), done.stderr.decode()
