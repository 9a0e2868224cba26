from typing import Any

import pytest

from tests.unit.controller_setting import TEMPLATE, Bench, play
from vksim.controllers.resources import CRON_JOBS, JOBS

NAMES = ("cronjob-controller", "job-controller", "ttl-after-finished-controller")
TEMPLATE_OF_JOB = {"spec": {"template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}}
SPEC: dict[str, Any] = {"schedule": "*/5 * * * *", "jobTemplate": TEMPLATE_OF_JOB}
"""Virtual time begins at midnight."""


async def finish(bench: Bench, code: int = 0) -> None:
    for pod in await bench.pods():
        if pod["status"].get("phase", "Pending") not in ("Succeeded", "Failed"):
            await bench.end_pod(pod, code)


def test_a_job_starts_when_it_is_due():
    async def scene(bench: Bench) -> None:
        await bench.make(CRON_JOBS, "tick", SPEC)
        await bench.settle(298)
        assert not await bench.all(JOBS)
        await bench.settle(5)
        (job,) = await bench.all(JOBS)
        assert job["metadata"]["ownerReferences"][0]["name"] == "tick"
        at = job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
        assert at == "2026-01-01T00:05:00Z"
        status = (await bench.get(CRON_JOBS, "tick"))["status"]
        assert (status["lastScheduleTime"], len(status["active"])) == ("2026-01-01T00:05:00Z", 1)
        await finish(bench)
        status = (await bench.get(CRON_JOBS, "tick"))["status"]
        assert "active" not in status
        assert status["lastSuccessfulTime"]

    play(scene, *NAMES)


@pytest.mark.parametrize(("policy", "jobs", "running"), [("Allow", 3, 3), ("Forbid", 1, 1), ("Replace", 1, 1)])
def test_runs_that_overlap(policy: str, jobs: int, running: int):
    async def scene(bench: Bench) -> None:
        await bench.make(CRON_JOBS, "tick", {**SPEC, "concurrencyPolicy": policy})
        await bench.settle(905)
        assert len(await bench.all(JOBS)) == jobs
        assert len((await bench.get(CRON_JOBS, "tick"))["status"]["active"]) == running

    play(scene, *NAMES)


def test_finished_jobs_are_kept_up_to_the_limit():
    async def scene(bench: Bench) -> None:
        await bench.make(CRON_JOBS, "tick", {**SPEC, "successfulJobsHistoryLimit": 2})
        for _ in range(4):
            await bench.settle(300)
            await finish(bench)
        await bench.settle(5)
        assert len(await bench.all(JOBS)) == 2

    play(scene, *NAMES)


def test_a_suspended_one_starts_nothing_and_then_only_the_latest():
    async def scene(bench: Bench) -> None:
        await bench.make(CRON_JOBS, "tick", {**SPEC, "suspend": True})
        await bench.settle(1800)
        assert not await bench.all(JOBS)
        await bench.change(CRON_JOBS, "tick", {"suspend": False})
        assert len(await bench.all(JOBS)) == 1

    play(scene, *NAMES)


def test_a_time_zone_is_kept():
    async def scene(bench: Bench) -> None:
        await bench.make(CRON_JOBS, "tick", {**SPEC, "schedule": "30 1 * * *", "timeZone": "Europe/Berlin"})
        await bench.settle(29 * 60)
        assert not await bench.all(JOBS)
        await bench.settle(120)
        assert len(await bench.all(JOBS)) == 1

    play(scene, *NAMES)


def test_a_finished_job_goes_when_its_time_is_over():
    async def scene(bench: Bench) -> None:
        await bench.make(JOBS, "once", {**TEMPLATE_OF_JOB["spec"], "ttlSecondsAfterFinished": 60})
        await finish(bench)
        await bench.settle(50)
        assert len(await bench.all(JOBS)) == 1
        await bench.settle(20)
        assert not await bench.all(JOBS)
        assert not await bench.pods()

    play(scene, *NAMES)
