"""Plays a scenario in virtual time: builds the cluster, lets pods arrive and things break, and says how it came out."""

import asyncio
import gc
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

from fakes.apiserver.sharing import Sharing
from providers.distributions import Span
from providers.types import KubeObject
from runner import kube
from runner.workqueue import WorkQueue
from vksim import cost, expect, meter, misses, workload
from vksim import lives as lives_of
from vksim.calm import Calm
from vksim.checker import Checker, in_clouds, not_at_rest
from vksim.clouds.base import CloudBackend
from vksim.cluster import CONTROLLERS, Cluster
from vksim.controllers.manager import OF_WORKLOADS
from vksim.demand import Pods, Trace
from vksim.faults.base import World
from vksim.faults.kinds import Player
from vksim.gate import Gate
from vksim.gauges import Gauges
from vksim.invariants import End
from vksim.loop import VirtualClock, VirtualLoop
from vksim.loop import run as run_virtual
from vksim.meter import Meter
from vksim.node_groups import NodeGroups, make_clouds
from vksim.observer import PHASES, Observer, PodLife
from vksim.result import Band, Checked, Result
from vksim.scenario import Scenario

SAMPLES = 400
"""How often the phases are counted in a run."""
OWNERS = frozenset({"replicasets", "statefulsets", "daemonsets", "jobs", "replicationcontrollers"})
"""What pods may be owned by."""
SLOWEST = 10
STUCK = 5
"""So many of the slowest may be pods that did not come to run at all."""
NO_LATENCY = Span(0.0, 0.0)
RECHECKS = 5
"""How often what does not hold at rest is looked at again, a second apart: a change may just be on its way."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    now: float
    until: float
    phases: dict[str, int]


Report = Callable[[Progress], None]


def play(
    scenario: Scenario, source: str, log: BinaryIO, progress: Report | None = None, folder: Path = Path()
) -> Result:
    """Play a scenario.

    Args:
        scenario: what to play.
        source: where it came from, for the replay line.
        log: gets the event log.
        progress: is told now and then how far the run is.
        folder: what the scenario's trace files are relative to.
    """
    begun = time.perf_counter()
    with _collector_at_ease():
        result = run_virtual(_Run(scenario, source, log, progress, folder).play())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return replace(result, wall_seconds=round(time.perf_counter() - begun, 3), memory=round(memory, 1))


@contextmanager
def _collector_at_ease() -> Iterator[None]:
    """Have the cyclic collector look seldom, and not at what is there already: else it costs more than the store."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class _Run:
    """One run of a scenario, inside the virtual loop."""

    def __init__(self, scenario: Scenario, source: str, log: BinaryIO, progress: Report | None, folder: Path) -> None:
        self._scenario = scenario
        self._source = source
        self._log = log
        self._progress = progress
        self._folder = folder
        self._goals = scenario.until
        self._reached = asyncio.Event()
        self._meter = Meter()
        self._gauges = Gauges()
        self._times: list[float] = []
        self._counts: dict[str, list[int]] = {phase: [] for phase in PHASES}
        self._misses = misses.Follower(scenario.expect)

    async def play(self) -> Result:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)  # noqa: S101  (this is what it is for)
        scenario = self._scenario
        clock = VirtualClock(loop, scenario.start)
        calm = Calm()
        bare = all(isinstance(each, Pods | Trace) for each in scenario.workloads)
        parts = CONTROLLERS - OF_WORKLOADS if bare else CONTROLLERS
        cluster = Cluster(clock, self._random, latency=self._latency(), controllers=parts, calm=calm, sharing=Sharing())
        gate = cluster.gate = Gate(self._random("faults")) if scenario.faults else None
        cluster.meter = self._meter
        clouds = make_clouds(scenario.clouds, clock, self._random)
        for name, cloud in clouds.items():
            self._meter.listen(name, cloud.model)
        groups = NodeGroups(scenario.cluster.nodes, cluster, clouds)
        world = self._world(cluster, gate, clouds, groups, calm)
        player = None if world is None else Player(scenario.faults, world, scenario.duration.seconds)
        checker = Checker(cluster, clouds, loop.time, world, player)
        janitor = _Janitor(scenario, cluster.api)
        observer = Observer(loop.time, self._log, janitor.ended, checker.delivered, begun=scenario.start)
        cluster.asked, cluster.taken = observer.asked, observer.taken
        groups.begin()
        background = [
            loop.create_task(cluster.run(), name="cluster"),
            loop.create_task(observer.run(cluster.api), name="observer"),
            loop.create_task(janitor.run(), name="janitor"),
            loop.create_task(self._sample(cluster, observer, checker), name="sampler"),
        ]
        namespaces = sorted({each.namespace for each in scenario.workloads} - {"default"})
        await workload.prepare(namespaces, scenario.priority_classes, cluster.api)
        for each in scenario.workloads:
            random = self._random(f"workload {each.name}")
            background.append(
                loop.create_task(
                    workload.play(each, cluster.client(name="workloads"), random, self._folder, in_clouds=bool(clouds))
                )
            )
        background += [loop.create_task(groups.play(each)) for each in scenario.cluster.nodes]
        if player is not None:
            background.append(loop.create_task(player.run(), name="faults"))
        await _sleep_watching(scenario.duration.seconds, background, self._reached, checker.broken)
        if not checker.broken.is_set():
            await _sleep_watching(scenario.settle.seconds, background, checker.broken)
        checked = checker.close(await self._at_rest(cluster, clouds) if not checker.broken.is_set() else None)
        for task in reversed(background):
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        return self._result(cluster, observer, groups, player, checked)

    def _world(
        self, cluster: Cluster, gate: Gate | None, clouds: dict[str, CloudBackend], groups: NodeGroups, calm: Calm
    ) -> World | None:
        """What faults can reach; None if there are none."""
        if gate is None:
            return None
        cloud_of = {group.name: group.cloud for group in self._scenario.cluster.nodes}
        return World(cluster, gate, clouds, groups.group_of, cloud_of, self._random("fault targets"), calm)

    def _random(self, part: str) -> Random:
        return Random(f"{self._scenario.seed}/{part}")

    def _latency(self) -> Callable[[], float] | None:
        latency, random = self._scenario.cluster.api.latency, self._random("latency")
        if latency == NO_LATENCY:
            return None
        return lambda: latency.draw(random)

    async def _sample(self, cluster: Cluster, observer: Observer, checker: Checker) -> None:
        """Count the phases at regular times, and tell how far the run is."""
        loop = asyncio.get_running_loop()
        until = self._scenario.duration.seconds + self._scenario.settle.seconds
        while True:
            self._times.append(round(loop.time(), 6))
            for phase, counts in self._counts.items():
                counts.append(observer.phases[phase])
            checker.tick()
            self._meter.tick()
            self._gauges.look(cluster, observer, checker)
            counted = self._counted(cluster, observer)
            self._misses.look(loop.time(), counted)
            if self._goals and all(each.met for each in expect.judge(self._goals, counted)):
                self._reached.set()
            if self._progress is not None:
                self._progress(Progress(loop.time(), until, dict(observer.phases)))
            await asyncio.sleep(until / SAMPLES)

    async def _at_rest(self, cluster: Cluster, clouds: dict[str, CloudBackend]) -> End:
        """The end, when all holds that holds at rest, or when it did not after several looks."""
        for attempt in range(1, RECHECKS + 1):
            end = End(
                await _all_pods(cluster), in_clouds(cluster, clouds.values()), cluster.down(), _controllers(cluster)
            )
            if attempt == RECHECKS or next(not_at_rest(end), None) is None:
                return end
            await asyncio.sleep(1.0)
        raise AssertionError("the last attempt returns")

    def _counted(self, cluster: Cluster, observer: Observer) -> dict[str, float]:
        """What has been counted so far."""
        totals, phases = observer.totals, observer.phases
        return {
            "pods.created": float(totals["created"]),
            "pods.pending": float(phases["Pending"]),
            "pods.running": float(phases["Running"]),
            "pods.succeeded": float(totals["succeeded"]),
            "pods.failed": float(totals["failed"]),
            "pods.deleted": float(totals["deleted"]),
            "provider.errors": float(cluster.gate.provider_errors if cluster.gate else 0),
            "api.writes": float(cluster.server.version),
            **observer.retries(),
            **self._meter.counted(),
            **self._gauges.measured(),
        }

    def _since(self, measured: dict[str, float], lives: list[PodLife], bill: cost.Bill) -> dict[str, float]:
        """From when on each objective that is missed was missed."""
        self._misses.look(asyncio.get_running_loop().time(), measured)
        since = dict(self._misses.since)
        for text in self._misses.since:
            objective = expect.parse(text)
            if objective.series.startswith(lives_of.STARTUP):
                began = misses.of_startup(objective, lives)
            elif objective.series in meter.TIMES:
                began = misses.of_worst(objective, self._meter.windows(objective.series))
            elif objective.series.startswith(expect.COST):
                began = misses.of_worst(objective, bill.course(objective.series, self._times))
            else:
                continue
            since[text] = since[text] if began is None else began
        return since

    def _result(
        self,
        cluster: Cluster,
        observer: Observer,
        groups: NodeGroups,
        player: Player | None,
        checked: list[Checked],
    ) -> Result:
        scenario = self._scenario
        lives = list(observer.lives.values())
        startups = sorted(each.startup for each in lives if each.startup is not None)
        startup = lives_of.parts(lives)
        measured = self._counted(cluster, observer) | self._meter.measured()
        bill = cost.Bill(lives, groups.group_of, cost.prices(scenario), asyncio.get_running_loop().time())
        measured |= lives_of.measured(startup, startups) | bill.measured()
        bands = [
            Band(each.at.seconds, each.at.seconds + each.during.seconds, each.describe(), player.fired[number])
            for number, each in enumerate(scenario.faults)
            if player is not None
        ]
        return Result(
            scenario=scenario.metadata.name,
            description=scenario.metadata.description,
            source=self._source,
            seed=scenario.seed,
            version=version("vksim"),
            nodes=len(cluster.nodes),
            virtual_seconds=asyncio.get_running_loop().time(),
            measured=measured,
            expectations=expect.judge(scenario.expect, measured, self._since(measured, lives, bill)),
            invariants=checked,
            faults=bands,
            times=self._times,
            phases=self._counts,
            startups=[round(each, 6) for each in startups],
            slowest=[lives_of.life_of(each) for each in _slowest(lives)],
            event_log_sha256=observer.digest,
            calls=self._meter.series,
            gauges=self._gauges.series,
            parts=startup,
            pending=lives_of.pending(lives),
            group_costs=bill.groups,
            workload_costs=bill.workloads,
            spent=bill.spent(self._times),
            lives=lives_of.to_show(lives),
        )


class _Janitor:
    """Deletes finished pods where their workload asks for it."""

    def __init__(self, scenario: Scenario, api: kube.KubeApi) -> None:
        self._api = api
        self._after = {each.name: each.delete_after for each in scenario.workloads if isinstance(each, Pods | Trace)}
        self._queue: WorkQueue[tuple[str, str, str]] = WorkQueue(self._delete, workers=16)

    async def run(self) -> None:
        await self._queue.run()

    def ended(self, pod: KubeObject) -> None:
        metadata = pod["metadata"]
        after = self._after.get(metadata.get("labels", {}).get("app", ""))
        if after is not None:
            self._queue.add_after((metadata["namespace"], metadata["name"], metadata["uid"]), after.seconds)

    async def _delete(self, key: tuple[str, str, str]) -> None:
        namespace, name, uid = key
        try:
            await self._api.delete(kube.PODS, name, namespace, uid=uid)
        except (kube.NotFound, kube.Conflict):
            return  # somebody was faster


async def _sleep_watching(seconds: float, tasks: list[asyncio.Task[None]], *until: asyncio.Event) -> None:
    """Sleep, at the longest until one of some events comes, but fail at once if a part of the simulation does."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    awaited = [loop.create_task(event.wait()) for event in until]
    watched: list[asyncio.Task[Any]] = [*tasks, *awaited]
    try:
        while loop.time() < deadline and not any(each.done() for each in awaited):
            left = deadline - loop.time()
            await asyncio.wait(watched, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for task in watched:
                if task.done():
                    task.result()
            watched = [task for task in watched if not task.done()]
    finally:
        for each in awaited:
            each.cancel()


def _controllers(cluster: Cluster) -> frozenset[str]:
    """The UIDs of what may own pods."""
    return frozenset(
        each["metadata"]["uid"]
        for resource in cluster.server.stored
        if resource.plural in OWNERS
        for each in cluster.server.list(resource, None)["items"]
    )


async def _all_pods(cluster: Cluster) -> dict[str, KubeObject]:
    items = (await cluster.api.list(kube.PODS))["items"]
    return {item["metadata"]["uid"]: item for item in items}


def _slowest(lives: list[PodLife]) -> list[PodLife]:
    """Some pods that wait and do not run, the oldest first; then those that took longest."""
    stuck = [each for each in lives if each.running is None and each.phase == "Pending" and each.deleted is None]
    started = sorted(lives, key=lambda each: (-(each.startup or 0.0), each.name))
    first = sorted(stuck, key=lambda each: (each.created, each.name))[:STUCK]
    return (first + [each for each in started if each.startup is not None])[:SLOWEST]
