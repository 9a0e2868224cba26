import asyncio
from collections.abc import Callable, Coroutine
from random import Random

from runner import kube
from runner.config import RunnerConfig
from runner.ports import parse_rfc3339
from vksim import loop
from vksim.calm import EVERYBODY, Calm, CalmRest
from vksim.cluster import Cluster
from vksim.loop import EPOCH, VirtualClock

LEASES_AT = "kube-node-lease"


def rounds(scene: Callable[[Calm], Coroutine[object, object, None]], *, settled: bool = True) -> list[float]:
    """When the rounds of a duty of 10 s are made, while the scene plays for at most two minutes."""
    made: list[float] = []

    async def duty(rest: CalmRest) -> None:
        while True:
            made.append(asyncio.get_running_loop().time())
            await rest("beat", 10, settled=settled)

    async def main() -> None:
        calm = Calm()
        task = asyncio.ensure_future(duty(CalmRest(calm, "node")))
        await scene(calm)
        task.cancel()

    loop.run(main())
    return made


def test_a_settled_duty_rests_while_nothing_is_wrong():
    async def nothing(calm: Calm) -> None:
        await asyncio.sleep(100_000)

    assert rounds(nothing) == [0]


def test_a_duty_that_is_not_settled_is_done_each_time():
    async def nothing(calm: Calm) -> None:
        await asyncio.sleep(35)

    assert rounds(nothing, settled=False) == [0, 10, 20, 30]


def test_in_trouble_the_rounds_are_made_when_they_would_have_been_due():
    async def trouble(calm: Calm) -> None:
        await asyncio.sleep(43)
        with calm.trouble("node"):
            await asyncio.sleep(30)
        await asyncio.sleep(1000)

    assert rounds(trouble) == [0, 50, 60, 70, 80]


def test_trouble_of_another_node_is_not_near():
    async def trouble(calm: Calm) -> None:
        with calm.trouble("another"):
            await asyncio.sleep(100)

    assert rounds(trouble) == [0]


def test_trouble_of_everybody_is_near_to_all():
    async def trouble(calm: Calm) -> None:
        await asyncio.sleep(5)
        with calm.trouble():
            await asyncio.sleep(20)

    assert rounds(trouble) == [0, 10, 20]


def test_who_looks_after_everybody_hears_of_each_trouble():
    async def main() -> bool:
        calm = Calm()
        far = calm.is_far(EVERYBODY)
        with calm.trouble("node"):
            return far and not calm.is_far(EVERYBODY)

    assert loop.run(main())


def test_somebody_else_may_wake_a_duty():
    async def main() -> float:
        wake = asyncio.Event()
        asyncio.get_running_loop().call_later(17, wake.set)
        await CalmRest(Calm(), "node")("beat", 10, wake=wake)
        return asyncio.get_running_loop().time()

    assert loop.run(main()) == 17


def lease_ages(*moments: float, crash_at: float | None = None) -> list[float]:
    """How old a node's lease is at some moments, and how many writes it took."""

    async def main() -> list[float]:
        running = asyncio.get_running_loop()
        assert isinstance(running, loop.VirtualLoop)
        clock = VirtualClock(running)
        cluster = Cluster(clock, Random, calm=Calm())
        cluster.add_node("node")
        task = asyncio.ensure_future(cluster.run())
        ages = []
        for moment in moments:
            if crash_at is not None and running.time() <= crash_at < moment:
                await asyncio.sleep(crash_at - running.time())
                cluster.crash("node")
            await asyncio.sleep(moment - running.time())
            lease = await cluster.api.get(kube.LEASES, "node", LEASES_AT)
            listed = (await cluster.api.list(kube.LEASES, LEASES_AT))["items"]
            assert listed == [lease]
            ages.append((clock.now() - parse_rfc3339(lease["spec"]["renewTime"])).total_seconds())
        task.cancel()
        return ages

    return loop.run(main())


def test_a_lease_is_read_as_if_every_beat_were_made():
    period = RunnerConfig("node").lease_renewal.total_seconds()
    ages = lease_ages(4, 13, 10_001, 86_407)
    assert all(0 <= age < period for age in ages)


def test_the_lease_of_a_dead_runner_gets_old():
    assert lease_ages(1000, 1100, crash_at=1005)[1] >= 95


def test_a_node_at_rest_writes_nothing():
    async def main() -> tuple[int, int]:
        running = asyncio.get_running_loop()
        assert isinstance(running, loop.VirtualLoop)
        cluster = Cluster(VirtualClock(running, EPOCH), Random, calm=Calm())
        cluster.add_node("node")
        task = asyncio.ensure_future(cluster.run())
        await asyncio.sleep(60)
        before = cluster.server.version
        await asyncio.sleep(86_400)
        task.cancel()
        return before, cluster.server.version

    before, after = loop.run(main())
    assert before == after
