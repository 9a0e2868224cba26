"""The mock cloud through the mock provider, in virtual time: what becomes of a pod, by its script."""

import asyncio
import itertools
from typing import Any

import pytest

from providers import pods
from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable
from providers.mock.cloud import ADDRESSES_AT_REST
from providers.mock.script import PREFIX
from providers.types import Pod
from tests.unit.mock_setting import Setting, pod_with, run_with_mock
from vksim.loop import run


def dying(pod: Any, grace: int) -> Any:
    return {**pod, "metadata": {**pod["metadata"], "deletionGracePeriodSeconds": grace}}


def main_container(status: Any) -> Any:
    return status["containerStatuses"][0]


# --- to Running -------------------------------------------------------------------------------------------------------


@run_with_mock
async def test_a_pod_waits_in_pending_and_then_runs(mock: Setting) -> None:
    pod = pod_with(start_after="5s")
    await mock.provider.create_pod(pod)
    status = await mock.status(pod)
    assert status["phase"] == "Pending"
    assert main_container(status)["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert "podIP" not in status
    await asyncio.sleep(5)
    status = await mock.status(pod)
    assert status["phase"] == "Running"
    assert main_container(status)["state"] == {"running": {"startedAt": "2026-01-01T00:00:05Z"}}


@run_with_mock
async def test_a_running_pod_has_what_kubectl_shows(mock: Setting) -> None:
    pod = pod_with()
    await mock.provider.create_pod(pod)
    await asyncio.sleep(2)
    status = await mock.status(pod)
    container = main_container(status)
    assert status["podIP"] == "10.0.0.1"
    assert status["podIPs"] == [{"ip": "10.0.0.1"}]
    assert status["hostIP"] == "192.0.2.1"
    assert status["startTime"] == "2026-01-01T00:00:00Z"
    assert container["containerID"] == f"mock://{pods.uid(pod)}/main/0"
    assert container["imageID"] == "mock://app:1"
    assert container["ready"]
    assert container["started"]
    assert container["restartCount"] == 0


@run_with_mock
async def test_conditions_tell_when_they_became_true(mock: Setting) -> None:
    pod = pod_with(start_after="5s")
    await mock.provider.create_pod(pod)
    before = {each["type"]: each["status"] for each in (await mock.status(pod))["conditions"]}
    await asyncio.sleep(5)
    after = {each["type"]: each for each in (await mock.status(pod))["conditions"]}
    assert before == {"Initialized": "True", "Ready": "False", "ContainersReady": "False", "PodScheduled": "True"}
    assert [after[each]["status"] for each in before] == ["True"] * 4
    assert after["Ready"]["lastTransitionTime"] == "2026-01-01T00:00:05Z"
    assert after["PodScheduled"]["lastTransitionTime"] == "2026-01-01T00:00:00Z"


@run_with_mock
async def test_each_change_is_pushed_once(mock: Setting) -> None:
    pod = pod_with("Never", run_for="30s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(60)
    assert [pods.phase(each) for each in mock.pushed] == ["Pending", "Running", "Succeeded"]
    assert all(pods.ref(each) == pods.ref(pod) for each in mock.pushed)


@run_with_mock
async def test_a_pod_that_just_runs_has_no_timer(mock: Setting) -> None:
    await mock.provider.create_pod(pod_with())
    await asyncio.sleep(2)
    assert mock.cloud.find(pods.uid(mock.pushed[0])).timer is None


@run_with_mock
async def test_a_pod_that_never_starts_waits_for_its_reason(mock: Setting) -> None:
    pod = pod_with(never_start="ErrImagePull")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(1e6)
    status = await mock.status(pod)
    assert status["phase"] == "Pending"
    assert main_container(status)["state"]["waiting"]["reason"] == "ErrImagePull"


@run_with_mock
async def test_init_containers_have_completed_when_the_others_run(mock: Setting) -> None:
    pod = pod_with()
    pod["spec"]["initContainers"] = [{"name": "first", "image": "init:1"}]
    await mock.provider.create_pod(pod)
    status = await mock.status(pod)
    assert status["initContainerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert status["conditions"][0]["status"] == "False"
    await asyncio.sleep(2)
    status = await mock.status(pod)
    assert status["initContainerStatuses"][0]["state"]["terminated"]["reason"] == "Completed"
    assert status["conditions"][0]["status"] == "True"


# --- addresses --------------------------------------------------------------------------------------------------------


@run_with_mock
async def test_no_two_pods_have_the_same_address(mock: Setting) -> None:
    created = [pod_with() for _ in range(1000)]
    for pod in created:
        await mock.provider.create_pod(pod)
    await asyncio.sleep(2)
    assert len({(await mock.status(pod))["podIP"] for pod in created}) == 1000


@run_with_mock
async def test_addresses_are_used_again_after_a_rest(mock: Setting) -> None:
    seen = []
    for _ in range(ADDRESSES_AT_REST + 2):
        pod = pod_with(start_after="0")
        await mock.provider.create_pod(pod)
        await asyncio.sleep(1)
        seen.append((await mock.status(pod))["podIP"])
        await mock.provider.delete_pod(pod)
        await asyncio.sleep(1)
    assert len(set(seen[:-1])) == ADDRESSES_AT_REST + 1
    assert seen[-1] == seen[0]


# --- the end of a run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("exit_code", "phase", "reason"), [("0", "Succeeded", "Completed"), ("3", "Failed", "Error")])
def test_a_pod_that_is_not_restarted_ends_as_its_exit_code_says(exit_code: str, phase: str, reason: str) -> None:
    async def play() -> None:
        mock = Setting()
        pod = pod_with("Never", run_for="30s", exit_code=exit_code)
        await mock.provider.create_pod(pod)
        await asyncio.sleep(100)
        status = await mock.status(pod)
        assert status["phase"] == phase
        assert main_container(status)["state"]["terminated"] == {
            "exitCode": int(exit_code),
            "reason": reason,
            "startedAt": "2026-01-01T00:00:01Z",
            "finishedAt": "2026-01-01T00:00:31Z",
            "containerID": f"mock://{pods.uid(pod)}/main/0",
        }
        assert not main_container(status)["ready"]

    run(play())


@pytest.mark.parametrize(
    ("policy", "exit_code", "restarts"), [("Always", "0", 1), ("Always", "1", 1), ("OnFailure", "1", 1)]
)
def test_a_container_is_restarted_as_its_policy_says(policy: str, exit_code: str, restarts: int) -> None:
    async def play() -> None:
        mock = Setting()
        pod = pod_with(policy, run_for="30s", exit_code=exit_code)
        await mock.provider.create_pod(pod)
        await asyncio.sleep(1 + 30 + 10 + 5)
        status = await mock.status(pod)
        container = main_container(status)
        assert status["phase"] == "Running"
        assert container["restartCount"] == restarts
        assert container["lastState"]["terminated"]["exitCode"] == int(exit_code)
        assert container["lastState"]["terminated"]["containerID"].endswith("/main/0")
        assert container["containerID"].endswith("/main/1")
        assert mock.cloud.starts[pods.uid(pod)] == 1

    run(play())


@run_with_mock
async def test_a_container_that_succeeds_is_not_restarted_on_failure_only(mock: Setting) -> None:
    pod = pod_with("OnFailure", run_for="5s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(10)
    assert (await mock.status(pod))["phase"] == "Succeeded"


@run_with_mock
async def test_the_back_off_doubles_up_to_five_minutes(mock: Setting) -> None:
    loop, starts = asyncio.get_running_loop(), []

    def pushed(pod: Pod) -> None:
        if pods.is_running(pods.container_statuses(pods.status(pod))[0]):
            starts.append(loop.time())

    mock.provider.notify_pods(pushed)
    await mock.provider.create_pod(pod_with(run_for="1s", exit_code="1", start_after="0"))
    await asyncio.sleep(2000)
    assert [late - early - 1 for early, late in itertools.pairwise(starts)][:7] == pytest.approx(
        [10, 20, 40, 80, 160, 300, 300]
    )


@run_with_mock
async def test_a_long_run_makes_the_back_off_begin_anew(mock: Setting) -> None:
    pod = pod_with(run_for="15m", exit_code="1", start_after="0")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5 * (15 * 60 + 10) + 5)
    assert main_container(await mock.status(pod))["restartCount"] == 5


@run_with_mock
async def test_while_it_backs_off_a_container_waits_and_shows_its_last_end(mock: Setting) -> None:
    pod = pod_with(run_for="5s", exit_code="7")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(8)
    status = await mock.status(pod)
    container = main_container(status)
    assert status["phase"] == "Running"
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert "back-off 10s" in container["state"]["waiting"]["message"]
    assert container["lastState"]["terminated"]["exitCode"] == 7
    assert not container["ready"]


# --- update -----------------------------------------------------------------------------------------------------------


@run_with_mock
async def test_a_changed_image_restarts_the_container_with_it(mock: Setting) -> None:
    pod = pod_with()
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5)
    await mock.provider.update_pod({**pod, "spec": {**pod["spec"], "containers": [{"name": "main", "image": "app:2"}]}})
    container = main_container(await mock.status(pod))
    assert (container["image"], container["restartCount"]) == ("app:2", 1)
    assert mock.cloud.starts[pods.uid(pod)] == 1


@run_with_mock
async def test_a_changed_label_restarts_nothing(mock: Setting) -> None:
    pod = pod_with()
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5)
    await mock.provider.update_pod({**pod, "metadata": {**pod["metadata"], "labels": {"colour": "blue"}}})
    assert main_container(await mock.status(pod))["restartCount"] == 0
    assert (await mock.provider.get_pod(pods.ref(pod)))["metadata"]["labels"] == {"colour": "blue"}


@run_with_mock
async def test_an_update_does_not_save_a_pod_from_its_end(mock: Setting) -> None:
    pod = pod_with(end_after="5s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(2)
    await mock.provider.delete_pod(pod)
    await mock.provider.update_pod({**pod, "spec": {**pod["spec"], "containers": [{"name": "main", "image": "app:2"}]}})
    await asyncio.sleep(6)
    with pytest.raises(NotFound):
        await mock.status(pod)


# --- create -----------------------------------------------------------------------------------------------------------


@run_with_mock
async def test_a_second_create_of_a_pod_changes_nothing(mock: Setting) -> None:
    pod = pod_with()
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5)
    await mock.provider.create_pod(pod)
    assert mock.cloud.starts[pods.uid(pod)] == 1
    assert main_container(await mock.status(pod))["restartCount"] == 0


@run_with_mock
async def test_a_pod_created_again_after_its_end_counts_as_a_second_start(mock: Setting) -> None:
    pod = pod_with()
    await mock.provider.create_pod(pod)
    mock.cloud.vanish(pods.uid(pod))
    await mock.provider.create_pod(pod)
    assert mock.cloud.starts[pods.uid(pod)] == 2


@run_with_mock
async def test_a_slow_create_has_the_pod_before_it_answers(mock: Setting) -> None:
    pod = pod_with(create_takes="20s", start_after="1s")
    creating = asyncio.create_task(mock.provider.create_pod(pod))
    await asyncio.sleep(5)
    assert not creating.done()
    assert (await mock.status(pod))["phase"] == "Running"
    await creating
    assert asyncio.get_running_loop().time() == 20


@pytest.mark.parametrize(("kind", "error"), [("retryable", Retryable), ("permanent", Permanent), ("invalid", Invalid)])
def test_creates_fail_as_told_and_as_often(kind: str, error: type[ProviderError]) -> None:
    async def play() -> None:
        mock = Setting()
        pod = pod_with(create_error=kind, create_errors="2")
        for _ in range(2):
            with pytest.raises(error):
                await mock.provider.create_pod(pod)
        await mock.provider.create_pod(pod)
        assert mock.cloud.starts[pods.uid(pod)] == 1

    run(play())


@run_with_mock
async def test_a_create_error_without_a_count_is_for_ever(mock: Setting) -> None:
    pod = pod_with(create_error="permanent")
    for _ in range(5):
        with pytest.raises(Permanent):
            await mock.provider.create_pod(pod)


@run_with_mock
async def test_a_count_of_create_errors_alone_means_retryable_ones(mock: Setting) -> None:
    pod = pod_with(create_errors="1")
    with pytest.raises(Retryable):
        await mock.provider.create_pod(pod)
    await mock.provider.create_pod(pod)


@run_with_mock
async def test_a_wrong_annotation_is_refused_by_its_name(mock: Setting) -> None:
    with pytest.raises(Invalid, match=r"annotation mock\.vksim\.io/run-for: 'soon' is not a duration; write e\.g\."):
        await mock.provider.create_pod(pod_with(run_for="soon"))


# --- delete -----------------------------------------------------------------------------------------------------------


async def ended_at(mock: Setting, pod: Pod) -> float:
    """When the cloud no longer has the pod, to the tenth of a second."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            await mock.status(pod)
        except NotFound:
            return round(loop.time(), 1)
        await asyncio.sleep(0.1)


@run_with_mock
async def test_a_deleted_pod_ends_tells_it_and_is_gone(mock: Setting) -> None:
    pod = pod_with(end_after="3s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5)
    await mock.provider.delete_pod(dying(pod, 30))
    assert (await mock.status(pod))["phase"] == "Running"
    assert await ended_at(mock, pod) == pytest.approx(8.0, abs=0.11)
    last = pods.status(mock.pushed[-1])
    assert last["phase"] == "Succeeded"
    assert main_container(last)["state"]["terminated"]["exitCode"] == 0


@run_with_mock
async def test_a_pod_that_does_not_end_is_killed_at_the_end_of_its_grace(mock: Setting) -> None:
    pod = pod_with(end_after="10m")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5)
    await mock.provider.delete_pod(dying(pod, 30))
    assert await ended_at(mock, pod) == pytest.approx(35.0, abs=0.11)
    last = pods.status(mock.pushed[-1])
    assert last["phase"] == "Failed"
    assert main_container(last)["state"]["terminated"]["exitCode"] == 137


@run_with_mock
async def test_a_shorter_grace_ends_a_pod_sooner(mock: Setting) -> None:
    pod = pod_with(end_after="10m")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(5)
    await mock.provider.delete_pod(dying(pod, 300))
    await asyncio.sleep(5)
    await mock.provider.delete_pod(dying(pod, 2))
    assert await ended_at(mock, pod) == pytest.approx(12.0, abs=0.11)


@run_with_mock
async def test_asking_again_does_not_put_the_end_off(mock: Setting) -> None:
    pod = pod_with(end_after="6s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(4)
    for _ in range(3):
        await mock.provider.delete_pod(dying(pod, 30))
        await asyncio.sleep(1)
    assert await ended_at(mock, pod) == pytest.approx(10.0, abs=0.11)


@run_with_mock
async def test_a_pod_that_never_ran_is_gone_at_once_and_told_as_failed(mock: Setting) -> None:
    pod = pod_with(never_start="true")
    await mock.provider.create_pod(pod)
    await mock.provider.delete_pod(dying(pod, 30))
    last = pods.status(mock.pushed[-1])
    assert last["phase"] == "Failed"
    assert main_container(last)["state"]["terminated"]["reason"] == "ContainerStatusUnknown"
    assert await ended_at(mock, pod) == 0


@run_with_mock
async def test_a_pod_that_backs_off_is_gone_at_once(mock: Setting) -> None:
    pod = pod_with(run_for="1s", exit_code="4")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(3)
    await mock.provider.delete_pod(dying(pod, 30))
    assert main_container(pods.status(mock.pushed[-1]))["state"]["terminated"]["exitCode"] == 4
    await asyncio.sleep(1000)
    assert [pods.phase(each) for each in mock.pushed] == ["Pending", "Running", "Running", "Failed"]


@run_with_mock
async def test_a_deleted_pod_is_not_found(mock: Setting) -> None:
    with pytest.raises(NotFound):
        await mock.provider.delete_pod(pod_with())


@run_with_mock
async def test_deletes_fail_as_often_as_told(mock: Setting) -> None:
    pod = pod_with(delete_errors="2")
    await mock.provider.create_pod(pod)
    for _ in range(2):
        with pytest.raises(Retryable):
            await mock.provider.delete_pod(pod)
    await mock.provider.delete_pod(pod)


@run_with_mock
async def test_an_annotation_broken_later_does_not_keep_a_pod_from_ending(mock: Setting) -> None:
    pod = pod_with()
    await mock.provider.create_pod(pod)
    await mock.provider.delete_pod({**pod, "metadata": {**pod["metadata"], "annotations": {PREFIX + "nonsense": "1"}}})
    assert await ended_at(mock, pod) == 0


# --- several nodes, several runners -----------------------------------------------------------------------------------


@run_with_mock
async def test_a_node_is_shown_its_own_pods_only(mock: Setting) -> None:
    other, mine, theirs = mock.new_provider("other"), pod_with(), pod_with()
    await mock.provider.create_pod(mine)
    await other.create_pod(theirs)
    assert [pods.ref(pod) for pod in await mock.provider.get_pods()] == [pods.ref(mine)]
    assert [pods.ref(pod) for pod in await other.get_pods()] == [pods.ref(theirs)]


@run_with_mock
async def test_the_cloud_outlives_a_provider_and_tells_the_next_one(mock: Setting) -> None:
    pod = pod_with(start_after="10s")
    await mock.provider.create_pod(pod)
    told: list[Pod] = []
    again = mock.new_provider("vk")
    again.notify_pods(told.append)
    mock.pushed.clear()
    await asyncio.sleep(10)
    assert [pods.phase(each) for each in told] == ["Running"]
    assert mock.pushed == []
    assert [pods.uid(each) for each in await again.get_pods()] == [pods.uid(pod)]


# --- trouble ----------------------------------------------------------------------------------------------------------


@run_with_mock
async def test_trouble_fails_the_calls_it_chooses(mock: Setting) -> None:
    def trouble(operation: str, node: str) -> None:
        if operation == "ping":
            raise Retryable(f"{node} is down")

    mock.cloud.trouble = trouble
    with pytest.raises(Retryable, match="vk is down"):
        await mock.provider.ping()
    await mock.provider.create_pod(pod_with())
    mock.cloud.trouble = None
    await mock.provider.ping()


@run_with_mock
async def test_a_create_whose_answer_is_lost_has_happened(mock: Setting) -> None:
    pod = pod_with()
    mock.cloud.lost_answers = 2
    for _ in range(2):
        with pytest.raises(Retryable):
            await mock.provider.create_pod(pod)
    await mock.provider.create_pod(pod)
    assert mock.cloud.starts[pods.uid(pod)] == 1


@run_with_mock
async def test_a_pod_that_vanishes_is_gone_without_a_word(mock: Setting) -> None:
    pod = pod_with(run_for="10s")
    await mock.provider.create_pod(pod)
    await asyncio.sleep(2)
    told = len(mock.pushed)
    mock.cloud.vanish(pods.uid(pod))
    await asyncio.sleep(100)
    assert len(mock.pushed) == told
    with pytest.raises(NotFound):
        await mock.status(pod)


@run_with_mock
async def test_an_evicted_pod_is_told_as_deleted_by_the_cloud(mock: Setting) -> None:
    pod = pod_with()
    await mock.provider.create_pod(pod)
    await asyncio.sleep(2)
    mock.cloud.evict(pods.uid(pod))
    told = mock.pushed[-1]
    assert told["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:02Z"
    assert (pods.phase(told), pods.status(told)["reason"]) == ("Failed", "Evicted")
    assert list(mock.cloud.alive()) == []
