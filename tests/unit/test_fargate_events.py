"""Changes of tasks from a queue: by EventBridge's rules on the fake, with looking as what remains without it."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest

from fakes.cloud.settings import FaultKind
from providers import pods
from providers.errors import InvalidConfig, NotFound
from providers.fargate.config import parse
from providers.fargate.events import changed
from tests.unit.fargate_setting import a_pod
from tests.unit.test_fargate_provider import Setting, in_virtual_time, scripted

ARN = "arn:aws:sqs:eu-west-1:123456789012:tasks"


def a_queue(setting: Setting, cluster: str = "default") -> str:
    """A queue that a rule puts the cluster's changes into: its URL."""
    beside = setting.backend.service.beside
    queue = beside.ask("sqs", "CreateQueue", QueueName="tasks")["QueueUrl"]
    arn = setting.account.arn("cluster", cluster)
    pattern = {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [arn]},
    }
    beside.ask("events", "PutRule", Name="tasks", EventPattern=json.dumps(pattern))
    beside.ask("events", "PutTargets", Rule="tasks", Targets=[{"Id": "1", "Arn": ARN}])
    return str(queue)


async def following(setting: Setting, queue: str) -> None:
    """The provider anew, with a queue."""
    await setting.provider.close()
    setting.provider = setting.new_provider(EventQueueURL=queue)
    await setting.provider.start()
    await asyncio.sleep(5)


def phases(setting: Setting, pod: Any) -> list[str]:
    told = [each for each in setting.pushed if each["metadata"]["uid"] == pods.uid(pod)]
    return list(dict.fromkeys(each["status"]["phase"] for each in told))


@in_virtual_time
async def test_what_happens_is_told_soon_and_with_few_lists(setting: Setting):
    await following(setting, a_queue(setting))
    before, pod = setting.calls("list"), scripted(run_for=20)
    await setting.provider.create_pod(pod)
    await asyncio.sleep(6)
    assert phases(setting, pod) == ["Pending", "Running"]
    await asyncio.sleep(25)
    assert phases(setting, pod) == ["Pending", "Running", "Succeeded"]
    assert setting.calls("list") - before <= 2


@in_virtual_time
async def test_a_look_once_a_minute_finds_what_no_event_told(setting: Setting):
    await following(setting, a_queue(setting, cluster="another"))
    pod = a_pod()
    await setting.provider.create_pod(pod)
    await asyncio.sleep(130)
    assert phases(setting, pod) == ["Pending", "Running"]


@in_virtual_time
async def test_a_queue_that_does_not_answer_is_made_up_for_by_looking(setting: Setting):
    await following(setting, a_queue(setting))
    heal, pod = setting.fail(FaultKind.OUTAGE, "ReceiveMessage"), scripted(run_for=20)
    await setting.provider.create_pod(pod)
    await asyncio.sleep(60)
    assert phases(setting, pod) == ["Pending", "Running", "Succeeded"]
    heal()
    await asyncio.sleep(30)
    before = setting.calls("list")
    await asyncio.sleep(120)
    assert setting.calls("list") - before <= 4, "the queue is read again"


@in_virtual_time
async def test_a_container_is_run_again_when_it_is_time_also_with_a_queue(setting: Setting):
    await following(setting, a_queue(setting))
    pod = scripted(policy="Always", run_for=15, exit_code=1)
    await setting.provider.create_pod(pod)
    await asyncio.sleep(50)
    assert (await setting.status(pod))["containerStatuses"][0]["restartCount"] >= 1


@in_virtual_time
async def test_a_pod_of_several_containers_ends_by_events_alone(setting: Setting):
    await following(setting, a_queue(setting))
    pod = scripted(run_for=10)
    other = {"name": "VKSIM_SCRIPT", "value": '{"run_for": 15}'}
    pod["spec"]["containers"].append({**pod["spec"]["containers"][0], "name": "other", "env": [other]})
    await setting.provider.create_pod(pod)
    await asyncio.sleep(30)
    assert phases(setting, pod)[-1] == "Succeeded"


@in_virtual_time
async def test_a_pod_that_was_deleted_keeps_nobody_busy(setting: Setting):
    await following(setting, a_queue(setting))
    pod = scripted(policy="Always", run_for=5, exit_code=1)
    await setting.provider.create_pod(pod)
    await asyncio.sleep(12)
    with suppress(NotFound):  # the container may just have ended
        await setting.provider.delete_pod(pod)
    await asyncio.sleep(300)
    assert setting.backend.tasks() == []
    assert setting.calls("list") < 40


@in_virtual_time
async def test_an_old_event_changes_nothing(setting: Setting):
    pod = a_pod()
    await setting.running(pod)
    await asyncio.sleep(10)
    task = next(iter(setting.account.tasks.values()))
    old = {**task.described(setting.clock.now()), "version": 1, "lastStatus": "PROVISIONING", "containers": []}
    pushed = len(setting.pushed)
    assert setting.provider._inventory.told(old)
    assert len(setting.pushed) == pushed


def event(**changes: Any) -> str:
    detail = {
        "clusterArn": "arn:aws:ecs:eu-west-1:1:cluster/vk",
        "taskArn": "t",
        "startedAt": "2026-11-23T20:00:00.5Z",
    }
    return json.dumps({"detail-type": "ECS Task State Change", "detail": detail, **changes})


def test_an_event_is_read_as_a_description():
    task = changed(event(), "vk")
    assert task is not None
    assert (task["taskArn"], task["startedAt"].isoformat()) == ("t", "2026-11-23T20:00:00.500000+00:00")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        event(detail=None),
        event(detail={"clusterArn": "x/vk"}),
        event(**{"detail-type": "ECS Service Action"}),
        event(detail={"clusterArn": "x/vk", "taskArn": "t", "startedAt": "soon"}),
        event(detail={"clusterArn": "x/other", "taskArn": "t"}),
    ],
)
def test_what_is_no_event_about_a_task_of_the_cluster_is_thrown_away(body: str):
    assert changed(body, "vk") is None


def test_a_queue_is_named_by_its_url():
    given = {"Subnets": ["s"], "EventQueueURL": "https://sqs.eu-west-1.amazonaws.com/1/tasks"}
    assert parse(given, source="f").event_queue == given["EventQueueURL"]
    with pytest.raises(InvalidConfig, match="no URL of a queue"):
        parse({"Subnets": ["s"], "EventQueueURL": "tasks"}, source="f")
