"""What the runner tells people: in the background, repeats counted, and never in the way."""

import asyncio
import logging
from random import Random

import pytest

from runner.events import BACKLOG, NORMAL, EventRecorder
from runner.kube import EVENTS
from tests.contract.backends import fake_server
from vksim.kube import InProcessKube
from vksim.loop import VirtualLoop, ports, run

POD = {"kind": "Pod", "metadata": {"name": "p", "namespace": "default", "uid": "1", "resourceVersion": "2"}}


async def told(messages: list[str]) -> list[str]:
    """What of these messages becomes known."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    seams = ports(loop, Random(1))
    api = InProcessKube(fake_server(), latency=lambda: 0.01)
    recorder = EventRecorder(api, "test", clock=seams.clock, random=seams.random, log=logging.getLogger("events"))
    work = loop.create_task(recorder.run())
    await asyncio.sleep(0)
    for each in messages:
        recorder.tell(POD, NORMAL, "Tested", each)
    await asyncio.sleep(60)
    work.cancel()
    return [each["message"] for each in (await api.list(EVENTS))["items"] for _ in range(each["count"])]


def test_repeated_events_are_counted() -> None:
    assert sorted(run(told(["a", "b", "a", "a"]))) == ["a", "a", "a", "b"]


def test_events_beyond_the_backlog_are_dropped_and_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    assert len(run(told([str(each) for each in range(BACKLOG + 250)]))) == BACKLOG
    assert [record.getMessage() for record in caplog.records] == [
        f"events are dropped, {BACKLOG} wait already; the first is Tested {BACKLOG}",
        "250 events were dropped",
    ]
