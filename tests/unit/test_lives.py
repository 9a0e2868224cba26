"""What the lives of a run's pods come to (``vksim.lives``), and the calls of its clients (``vksim.meter``)."""

import asyncio
from xml.etree import ElementTree as ET

import pytest

from runner import kube
from tests.unit.test_report import RESULT, changed
from vksim import junit, lives, report
from vksim import loop as virtual
from vksim.expect import Verdict
from vksim.meter import Meter, MeteredKube
from vksim.observer import PodLife
from vksim.result import Checked, Life, Part


def life(name: str = "p", *moments: float, phase: str = "Running", **more: object) -> PodLife:
    created, scheduled, accepted, started, running = moments or (0.0, 1.0, 3.0, 7.0, 7.5)
    return PodLife(
        name,
        created,
        phase,
        "n",
        scheduled,
        running,
        accepted=accepted,
        started=started,
        **more,  # type: ignore[arg-type]
    )


def test_startup_is_taken_apart():
    first = life(taken=0.75, asked=2.0)
    found = lives.parts([first, life("q", 10.0, 12.0, 13.0, 18.0, 18.0)])
    assert [(each.name, each.mean) for each in found] == [
        ("queue", 0.375),
        ("schedule", 1.125),
        ("watch", 0.5),
        ("provider", 1.0),
        ("cloud", 4.5),
        ("report", 0.25),
    ]
    assert lives.measured(found, [])["pod.startup.cloud.p99"] == 5.0


def test_a_second_that_a_cloud_cut_off_takes_no_time():
    found = lives.parts([life("p", 0.0, 1.0, 1.0, 1.0, 2.0, asked=1.25)])
    assert [each.mean for each in found] == [0, 1, 0.25, 0, 0, 0.75]


def test_a_pod_that_never_ran_has_no_parts():
    assert lives.parts([PodLife("p", 0.0)]) == []


def test_pods_that_wait_are_counted_by_reason():
    waiting = [PodLife(f"p{number}", 0.0, waiting="too full") for number in range(3)]
    assert lives.pending([*waiting, PodLife("q", 0.0, waiting="tainted"), life()]) == {"tainted": 1, "too full": 3}


def test_of_many_pods_those_that_stand_out_are_shown():
    many = [life(f"p{number}") for number in range(10_000)]
    many[5555] = life("failed", phase="Failed")
    many[7777] = life("slow", 0.0, 1.0, 2.0, 3.0, 5000.0)
    shown = [each.name for each in lives.to_show(many)]
    assert {"failed", "slow"} <= set(shown)
    assert len(shown) <= lives.SHOWN


class Api:
    """Takes two seconds for each call, and finds nothing."""

    async def get(self, *_: object, **__: object) -> None:
        await asyncio.sleep(2)
        raise kube.NotFound("no", code=404)

    async def create(self, *_: object, **__: object) -> dict[str, object]:
        await asyncio.sleep(2)
        return {}


def test_calls_are_counted_and_timed_by_verb_and_code():
    meter = Meter()

    async def main() -> None:
        api = MeteredKube(Api(), meter)  # type: ignore[arg-type]
        await api.create(kube.PODS, {}, "default")
        meter.tick()
        with pytest.raises(kube.NotFound):
            await api.get(kube.PODS, "p", "default")
        meter.tick()

    virtual.run(main())
    assert meter.calls == {("create", "pods", 200): 1, ("get", "pods", 404): 1}
    assert meter.series == {"api create": [1, 0], "api errors": [0, 1], "api get": [0, 1]}
    measured = meter.measured()
    assert (measured["api.calls"], measured["api.errors"], measured["api.mutating.p99"]) == (2, 1, 2)


def test_the_report_shows_parts_waiting_pods_and_lives():
    one = Life("w-1", "n-1", 1.0, 1.5, 62.0, 80.0, None, "Succeeded", ["</script>"], accepted=2.0, started=60.0)
    page = report.html(changed(parts=[Part("cloud", 3.0, 2.0, 9.0)], pending={"0/1 nodes <b>": 7}, lives=[one]))
    assert "until its containers had started" in page
    assert "0/1 nodes &lt;b&gt;" in page
    assert page.count("</script>") == 2  # what a pod says does not end the script


def test_a_report_without_them_has_no_such_sections():
    page = report.html(RESULT)
    assert "consists of" not in page
    assert "pod-search" not in page


def test_objectives_and_invariants_are_test_cases():
    missed = Verdict("pods.failed == 0", 3.0, met=False, by=3.0, since=61.0)
    broken = Checked("no pod lost", "", ["pod a <is> gone"])
    suite = ET.fromstring(junit.xml(changed(expectations=[missed], invariants=[broken])))[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    failures = [(each.get("message"), each.text) for each in suite.iter("failure")]
    assert failures == [
        ("missed: pods.failed == 0, measured 3, by 3, since 1:01", None),
        ("1 violation", "pod a <is> gone"),
    ]


def test_a_result_that_passed_has_no_failures():
    assert "<failure" not in junit.xml(RESULT)
