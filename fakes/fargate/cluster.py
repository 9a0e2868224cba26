"""The state of one account in one region: clusters and tasks, and what is kept how long."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from fakes.cloud.limits import QuotaExceeded
from fakes.cloud.model import CloudModel
from fakes.cloud.scripts import NO_SCRIPT, VARIABLE, Script
from fakes.fargate import errors
from fakes.fargate.defaults import ACCOUNT
from fakes.fargate.definitions import Definitions
from fakes.fargate.tasks import BY_SPOT, SPOT_REASON, Container, Pace, Task

KEPT_FOR = timedelta(hours=1)
"""A stopped task can be described for so long."""
MOST_OVERRIDES = 8192

Answer = dict[str, Any]


class Account:
    """Clusters, definitions and tasks.

    Args:
        region: its name.
        model: latencies, quotas, rates and faults.
        now: the wall clock.
        random: for identifiers.
        fetch: fetches the secrets of a container's definition; says why it cannot.

    Attributes:
        definitions: what tasks are made by.
        tasks: ARN -> task; those that stopped an hour ago are dropped when somebody looks.
        made: (group) -> how many tasks were ever made with it.
    """

    def __init__(
        self,
        region: str,
        model: CloudModel,
        now: Callable[[], datetime],
        random: Random,
        fetch: Callable[[Mapping[str, Any]], str],
    ) -> None:
        self.region = region
        self._fetch = fetch
        self.model = model
        self.now = now
        self.clusters: dict[str, Answer] = {}
        self.definitions = Definitions(lambda name: self.arn("task-definition", name), now)
        self.tasks: dict[str, Task] = {}
        self.made: dict[str, int] = {}
        self._random = random
        self._tokens: dict[str, tuple[str, str]] = {}
        self._failed_creates: dict[str, int] = {}
        self._addresses = 0

    def arn(self, kind: str, name: str) -> str:
        """The ARN of something of ECS."""
        return f"arn:aws:ecs:{self.region}:{ACCOUNT}:{kind}/{name}"

    def cluster(self, given: Mapping[str, Any]) -> str:
        """The cluster that a request names. Raises AwsError if there is none."""
        name = str(given.get("cluster") or "default").rpartition("/")[2]
        if name not in self.clusters:
            raise errors.AwsError("ClusterNotFoundException", "Cluster not found.")
        return name

    # --- tasks ------------------------------------------------------------------------------------------------------

    def run(self, request: Mapping[str, Any]) -> list[Task]:
        """Start tasks, or give those that the token stands for. Raises AwsError."""
        cluster, definition = self.cluster(request), self._usable(request)
        count = int(request.get("count") or 1)
        if not 1 <= count <= 10:
            raise errors.parameter("count should be between 1 and 10.")
        if len(json.dumps((request.get("overrides") or {}).get("containerOverrides") or [])) > MOST_OVERRIDES:
            raise errors.parameter("Container Overrides length must be at most 8192")
        token, digest = request.get("clientToken"), json.dumps(request, sort_keys=True)
        if token and token in self._tokens:
            before, arn = self._tokens[token]
            if before != digest:
                raise errors.AwsError(
                    "ConflictException", "The token was used with other parameters", resourceIds=[arn]
                )
            if arn in self.tasks:
                return [self.tasks[arn]]
        made = [self._make(request, definition, cluster) for _ in range(count)]
        if token:
            self._tokens[token] = (digest, made[0].arn)
        return made

    def find(self, name: str, cluster: str) -> Task:
        """A task. Raises AwsError if there is none, or no longer."""
        arn = name if name.startswith("arn:") else self.arn("task", f"{cluster}/{name}")
        task = self.tasks.get(arn)
        if task is None or self._is_gone(task):
            raise errors.parameter("The referenced task was not found.")
        return task

    def stop(self, task: Task, code: str, reason: str) -> None:
        """End a task: it loses its tags."""
        task.stops += 1
        if task.stops <= task.containers[0].script.delete_errors:
            raise errors.unavailable()
        task.stop(self.now(), code, reason)
        task.constant["tags"] = []

    def of(self, cluster: str) -> list[Task]:
        """A cluster's tasks."""
        prefix = self.arn("task", f"{cluster}/")
        return [each for each in list(self.tasks.values()) if each.arn.startswith(prefix) and not self._is_gone(each)]

    def alive(self) -> list[Task]:
        """The tasks that have not stopped."""
        now = self.now()
        return [each for each in self.tasks.values() if now < each.stopped_at]

    def lose(self, arn: str) -> None:
        """Lose a task without a word."""
        del self.tasks[arn]

    def interrupt(self, share: float) -> int:
        """Take back this share of the tasks on spot capacity: how many those were."""
        spot = [
            each
            for each in self.alive()
            if each.constant["capacityProviderName"] == "FARGATE_SPOT" and self.now() < each.halt.at
        ]
        taken = self._random.sample(spot, round(len(spot) * share))
        for each in taken:
            self.reclaim(each)
        return len(taken)

    def reclaim(self, task: Task) -> None:
        """Take one task back."""
        task.stop(self.now(), BY_SPOT, SPOT_REASON)

    def _usable(self, request: Mapping[str, Any]) -> Answer:
        network = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
        if not network.get("subnets"):
            raise errors.parameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
        definition = self.definitions.find(request["taskDefinition"])
        if definition["status"] != "ACTIVE":
            raise errors.client("TaskDefinition is inactive")
        return definition

    def _make(self, request: Mapping[str, Any], definition: Answer, cluster: str) -> Task:
        overrides = {each["name"]: each for each in (request.get("overrides") or {}).get("containerOverrides") or []}
        containers = []
        needed = {
            need["containerName"]
            for each in definition["containerDefinitions"]
            for need in each.get("dependsOn") or []
            if need["condition"] == "SUCCESS"
        }
        for each in definition["containerDefinitions"]:
            variables = [*(each.get("environment") or []), *(overrides.get(each["name"], {}).get("environment") or [])]
            environment = {variable["name"]: variable["value"] for variable in variables}
            script = _script(environment)
            if each["name"] in needed and script.run_for is None:
                script = msgspec.structs.replace(script, run_for=0.0)
            containers.append(Container(each, environment, script, self._fetch(each)))
        self._fail_if_scripted(request, containers[0].script)
        identifier = f"{self._random.getrandbits(128):032x}"
        arn = self.arn("task", f"{cluster}/{identifier}")
        try:
            self.model.quotas.take(arn, {"vCPU": int(definition["cpu"]) / 1024})
        except QuotaExceeded:
            raise errors.client("You've reached the limit on the number of vCPUs you can run concurrently") from None
        first = containers[0].script.start_after
        pace = Pace(
            self.model.takes("schedule"),
            self.model.takes("start") if first is None else first,
            self.model.takes("end"),
            self.model.takes("agent"),
        )
        task = Task(arn, request, containers, pace, self.now())
        task.constant = self._constant(task, request, definition, cluster)
        self.tasks[arn] = task
        group = task.constant["group"]
        self.made[group] = self.made.get(group, 0) + 1
        return task

    def _constant(self, task: Task, request: Mapping[str, Any], definition: Answer, cluster: str) -> Answer:
        strategy = request.get("capacityProviderStrategy") or [{"capacityProvider": "FARGATE"}]
        self._addresses += 1
        low = self._addresses
        address = f"10.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"
        subnet = request["networkConfiguration"]["awsvpcConfiguration"]["subnets"][0]
        details = {"subnetId": subnet, "networkInterfaceId": f"eni-{low:017x}", "privateIPv4Address": address}
        version = request.get("platformVersion") or "LATEST"
        return {
            "taskArn": task.arn,
            "clusterArn": self.arn("cluster", cluster),
            "taskDefinitionArn": definition["taskDefinitionArn"],
            "group": request.get("group") or f"family:{definition['family']}",
            "startedBy": request.get("startedBy") or "",
            "launchType": "FARGATE",
            "capacityProviderName": strategy[0]["capacityProvider"],
            "platformVersion": "1.4.0" if version == "LATEST" else version,
            "platformFamily": "Linux",
            "availabilityZone": f"{self.region}a",
            "cpu": definition["cpu"],
            "memory": definition["memory"],
            "connectivity": "CONNECTED",
            "healthStatus": "UNKNOWN",
            "enableExecuteCommand": bool(request.get("enableExecuteCommand")),
            "overrides": request.get("overrides") or {"containerOverrides": []},
            "tags": list(request.get("tags") or []),
            "attachments": [
                {
                    "id": f"{low:08x}-0000-4000-8000-000000000000",
                    "type": "ElasticNetworkInterface",
                    "status": "ATTACHED",
                    "details": [{"name": name, "value": value} for name, value in details.items()],
                }
            ],
        }

    def _fail_if_scripted(self, request: Mapping[str, Any], script: Script) -> None:
        if not script.create_error:
            return
        group = str(request.get("group"))
        failed = self._failed_creates.get(group, 0)
        if script.create_errors is None or failed < script.create_errors:
            self._failed_creates[group] = failed + 1
            raise {
                "retryable": errors.unavailable(),
                "invalid": errors.parameter("the script says so"),
                "permanent": errors.AwsError("BlockedException", "Your account has been blocked: the script says so"),
            }[script.create_error]

    def _is_gone(self, task: Task) -> bool:
        """Whether nobody is told of the task any more; what it took is given back when it has stopped."""
        now = self.now()
        if now < task.stopped_at:
            return False
        self.model.quotas.release(task.arn)
        if now - task.stopped_at < KEPT_FOR:
            return False
        self.tasks.pop(task.arn, None)
        return True


def _script(environment: Mapping[str, str]) -> Script:
    if VARIABLE not in environment:
        return NO_SCRIPT
    try:
        return msgspec.json.decode(environment[VARIABLE].encode(), type=Script)
    except msgspec.DecodeError as error:
        raise errors.parameter(f"{VARIABLE}: {error}") from None
