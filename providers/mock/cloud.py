"""The mock cloud: runs pods that exist only here. It outlives the runner, as a real cloud does.

A state machine with one timer for each pod that has something ahead of it, none for a pod that just runs. Every change
is told to whoever listens for the pod's node. With a ``StateFolder`` it also outlives the process.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from random import Random

from providers import pods
from providers.base import Clock
from providers.data import NO_DATA, PodData
from providers.errors import NotFound, Retryable
from providers.mock.record import COMPLETED, ERROR, KILLED, CloudPod, Plan, Step
from providers.mock.script import Script
from providers.mock.state import StateFolder
from providers.mock.status import stamp, status_of
from providers.types import Pod, PodStatus

FIRST_ADDRESS = IPv4Address("10.0.0.1")
GONE = 50_000
"""So many pods that are gone are remembered, so that one is noticed that is started once more."""
ADDRESSES_AT_REST = 256
"""So many freed addresses rest before the first of them is given out again."""

Listener = Callable[[Pod], None]
Trouble = Callable[[str, str], None]
"""(operation, node) -> None, or it raises what the call is to fail with. The operations: create, update, delete, get,
list, ping."""


class MockCloud:
    """All pods of all nodes.

    Args:
        clock: the wall clock.
        random: draws durations.
        folder: keeps the pods over a restart of the process; None keeps them in memory.

    Attributes:
        trouble: makes calls fail; None for none.
        lost_answers: so many creates from now on are done, and answered with an error.
        slowness: node -> how many times as long as their script says pods take to start there.
        journal: told what was done to which pod (its UID); None if nobody wants to know.
        started_again: UIDs of pods that were started from nothing and had been before, for whoever looks.
        starts: UID -> how often the pod was started from nothing; restarts of its containers do not count. Of pods that
            are gone, only the last ones are remembered.
    """

    def __init__(self, clock: Clock, random: Random, folder: StateFolder | None = None) -> None:
        self.trouble: Trouble | None = None
        self.lost_answers = 0
        self.slowness: dict[str, float] = {}
        self.journal: Callable[[str, str], None] | None = None
        self.started_again: list[str] = []
        self.starts: dict[str, int] = {}
        self._clock = clock
        self._random = random
        self._folder = folder
        self._pods: dict[str, CloudPod] = {}
        self._by_node: dict[str, dict[str, CloudPod]] = {}
        self._listeners: dict[str, Listener] = {}
        self._failed: dict[tuple[str, str], int] = {}
        self._free: deque[str] = deque()
        self._gone: deque[str] = deque()
        self._addresses = 0
        self._reserved: dict[str, str] = {}
        self._steps = {
            Step.START: self._start,
            Step.EXIT: self._exit,
            Step.STOP: self._stop,
            Step.KILL: self._kill,
        }

    # --- calls, as a cloud's API has them ---------------------------------------------------------------------------

    def check(self, operation: str, node: str) -> None:
        """Fail the call if there is trouble."""
        if self.trouble is not None:
            self.trouble(operation, node)

    def fails_again(self, operation: str, uid: str, times: int | None) -> bool:
        """Whether this call for the pod is among the first ``times`` (None: all), which are to fail."""
        if times is None:
            return True
        count = self._failed.get((operation, uid), 0)
        if count >= times:
            return False
        self._failed[operation, uid] = count + 1
        return True

    def create(self, pod: Pod, node: str, script: Script, host_ip: str, data: PodData = NO_DATA) -> None:
        """Accept a pod; one that is there already is left as it is."""
        uid = pods.uid(pod)
        self._note("create", uid)
        if uid not in self._pods:
            if uid in self.starts:
                self.started_again.append(uid)
            self.starts[uid] = self.starts.get(uid, 0) + 1
            now = self._clock.now()
            cloud_pod = CloudPod(pod, node, script, host_ip, now, ip=self._reserved.pop(uid, ""), data=data)
            self._keep(cloud_pod)
            if not script.never_start:
                takes = script.start_after.draw(self._random) * self.slowness.get(node, 1.0)
                self._set(cloud_pod, Step.START, now, takes)
            self._changed(cloud_pod)
        if self.lost_answers > 0:
            self.lost_answers -= 1
            raise Retryable("the connection was lost before the cloud answered")

    def update(self, pod: Pod, data: PodData = NO_DATA) -> None:
        """Give a pod a new spec; a changed image restarts its containers. Raises NotFound."""
        cloud_pod = self.find(pods.uid(pod))
        images = _images(cloud_pod.pod)
        cloud_pod.pod, cloud_pod.data = pod, data
        if images != _images(pod) and cloud_pod.run.running and not _is_ending(cloud_pod):
            now = self._clock.now()
            cloud_pod.run = cloud_pod.run.finished(now, 0, COMPLETED, over=False)
            self._unset(cloud_pod)
            self._start(cloud_pod, now)
        else:
            self._changed(cloud_pod)

    def delete(self, uid: str, grace: float) -> None:
        """Tell a pod's containers to end; they are killed after the grace. A later call can only shorten it.

        Raises:
            NotFound: the pod is not, or no longer, there.
        """
        self._note("delete", uid)
        if uid not in self._pods:
            self._forget_failures(uid)
        cloud_pod = self.find(uid)
        now = self._clock.now()
        if not cloud_pod.run.running:
            if not cloud_pod.run.is_over:
                cloud_pod.run = cloud_pod.run.given_up(now)
                self._changed(cloud_pod)
            self._drop(cloud_pod)
            return
        plan = cloud_pod.plan
        if plan is None or not _is_ending(cloud_pod):
            takes = cloud_pod.script.end_after.draw(self._random)
            plan = Plan(Step.STOP, now + timedelta(seconds=takes))
        killed_at = now + timedelta(seconds=grace)
        if killed_at < plan.at:
            plan = Plan(Step.KILL, killed_at)
        self._set(cloud_pod, plan.step, plan.at)
        self._save(cloud_pod)

    def has(self, uid: str) -> bool:
        """Whether the cloud has something of a pod."""
        return uid in self._pods

    def find(self, uid: str) -> CloudPod:
        """What the cloud knows of a pod. Raises NotFound."""
        try:
            return self._pods[uid]
        except KeyError:
            raise NotFound(f"the mock cloud has no pod with the UID {uid}") from None

    def get(self, uid: str) -> Pod:
        """A pod with its status. Raises NotFound."""
        return _shown(self.find(uid))

    def status(self, uid: str) -> PodStatus:
        """A pod's status. Raises NotFound."""
        return status_of(self.find(uid))

    def list(self, node: str) -> list[Pod]:
        """All pods of a node with their status."""
        return [_shown(each) for each in self._by_node.get(node, {}).values()]

    def of_node(self, node: str) -> Iterator[CloudPod]:
        """What the cloud knows of a node's pods."""
        return iter(self._by_node.get(node, {}).values())

    def listen(self, node: str, listener: Listener) -> None:
        """Tell changes of a node's pods to this listener from now on, and to no earlier one."""
        self._listeners[node] = listener

    def is_in_run(self, cloud_pod: CloudPod, number: int) -> bool:
        """Whether the cloud still has the pod, and its containers are in their run of that number."""
        run = cloud_pod.run
        return self._pods.get(pods.uid(cloud_pod.pod)) is cloud_pod and run.running and run.restarts == number

    async def changes(self, cloud_pod: CloudPod, within: float | None) -> None:
        """Wait for the pod's next change, or so many seconds."""
        if cloud_pod.change is None:
            cloud_pod.change = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(cloud_pod.change.wait(), within)

    # --- what a cloud does on its own account -----------------------------------------------------------------------

    def alive(self) -> Iterator[Pod]:
        """The pods that have not ended, without status."""
        return (each.pod for each in self._pods.values() if not each.run.is_over)

    def vanish(self, uid: str) -> None:
        """Lose a pod without a word. Raises NotFound."""
        self._note("lost", uid)
        self._drop(self.find(uid))

    def evict(self, uid: str) -> None:
        """End a pod on the cloud's own account, and tell. Raises NotFound."""
        self._note("evicted", uid)
        cloud_pod = self.find(uid)
        if not cloud_pod.run.is_over:
            cloud_pod.evicted = True
            self._over(cloud_pod, self._clock.now(), KILLED, ERROR)

    def end(self, uid: str, code: int, reason: str = "") -> None:
        """End a pod's containers with that exit code; what follows is the restart policy's. Raises NotFound."""
        self._note(f"ended with {code}", uid)
        cloud_pod = self.find(uid)
        if cloud_pod.run.running and not _is_ending(cloud_pod):
            self._unset(cloud_pod)
            self._ended(cloud_pod, self._clock.now(), code, reason or (ERROR if code else COMPLETED))

    def restore(self) -> None:
        """Take up the pods of an earlier process where the folder has them; what was due meanwhile happens now.

        Raises:
            InvalidConfig: a file in the folder is damaged.
        """
        if self._folder is None:
            return
        for cloud_pod, starts in self._folder.load():
            uid = pods.uid(cloud_pod.pod)
            if uid in self._pods:
                continue
            if cloud_pod.ip:
                self._addresses = max(self._addresses, int(IPv4Address(cloud_pod.ip)) - int(FIRST_ADDRESS) + 1)
            self.starts[uid] = starts
            self._keep(cloud_pod)
            if cloud_pod.plan is not None:
                self._set(cloud_pod, cloud_pod.plan.step, cloud_pod.plan.at)

    # --- the life of a pod here -------------------------------------------------------------------------------------

    def _start(self, cloud_pod: CloudPod, now: datetime) -> None:
        self._note("started", pods.uid(cloud_pod.pod))
        cloud_pod.ip = cloud_pod.ip or self._address()
        cloud_pod.run = cloud_pod.run.started_again(now)
        if cloud_pod.script.run_for is not None:
            self._set(cloud_pod, Step.EXIT, now, cloud_pod.script.run_for.draw(self._random))
        self._changed(cloud_pod)

    def _exit(self, cloud_pod: CloudPod, now: datetime) -> None:
        code = cloud_pod.script.exit_code
        self._ended(cloud_pod, now, code, ERROR if code else COMPLETED)

    def _ended(self, cloud_pod: CloudPod, now: datetime, code: int, reason: str) -> None:
        policy = pods.restart_policy(cloud_pod.pod)
        if policy == "Never" or (policy == "OnFailure" and code == 0):
            self._over(cloud_pod, now, code, reason)
            return
        cloud_pod.run = cloud_pod.run.finished(now, code, reason, over=False)
        self._set(cloud_pod, Step.START, now, cloud_pod.run.backoff)
        self._changed(cloud_pod)

    def _stop(self, cloud_pod: CloudPod, now: datetime) -> None:
        self._over(cloud_pod, now, 0, COMPLETED)
        self._drop(cloud_pod)

    def _kill(self, cloud_pod: CloudPod, now: datetime) -> None:
        self._over(cloud_pod, now, KILLED, ERROR)
        self._drop(cloud_pod)

    def _over(self, cloud_pod: CloudPod, now: datetime, exit_code: int, reason: str) -> None:
        self._note(f"over, exit code {exit_code}", pods.uid(cloud_pod.pod))
        self._unset(cloud_pod)
        if cloud_pod.run.running:
            cloud_pod.run = cloud_pod.run.finished(now, exit_code, reason, over=True)
        else:
            cloud_pod.run = cloud_pod.run.given_up(now)
        self._changed(cloud_pod)

    # --- the timer --------------------------------------------------------------------------------------------------

    def _set(self, cloud_pod: CloudPod, step: Step, since: datetime, seconds: float = 0.0) -> None:
        self._unset(cloud_pod)
        at = since + timedelta(seconds=seconds)
        cloud_pod.plan = Plan(step, at)
        left = max((at - self._clock.now()).total_seconds(), 0.0)
        cloud_pod.timer = asyncio.get_running_loop().call_later(left, self._due, cloud_pod)

    def _unset(self, cloud_pod: CloudPod) -> None:
        cloud_pod.plan = None
        if cloud_pod.timer is not None:
            cloud_pod.timer.cancel()
            cloud_pod.timer = None

    def _due(self, cloud_pod: CloudPod) -> None:
        plan = cloud_pod.plan
        self._unset(cloud_pod)
        if plan is not None:
            self._steps[plan.step](cloud_pod, plan.at)

    # --- keeping ----------------------------------------------------------------------------------------------------

    def _keep(self, cloud_pod: CloudPod) -> None:
        uid = pods.uid(cloud_pod.pod)
        self._pods[uid] = self._by_node.setdefault(cloud_pod.node, {})[uid] = cloud_pod

    def _drop(self, cloud_pod: CloudPod) -> None:
        """Give back what the pod used: from now on it is not found."""
        self._unset(cloud_pod)
        uid = pods.uid(cloud_pod.pod)
        del self._pods[uid], self._by_node[cloud_pod.node][uid]
        if cloud_pod.ip:
            self._free.append(cloud_pod.ip)
        self._forget_failures(uid)
        self._gone.append(uid)
        if len(self._gone) > GONE and (oldest := self._gone.popleft()) not in self._pods:
            self.starts.pop(oldest, None)
        _wake(cloud_pod)
        if self._folder is not None:
            self._folder.remove(uid)

    def _note(self, what: str, uid: str) -> None:
        if self.journal is not None:
            self.journal(what, uid)

    def _forget_failures(self, uid: str) -> None:
        for operation in ("create", "delete"):
            self._failed.pop((operation, uid), None)

    def _changed(self, cloud_pod: CloudPod) -> None:
        self._save(cloud_pod)
        _wake(cloud_pod)
        listener = self._listeners.get(cloud_pod.node)
        if listener is not None:
            listener(_shown(cloud_pod))

    def _save(self, cloud_pod: CloudPod) -> None:
        if self._folder is not None:
            self._folder.save(cloud_pod, self.starts[pods.uid(cloud_pod.pod)])

    def reserved_address(self, uid: str) -> str:
        """The address that the pod has, or will have."""
        if uid in self._pods and self._pods[uid].ip:
            return self._pods[uid].ip
        if uid not in self._reserved:
            self._reserved[uid] = self._address()
        return self._reserved[uid]

    def _address(self) -> str:
        """A free address, the longest unused first."""
        if len(self._free) > ADDRESSES_AT_REST:
            return self._free.popleft()
        self._addresses += 1
        return str(FIRST_ADDRESS + self._addresses - 1)


def _images(pod: Pod) -> list[str | None]:
    return [each.get("image") for each in pods.containers(pod)]


def _is_ending(cloud_pod: CloudPod) -> bool:
    """Whether the pod's containers were told to end."""
    return cloud_pod.plan is not None and cloud_pod.plan.step in {Step.STOP, Step.KILL}


def _wake(cloud_pod: CloudPod) -> None:
    if cloud_pod.change is not None:
        cloud_pod.change.set()
        cloud_pod.change = None


def _shown(cloud_pod: CloudPod) -> Pod:
    pod = pods.with_status(cloud_pod.pod, status_of(cloud_pod))
    if not cloud_pod.evicted or cloud_pod.run.ended is None:
        return pod
    return {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": stamp(cloud_pod.run.ended.finished)}}
