"""The mock cloud: runs pods that exist only here. It outlives the runner, as a real cloud does.

A state machine with one timer for each change that lies ahead, none for a pod that just runs. Every change is told to
whoever listens for the pod's node. With a ``StateFolder`` it also outlives the process.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from random import Random

from providers import pods
from providers.base import Clock
from providers.errors import NotFound, Retryable
from providers.mock.script import Script
from providers.mock.state import Saved, StateFolder
from providers.mock.status import Run, Snapshot, status_of
from providers.types import Pod, PodStatus

FIRST_ADDRESS = IPv4Address("10.0.0.1")
FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 300.0
"""Seconds between restarts of a container: a kubelet's crash loop."""

Listener = Callable[[Pod], None]
Trouble = Callable[[str, str], None]
"""(operation, node) -> None, or it raises what the call is to fail with."""


@dataclass(slots=True)
class CloudPod:
    """A pod on the mock cloud."""

    pod: Pod
    node: str
    script: Script
    host_ip: str
    accepted: datetime
    ip: str = ""
    run: Run = field(default_factory=Run)
    evicted: bool = False
    timer: asyncio.TimerHandle | None = None


class MockCloud:
    """All pods of all nodes.

    Args:
        clock: the wall clock.
        random: draws durations.
        folder: keeps the pods over a restart of the process; None keeps them in memory.
    """

    def __init__(self, clock: Clock, random: Random, folder: StateFolder | None = None) -> None:
        self.trouble: Trouble | None = None
        self.lost_answers = 0
        self.starts: dict[str, int] = {}
        self._clock = clock
        self._random = random
        self._folder = folder
        self._pods: dict[str, CloudPod] = {}
        self._by_node: dict[str, dict[str, CloudPod]] = {}
        self._listeners: dict[str, Listener] = {}
        self._errors: dict[tuple[str, str], int] = {}
        self._free: deque[str] = deque()
        self._addresses = 0

    # --- calls, as a cloud's API has them ---------------------------------------------------------------------------

    def check(self, operation: str, node: str) -> None:
        """Fail the call if there is trouble."""
        if self.trouble is not None:
            self.trouble(operation, node)

    def counted_error(self, operation: str, uid: str, times: int) -> bool:
        """Whether this call is among the first ``times`` for the pod, which are to fail."""
        if not times:
            return False
        count = self._errors.get((operation, uid), 0)
        self._errors[operation, uid] = count + 1
        return count < times

    def create(self, pod: Pod, node: str, script: Script, host_ip: str) -> None:
        """Accept a pod; one that is there already is left as it is."""
        uid = pods.uid(pod)
        if uid not in self._pods:
            self.starts[uid] = self.starts.get(uid, 0) + 1
            cloud_pod = CloudPod(pod, node, script, host_ip, self._clock.now())
            self._keep(cloud_pod)
            self._changed(cloud_pod)
            if not script.never_start:
                self._after(script.start_after.draw(self._random), cloud_pod, self._start)
        if self.lost_answers > 0:
            self.lost_answers -= 1
            raise Retryable("the connection was lost before the cloud answered")

    def update(self, pod: Pod) -> None:
        """Give a pod a new spec; a changed image restarts its containers."""
        cloud_pod = self._get(pods.uid(pod))
        images = [each.get("image") for each in pods.containers(cloud_pod.pod)]
        cloud_pod.pod = pod
        if images != [each.get("image") for each in pods.containers(pod)] and cloud_pod.run.running:
            self._cancel(cloud_pod)
            cloud_pod.run = cloud_pod.run.ended(self._clock.now(), exit_code=137, reason="Error")
            self._start(cloud_pod)
        else:
            self._changed(cloud_pod)

    def delete(self, uid: str, grace: float) -> None:
        """Tell a pod's containers to end; they are killed after the grace."""
        cloud_pod = self._get(uid)
        if not cloud_pod.run.running:
            if not cloud_pod.run.is_over:
                self._over(cloud_pod, exit_code=137, reason="ContainerStatusUnknown")
            self._drop(cloud_pod)
            return
        takes = cloud_pod.script.end_after.draw(self._random)
        killed = takes > grace
        self._after(min(takes, grace), cloud_pod, self._killed if killed else self._stopped)

    def get(self, uid: str) -> Pod:
        """A pod with its status. Raises NotFound."""
        return self._shown(self._get(uid))

    def status(self, uid: str) -> PodStatus:
        """A pod's status. Raises NotFound."""
        return status_of(self._snapshot(self._get(uid)))

    def run_of(self, uid: str) -> tuple[CloudPod, Run]:
        """A pod and its current run, for its log. Raises NotFound."""
        cloud_pod = self._get(uid)
        return cloud_pod, cloud_pod.run

    def list(self, node: str) -> list[Pod]:
        """All pods of a node with their status."""
        return [self._shown(each) for each in self._by_node.get(node, {}).values()]

    def listen(self, node: str, listener: Listener) -> None:
        """Tell changes of a node's pods to this listener from now on, and to no earlier one."""
        self._listeners[node] = listener

    # --- what a cloud does on its own account -----------------------------------------------------------------------

    def alive(self) -> Iterator[Pod]:
        """The pods that have not ended, without status."""
        return (each.pod for each in self._pods.values() if not each.run.is_over)

    def vanish(self, uid: str) -> None:
        """Lose a pod without a word."""
        self._drop(self._get(uid))

    def evict(self, uid: str) -> None:
        """End a pod on the cloud's own account, and tell."""
        cloud_pod = self._get(uid)
        cloud_pod.evicted = True
        self._over(cloud_pod, exit_code=137, reason="Evicted")

    def restore(self) -> None:
        """Take up the pods of an earlier process where the folder has them."""
        if self._folder is None:
            return
        for saved in self._folder.load():
            pod = saved.pod
            cloud_pod = CloudPod(pod, saved.node, saved.script, saved.host_ip, saved.accepted, saved.ip, saved.run)
            self._addresses = max(self._addresses, saved.address_number(FIRST_ADDRESS))
            self.starts[pods.uid(pod)] = saved.starts
            self._keep(cloud_pod)
            self._resume(cloud_pod)

    # --- the life of a pod here -------------------------------------------------------------------------------------

    def _start(self, cloud_pod: CloudPod) -> None:
        cloud_pod.timer = None
        now = self._clock.now()
        cloud_pod.ip = cloud_pod.ip or self._address()
        cloud_pod.run = cloud_pod.run.started_again(now)
        self._changed(cloud_pod)
        if cloud_pod.script.run_for is not None:
            self._after(cloud_pod.script.run_for.draw(self._random), cloud_pod, self._exited)

    def _exited(self, cloud_pod: CloudPod) -> None:
        cloud_pod.timer = None
        code = cloud_pod.script.exit_code
        policy = pods.restart_policy(cloud_pod.pod)
        if policy == "Never" or (policy == "OnFailure" and code == 0):
            self._over(cloud_pod, exit_code=code, reason="Error" if code else "Completed")
            return
        cloud_pod.run = cloud_pod.run.ended(self._clock.now(), exit_code=code, reason="Error" if code else "Completed")
        self._changed(cloud_pod)
        wait = min(FIRST_BACKOFF * 2.0 ** min(cloud_pod.run.restarts, 10), LONGEST_BACKOFF)
        self._after(wait, cloud_pod, self._start)

    def _stopped(self, cloud_pod: CloudPod) -> None:
        self._over(cloud_pod, exit_code=0, reason="Completed")
        self._drop(cloud_pod)

    def _killed(self, cloud_pod: CloudPod) -> None:
        self._over(cloud_pod, exit_code=137, reason="Error")
        self._drop(cloud_pod)

    def _over(self, cloud_pod: CloudPod, *, exit_code: int, reason: str) -> None:
        self._cancel(cloud_pod)
        cloud_pod.run = cloud_pod.run.ended(self._clock.now(), exit_code=exit_code, reason=reason, over=True)
        self._changed(cloud_pod)

    def _resume(self, cloud_pod: CloudPod) -> None:
        run, script, now = cloud_pod.run, cloud_pod.script, self._clock.now()
        if run.is_over or script.never_start:
            return
        if not run.running:
            self._after(script.start_after.draw(self._random), cloud_pod, self._start)
        elif script.run_for is not None and run.started is not None:
            left = script.run_for.draw(self._random) - (now - run.started).total_seconds()
            self._after(max(left, 0.0), cloud_pod, self._exited)

    # --- keeping ----------------------------------------------------------------------------------------------------

    def _get(self, uid: str) -> CloudPod:
        try:
            return self._pods[uid]
        except KeyError:
            raise NotFound(f"the mock cloud has no pod with the UID {uid}") from None

    def _keep(self, cloud_pod: CloudPod) -> None:
        uid = pods.uid(cloud_pod.pod)
        self._pods[uid] = self._by_node.setdefault(cloud_pod.node, {})[uid] = cloud_pod

    def _drop(self, cloud_pod: CloudPod) -> None:
        self._cancel(cloud_pod)
        uid = pods.uid(cloud_pod.pod)
        if self._pods.pop(uid, None) is None:
            return
        del self._by_node[cloud_pod.node][uid]
        if cloud_pod.ip:
            self._free.append(cloud_pod.ip)
        for operation in ("create", "delete"):
            self._errors.pop((operation, uid), None)
        if self._folder is not None:
            self._folder.remove(uid)

    def _changed(self, cloud_pod: CloudPod) -> None:
        if self._folder is not None:
            self._folder.save(_saved(cloud_pod, self.starts[pods.uid(cloud_pod.pod)]))
        listener = self._listeners.get(cloud_pod.node)
        if listener is not None:
            listener(self._shown(cloud_pod))

    def _after(self, seconds: float, cloud_pod: CloudPod, then: Callable[[CloudPod], None]) -> None:
        self._cancel(cloud_pod)
        cloud_pod.timer = asyncio.get_running_loop().call_later(seconds, then, cloud_pod)

    def _cancel(self, cloud_pod: CloudPod) -> None:
        if cloud_pod.timer is not None:
            cloud_pod.timer.cancel()
            cloud_pod.timer = None

    def _address(self) -> str:
        """A free address, the longest unused first."""
        if len(self._free) > 256:  # an address rests for a while, as on a real network
            return self._free.popleft()
        self._addresses += 1
        return str(FIRST_ADDRESS + self._addresses - 1)

    def _snapshot(self, cloud_pod: CloudPod) -> Snapshot:
        return Snapshot(
            cloud_pod.pod,
            cloud_pod.run,
            cloud_pod.accepted,
            cloud_pod.ip,
            cloud_pod.host_ip,
            cloud_pod.script.never_start,
            evicted=cloud_pod.evicted,
        )

    def _shown(self, cloud_pod: CloudPod) -> Pod:
        pod = pods.with_status(cloud_pod.pod, status_of(self._snapshot(cloud_pod)))
        if cloud_pod.evicted:
            stamp = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
            return {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": stamp}}
        return pod


def _saved(cloud_pod: CloudPod, starts: int) -> Saved:
    return Saved(
        cloud_pod.pod,
        cloud_pod.node,
        cloud_pod.script,
        cloud_pod.host_ip,
        cloud_pod.accepted,
        cloud_pod.ip,
        cloud_pod.run,
        starts,
    )
