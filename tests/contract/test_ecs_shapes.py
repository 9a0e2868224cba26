"""The same calls to moto's ECS and to ours: the answers have the same shape, but for what is listed here.

Ours exists because moto's goes no further than shapes (decision 9): where the two agree, both are more likely right.
"""

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fakes.cloud.settings import CloudSettings
from fakes.fargate.beside import Beside
from fakes.fargate.defaults import ACCOUNT, REGION
from fakes.fargate.requests import Request
from fakes.fargate.sdk import InProcess
from fakes.fargate.service import FargateService, Response
from vksim.loop import EPOCH

DEFINITION = {
    "family": "web",
    "cpu": "256",
    "memory": "512",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "containerDefinitions": [{"name": "main", "image": "a:1", "memory": 512, "essential": True}],
}


class Moto:
    """moto's ECS, behind the same door as ours."""

    def __init__(self) -> None:
        self._beside = Beside(REGION, ACCOUNT)

    def handle(self, request: Request) -> Response:
        """Ask moto."""
        status, headers, body = self._beside.answer(request)
        return Response(status, body, kind=headers.get("Content-Type", "application/x-amz-json-1.1"))

    def subnet(self) -> str:
        """One that it has."""
        form = b"Action=DescribeSubnets&Version=2016-11-15"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        _, _, body = self._beside.answer(Request("ec2", "DescribeSubnets", "POST", "/", headers, form))
        found = re.search(rb"<subnetId>(.*?)</subnetId>", body)
        assert found is not None
        return found[1].decode()


def client(service: Any) -> Any:
    session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name=REGION)
    return InProcess(service).attach(session.client("ecs", config=Config(retries={"total_max_attempts": 1})))


def played(ecs: Any, subnet: str) -> dict[str, Any]:
    """A task's life: call -> answer, or the code of an error."""
    told: dict[str, Any] = {}

    def call(name: str, function: Callable[..., Any], **given: Any) -> Any:
        try:
            told[name] = {key: value for key, value in function(**given).items() if key != "ResponseMetadata"}
        except ClientError as error:
            told[name] = error.response["Error"]["Code"]
        return told[name]

    call("create cluster", ecs.create_cluster, clusterName="c")
    call("describe clusters", ecs.describe_clusters, clusters=["c"])
    call("describe a cluster that is not there", ecs.describe_clusters, clusters=["d"])
    call("register", ecs.register_task_definition, **DEFINITION)
    call("describe definition", ecs.describe_task_definition, taskDefinition="web")
    call("describe a definition that is not there", ecs.describe_task_definition, taskDefinition="none")
    network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}}
    tags = [{"key": "a", "value": "b"}]
    run = {"cluster": "c", "launchType": "FARGATE", "networkConfiguration": network, "tags": tags}
    arn = call("run", ecs.run_task, taskDefinition="web", startedBy="me", **run)["tasks"][0]["taskArn"]
    call("run in a cluster that is not there", ecs.run_task, **{**run, "cluster": "d"}, taskDefinition="web")
    call("run what is not there", ecs.run_task, taskDefinition="none", **run)
    call("list", ecs.list_tasks, cluster="c")
    call("describe", ecs.describe_tasks, cluster="c", tasks=[arn], include=["TAGS"])
    call("families", ecs.list_task_definition_families, familyPrefix="w")
    call("definitions", ecs.list_task_definitions, familyPrefix="web")
    call("stop", ecs.stop_task, cluster="c", task=arn, reason="enough")
    call("deregister", ecs.deregister_task_definition, taskDefinition="web:1")
    call("delete", ecs.delete_task_definitions, taskDefinitions=["web:1"])
    return told


def paths(value: Any, at: str = "") -> Iterator[str]:
    """The names of all fields, with where they are; an empty list has none."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{at}[]")
    else:
        yield at


TASK_OF_OURS = frozenset(
    {
        *("availabilityZone", "capacityProviderName", "connectivity", "cpu", "createdAt", "enableExecuteCommand"),
        *("healthStatus", "memory", "platformFamily", "platformVersion", "version"),
        *("pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt", "stopCode"),
    }
)
"""What ECS tells of a task and moto does not: where and when it runs, and how it came to its end."""
OURS = frozenset({"registeredAt", "deregisteredAt"}) | TASK_OF_OURS
MOTOS = {
    "cluster.activeServicesCount": "the provider reads no counts, and to count at each ping is slow",
    "cluster.pendingTasksCount": "the same",
    "cluster.registeredContainerInstancesCount": "the same",
    "cluster.runningTasksCount": "the same",
    "cluster.settings.name": "nothing is insight here",
    "cluster.settings.value": "the same",
    "task.containers.exitCode": "wrong in moto: a container that runs has none",
    "task.stoppedReason": "wrong in moto: a task that runs has none",
    "task.tags.key": "wrong in moto: a stopped task has lost its tags",
    "task.tags.value": "the same",
}
"""What moto tells and ours does not, and why."""


@pytest.fixture(scope="module")
def answers() -> tuple[dict[str, Any], dict[str, Any]]:
    """moto's and ours."""
    ours, moto = FargateService(lambda: EPOCH, Random(1), CloudSettings()), Moto()
    place = moto.subnet()
    return played(client(moto), place), played(client(ours), place)


def fields(answer: Any) -> set[str]:
    """With the name of the thing in the singular and without brackets, so that one list of differences will do."""
    if isinstance(answer, str):
        return {answer}
    singular = {"clusters": "cluster", "tasks": "task", "taskDefinitions": "taskDefinition"}
    flat = (each.replace("[]", "").split(".") for each in paths(answer))
    return {".".join([singular.get(first, first), *rest]) for first, *rest in flat}


def test_the_same_calls_fail_with_the_same_codes(answers: tuple[dict[str, Any], dict[str, Any]]):
    motos, ours = ({call: each for call, each in told.items() if isinstance(each, str)} for told in answers)
    assert ours == motos
    assert len(ours) == 3


def test_ours_has_all_that_motos_has_but_for_what_is_listed(answers: tuple[dict[str, Any], dict[str, Any]]):
    motos, ours = answers
    missing = {(call, each) for call in motos for each in fields(motos[call]) - fields(ours[call])}
    assert {each for _, each in missing} == set(MOTOS), missing


def test_ours_has_no_more_than_motos_but_for_what_is_listed(answers: tuple[dict[str, Any], dict[str, Any]]):
    motos, ours = answers
    more = {each.rpartition(".")[2] for call in motos for each in fields(ours[call]) - fields(motos[call])}
    assert more <= OURS


def test_fields_have_the_same_kinds_of_values(answers: tuple[dict[str, Any], dict[str, Any]]):
    motos, ours = answers

    def kinds(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for name, inner in value.items():
                yield from kinds(inner, f"{at}.{name}")
        elif isinstance(value, list):
            for inner in value:
                yield from kinds(inner, f"{at}[]")
        else:
            yield at, type(value).__name__

    for call in motos:
        wanted, there = dict(kinds(motos[call])), dict(kinds(ours[call]))
        assert {at: there[at] for at in wanted if at in there} == {at: wanted[at] for at in wanted if at in there}
