from typing import Any

import pytest

from runner import kube
from tests.unit.controller_setting import TEMPLATE, Bench, play
from vksim.controllers.job_state import in_text, parse_indexes
from vksim.controllers.resources import JOBS

NAME = "job-controller"
POD = {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}


async def made(bench: Bench, **spec: Any) -> None:
    await bench.make(JOBS, "work", {"template": POD, **spec})


async def status(bench: Bench) -> dict[str, Any]:
    return (await bench.get(JOBS, "work"))["status"]


async def conditions(bench: Bench) -> dict[str, str]:
    return {each["type"]: each.get("reason", "") for each in (await status(bench)).get("conditions") or []}


async def active(bench: Bench) -> list[dict[str, Any]]:
    return [each for each in await bench.pods() if each["status"].get("phase") not in ("Succeeded", "Failed")]


def test_a_job_ends_when_its_pod_succeeds():
    async def scene(bench: Bench) -> None:
        await made(bench)
        (pod,) = await bench.pods()
        assert pod["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"]
        assert pod["metadata"]["labels"]["job-name"] == "work"
        assert (await status(bench))["active"] == 1
        await bench.end_pod(pod)
        now = await status(bench)
        assert (now["succeeded"], now.get("active"), now["uncountedTerminatedPods"]) == (1, None, {})
        assert await conditions(bench) == {"SuccessCriteriaMet": "CompletionsReached", "Complete": "CompletionsReached"}
        assert now["completionTime"] >= now["startTime"]
        (pod,) = await bench.pods()
        assert "finalizers" not in pod["metadata"]

    play(scene, NAME)


def test_parallel_pods_are_no_more_than_what_is_left_to_do():
    async def scene(bench: Bench) -> None:
        await made(bench, parallelism=3, completions=4)
        for expected in (3, 3, 2, 1):
            running = await active(bench)
            assert len(running) == expected
            await bench.end_pod(running[0])
        assert (await status(bench))["succeeded"] == 4
        assert "Complete" in await conditions(bench)

    play(scene, NAME)


def test_a_failed_pod_is_replaced_after_a_back_off_until_the_limit():
    async def scene(bench: Bench) -> None:
        await made(bench, backoffLimit=2)
        for number, wait in enumerate((10, 20)):
            (pod,) = await active(bench)
            await bench.end_pod(pod, 1)
            await bench.settle(wait - 3)
            assert not await active(bench)
            await bench.settle(3)
            assert (await status(bench))["failed"] == number + 1
        (pod,) = await active(bench)
        await bench.end_pod(pod, 1)
        assert await conditions(bench) == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}
        assert len(await bench.pods()) == 3

    play(scene, NAME)


def test_a_job_that_takes_too_long_fails_and_its_pods_go():
    async def scene(bench: Bench) -> None:
        await made(bench, activeDeadlineSeconds=100, parallelism=2)
        await bench.run_pods()
        await bench.settle(110)
        assert not await active(bench)
        assert (await conditions(bench))["Failed"] == "DeadlineExceeded"

    play(scene, NAME)


def test_a_suspended_job_has_no_pods_until_it_is_resumed():
    async def scene(bench: Bench) -> None:
        await made(bench, suspend=True)
        assert not await bench.pods()
        assert "startTime" not in await status(bench)
        assert (await conditions(bench))["Suspended"] == "JobSuspended"
        await bench.change(JOBS, "work", {"suspend": False})
        assert len(await active(bench)) == 1
        assert (await conditions(bench))["Suspended"] == "JobResumed"

    play(scene, NAME)


def test_each_index_is_done_once():
    async def scene(bench: Bench) -> None:
        await made(bench, completionMode="Indexed", completions=3, parallelism=2)
        first, second = await active(bench)
        assert first["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] == "0"
        assert first["spec"]["hostname"] == "work-0"
        assert first["spec"]["containers"][0]["env"][-1]["name"] == "JOB_COMPLETION_INDEX"
        await bench.end_pod(first)
        await bench.end_pod(second, 1)
        await bench.settle(11)
        indexes = {
            each["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] for each in await active(bench)
        }
        assert indexes == {"1", "2"}
        for pod in await active(bench):
            await bench.end_pod(pod)
        now = await status(bench)
        assert (now["completedIndexes"], now["succeeded"], now["failed"]) == ("0-2", 3, 1)

    play(scene, NAME)


def test_an_index_that_fails_too_often_is_given_up():
    async def scene(bench: Bench) -> None:
        await made(bench, completionMode="Indexed", completions=2, parallelism=2, backoffLimitPerIndex=0)
        good, bad = await active(bench)
        await bench.end_pod(bad, 1)
        await bench.settle(30)
        assert len(await active(bench)) == 1
        await bench.end_pod(good)
        now = await status(bench)
        assert (now["completedIndexes"], now["failedIndexes"]) == ("0", "1")
        assert (await conditions(bench))["Failed"] == "FailedIndexes"

    play(scene, NAME)


@pytest.mark.parametrize(("code", "reason"), [(42, "PodFailurePolicy"), (1, None)])
def test_an_exit_code_may_fail_the_job(code: int, reason: str | None):
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}

    async def scene(bench: Bench) -> None:
        await made(bench, podFailurePolicy={"rules": [rule]})
        await bench.end_pod((await active(bench))[0], code)
        assert (await conditions(bench)).get("Failed") == reason

    play(scene, NAME)


def test_a_pod_that_is_deleted_counts_as_failed_and_is_replaced():
    async def scene(bench: Bench) -> None:
        await made(bench)
        (pod,) = await bench.pods()
        await bench.api.delete(kube.PODS, pod["metadata"]["name"], "default", grace_period_seconds=0)
        await bench.settle(15)
        (other,) = await active(bench)
        assert other["metadata"]["uid"] != pod["metadata"]["uid"]
        assert (await status(bench))["failed"] == 1

    play(scene, NAME)


def test_a_work_queue_is_done_when_one_pod_succeeds_and_none_is_left():
    async def scene(bench: Bench) -> None:
        await made(bench, parallelism=2)
        first, second = await active(bench)
        await bench.end_pod(first)
        assert "Complete" not in await conditions(bench)
        assert len(await active(bench)) == 1
        await bench.end_pod(second)
        assert "Complete" in await conditions(bench)

    play(scene, NAME)


@pytest.mark.parametrize(("text", "indexes"), [("", set()), ("3", {3}), ("0-2,5,7-8", {0, 1, 2, 5, 7, 8})])
def test_indexes_are_written_in_runs(text: str, indexes: set[int]):
    assert parse_indexes(text) == indexes
    assert in_text(indexes) == text
