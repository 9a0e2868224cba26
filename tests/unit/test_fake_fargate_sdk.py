"""The fake Fargate, asked by boto3 as AWS would be: in the same process, and over HTTP."""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Latency, Rate
from fakes.fargate import http
from fakes.fargate.defaults import REALISTIC
from fakes.fargate.sdk import InProcess
from fakes.fargate.service import FargateService
from vksim.loop import EPOCH

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}
ONCE = Config(retries={"total_max_attempts": 1})


class Aws:
    """A client of ECS on a fake whose clock is turned by hand."""

    def __init__(self, **settings: Any) -> None:
        self.now = EPOCH
        latencies = {"schedule": Latency(2), "start": Latency(3), "end": Latency(4)}
        self.service = FargateService(
            lambda: self.now, Random(1), CloudSettings(**{"latencies": latencies, **settings})
        )
        session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
        self.ecs = InProcess(self.service).attach(session.client("ecs", config=ONCE))
        self.ecs.create_cluster(clusterName="default")
        self.register()

    def register(self, **fields: Any) -> Any:
        main = {"name": "main", "image": "a", "stopTimeout": 5}
        given = {"family": "f", "cpu": "256", "memory": "512", "containerDefinitions": [main], **fields}
        return self.ecs.register_task_definition(**given)

    def run(self, **fields: Any) -> Any:
        return self.ecs.run_task(taskDefinition="f", networkConfiguration=NETWORK, **fields)

    def task(self, arn: str, **fields: Any) -> Any:
        return self.ecs.describe_tasks(tasks=[arn], **fields)["tasks"][0]

    def after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def aws() -> Aws:
    return Aws()


def refused(call: Any, *args: Any, **kwargs: Any) -> Any:
    with pytest.raises(ClientError) as error:
        call(*args, **kwargs)
    return error.value.response["Error"]


def test_a_task_goes_through_its_states_and_ends_with_codes_and_times(aws: Aws):
    arn = aws.run()["tasks"][0]["taskArn"]
    states = []
    for _ in range(3):
        states.append(aws.task(arn)["lastStatus"])
        aws.after(2.6)
    aws.ecs.stop_task(task=arn, reason="enough")
    for seconds in (0, 0.1, 5):
        aws.after(seconds)
        states.append(aws.task(arn)["lastStatus"])
    assert states == ["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "DEPROVISIONING", "STOPPED"]
    ended = aws.task(arn)
    assert (ended["stopCode"], ended["stoppedReason"]) == ("UserInitiated", "enough")
    assert ended["containers"][0]["exitCode"] == 143
    assert ended["createdAt"] < ended["startedAt"] < ended["stoppedAt"]


def test_a_token_gives_the_same_task_and_a_conflict_for_another_request(aws: Aws):
    first, second = aws.run(clientToken="t"), aws.run(clientToken="t")
    assert first["tasks"][0]["taskArn"] == second["tasks"][0]["taskArn"]
    assert refused(aws.run, clientToken="t", startedBy="x")["Code"] == "ConflictException"


def test_what_is_not_there_is_missing_and_a_stop_of_it_an_error(aws: Aws):
    assert aws.ecs.describe_tasks(tasks=["nothing"])["failures"][0]["reason"] == "MISSING"
    assert "not found" in refused(aws.ecs.stop_task, task="nothing")["Message"]
    assert aws.ecs.describe_clusters(clusters=["other"])["failures"][0]["reason"] == "MISSING"


def test_lists_come_in_pages_by_desired_status(aws: Aws):
    for _ in range(5):
        aws.run()
    arns = aws.ecs.list_tasks(maxResults=2)
    pages = [arns]
    while "nextToken" in pages[-1]:
        pages.append(aws.ecs.list_tasks(maxResults=2, nextToken=pages[-1]["nextToken"]))
    assert [len(each["taskArns"]) for each in pages] == [2, 2, 1]
    assert aws.ecs.list_tasks(desiredStatus="STOPPED")["taskArns"] == []


def test_a_stopped_task_loses_its_tags_and_is_gone_after_an_hour(aws: Aws):
    arn = aws.run(tags=[{"key": "a", "value": "b"}])["tasks"][0]["taskArn"]
    assert aws.task(arn, include=["TAGS"])["tags"]
    aws.ecs.stop_task(task=arn)
    assert aws.task(arn, include=["TAGS"])["tags"] == []
    aws.after(3700)
    assert aws.ecs.describe_tasks(tasks=[arn])["tasks"] == []


@pytest.mark.parametrize(("cpu", "memory"), [("256", "4096"), ("1024", "1024"), ("300", "512"), ("256", "1536")])
def test_a_size_that_fargate_has_not_is_refused(aws: Aws, cpu: str, memory: str):
    assert "No Fargate configuration" in refused(aws.register, cpu=cpu, memory=memory)["Message"]


def test_more_than_a_hundred_are_not_described(aws: Aws):
    assert refused(aws.ecs.describe_tasks, tasks=["t"] * 101)["Code"] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"family": "a.b"}, "Family contains invalid characters"),
        ({"ephemeralStorage": {"sizeInGiB": 20}}, "not between 21 and 200"),
        ({"ephemeralStorage": {"sizeInGiB": 201}}, "not between 21 and 200"),
        ({"runtimePlatform": {"cpuArchitecture": "PDP11"}}, "cpuArchitecture"),
        ({"containerDefinitions": [{"name": "m", "image": "a", "stopTimeout": 121}]}, "at most 120 seconds"),
        ({"containerDefinitions": [{"name": "m", "image": "a", "privileged": True}]}, "privileged"),
        ({"containerDefinitions": [{"name": "m", "image": "a", "essential": False}]}, "essential"),
        ({"containerDefinitions": [{"name": f"m{n}", "image": "a"} for n in range(11)]}, "Too many containers"),
        (
            {"containerDefinitions": [{"name": "m", "image": "a", "mountPoints": [{"sourceVolume": "v"}]}]},
            "Unknown volume 'v'",
        ),
        (
            {
                "volumes": [
                    {
                        "name": "v",
                        "efsVolumeConfiguration": {"fileSystemId": "f", "authorizationConfig": {"accessPointId": "p"}},
                    }
                ]
            },
            "need transit encryption",
        ),
        ({"volumes": [{"name": "v", "host": {"sourcePath": "/"}}]}, "sourcePath"),
    ],
)
def test_a_definition_that_fargate_does_not_take_is_refused(aws: Aws, fields: Any, said: str):
    assert said in refused(aws.register, **fields)["Message"]


def test_a_definition_may_have_all_that_fargate_has(aws: Aws):
    efs = {"fileSystemId": "fs-1", "transitEncryption": "ENABLED", "authorizationConfig": {"accessPointId": "fsap-1"}}
    main = {"name": "main", "image": "a", "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}
    made = aws.register(
        ephemeralStorage={"sizeInGiB": 200},
        runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        volumes=[{"name": "v", "efsVolumeConfiguration": efs}],
        containerDefinitions=[main],
    )["taskDefinition"]
    assert made["ephemeralStorage"]["sizeInGiB"] == 200
    assert made["volumes"][0]["efsVolumeConfiguration"] == efs


@pytest.mark.parametrize(("ends_after", "code"), [(4, 143), (6, 137)])
def test_a_container_is_killed_when_its_stop_timeout_is_over(aws: Aws, ends_after: int, code: int):
    script = {"name": "VKSIM_SCRIPT", "value": f'{{"ends_after": {ends_after}}}'}
    overrides = {"containerOverrides": [{"name": "main", "environment": [script]}]}
    arn = aws.run(overrides=overrides)["tasks"][0]["taskArn"]
    aws.after(10)
    aws.ecs.stop_task(task=arn)
    aws.after(3)
    assert aws.task(arn)["lastStatus"] == "STOPPING"
    aws.after(10)
    assert aws.task(arn)["containers"][0]["exitCode"] == code


def test_a_task_on_spot_capacity_can_be_taken_back_and_another_not(aws: Aws):
    spot = aws.run(capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}])["tasks"][0]["taskArn"]
    other = aws.run()["tasks"][0]["taskArn"]
    aws.after(10)
    assert aws.service.account.interrupt(1.0) == 1
    assert (aws.task(spot)["stopCode"], aws.task(spot)["desiredStatus"]) == ("SpotInterruption", "STOPPED")
    assert aws.task(other)["desiredStatus"] == "RUNNING"


def test_a_task_whose_secret_is_not_there_cannot_start(aws: Aws):
    secret = {"name": "PASSWORD", "valueFrom": "/nothing"}
    aws.register(containerDefinitions=[{"name": "main", "image": "a", "secrets": [secret]}])
    arn = aws.run()["tasks"][0]["taskArn"]
    aws.after(10)
    task = aws.task(arn)
    assert (task["stopCode"], task["lastStatus"]) == ("TaskFailedToStart", "STOPPED")
    assert task["stoppedReason"].startswith("ResourceInitializationError")


def test_overrides_that_are_too_long_are_refused(aws: Aws):
    long = {"name": "main", "environment": [{"name": "A", "value": "x" * 8200}]}
    assert "8192" in refused(aws.run, overrides={"containerOverrides": [long]})["Message"]


def test_a_definition_that_was_deregistered_runs_no_task_and_can_be_deleted(aws: Aws):
    refused(aws.ecs.delete_task_definitions, taskDefinitions=["f:9"])
    assert aws.ecs.delete_task_definitions(taskDefinitions=["f:1"])["failures"]
    aws.ecs.deregister_task_definition(taskDefinition="f:1")
    run = {"taskDefinition": "f:1", "networkConfiguration": NETWORK}
    assert refused(aws.ecs.run_task, **run)["Message"] == "TaskDefinition is inactive"
    assert aws.ecs.delete_task_definitions(taskDefinitions=["f:1"])["failures"] == []
    assert aws.ecs.list_task_definition_families(status="ACTIVE")["families"] == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"interactive": False}, "InvalidParameterException"),
        ({"container": "other"}, "InvalidParameterException"),
        ({"command": "echo 'open"}, "InvalidParameterException"),
        ({"cluster": "none"}, "ClusterNotFoundException"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused(aws: Aws, given: Any, code: str):
    arn = aws.run(enableExecuteCommand=True)["tasks"][0]["taskArn"]
    aws.after(10)
    asked = {"task": arn, "command": "ls", "interactive": True, **given}
    assert refused(aws.ecs.execute_command, **asked)["Code"] == code


def test_no_command_runs_without_exec_or_before_the_task_runs(aws: Aws):
    asked = {"command": "ls", "interactive": True}
    without = aws.run()["tasks"][0]["taskArn"]
    early = aws.run(enableExecuteCommand=True)["tasks"][0]["taskArn"]
    assert "not running" in refused(aws.ecs.execute_command, task=early, **asked)["Message"]
    aws.after(10)
    assert "not enabled" in refused(aws.ecs.execute_command, task=without, **asked)["Message"]
    session = aws.ecs.execute_command(task=early, **asked)["session"]
    assert session["streamUrl"].startswith("wss://")


def test_no_room_is_an_answer_and_no_error():
    aws = Aws(faults=(Fault(FaultKind.NO_CAPACITY, operations=("create",)),))
    answer = aws.run()
    assert answer["tasks"] == []
    assert "Capacity is unavailable" in answer["failures"][0]["reason"]


def test_launches_beyond_the_bucket_are_throttled():
    aws = Aws(rates={"run-task": Rate(burst=2, per_second=1, operations=("create",))})
    aws.run()
    aws.run()
    assert refused(aws.run)["Code"] == "ThrottlingException"


def test_a_lost_answer_is_a_timeout_of_the_sdks():
    aws = Aws(faults=(Fault(FaultKind.LOST_ANSWER, operations=("create",)),))
    with pytest.raises(ReadTimeoutError):
        aws.run()
    assert len(aws.service.account.tasks) == 1


@pytest.mark.parametrize(
    ("name", "burst", "per_second"),
    [
        ("launches", 100, 20),
        ("run-task", 20, 20),
        ("cluster-modify", 100, 40),
        ("cluster-read", 100, 20),
        ("definition-modify", 20, 1),
        ("definition-delete", 5, 1),
        ("definition-read", 50, 20),
        ("cluster-resource-modify", 20, 1),
        ("cluster-resource-read", 50, 20),
    ],
)
def test_the_buckets_are_those_that_aws_documents(name: str, burst: float, per_second: float):
    assert (REALISTIC.rates[name].burst, REALISTIC.rates[name].per_second) == (burst, per_second)


def test_the_same_is_served_over_http():
    async def play() -> Any:
        service = FargateService(lambda: EPOCH, Random(1), CloudSettings())
        server, port = await http.start(service)
        try:
            session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="x")
            ecs = session.client("ecs", endpoint_url=f"http://127.0.0.1:{port}", config=ONCE)
            await asyncio.to_thread(ecs.create_cluster, clusterName="c")  # noqa: TID251
            return await asyncio.to_thread(ecs.describe_clusters, clusters=["c", "d"])  # noqa: TID251
        finally:
            await server.cleanup()

    answer = asyncio.run(play())
    assert [each["status"] for each in answer["clusters"]] == ["ACTIVE"]
    assert [each["reason"] for each in answer["failures"]] == ["MISSING"]
