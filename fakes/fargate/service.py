"""The services behind one function: an operation and its parameters in, a response out. No transport, no waiting."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from fakes.cloud.model import CloudModel
from fakes.cloud.settings import CloudSettings, FaultKind
from fakes.fargate import errors, output
from fakes.fargate.cluster import Account
from fakes.fargate.defaults import OPERATIONS, REALISTIC, REGION
from fakes.fargate.errors import AwsError
from fakes.fargate.sessions import Sessions
from fakes.fargate.tasks import BY_USER

PAGE = 100
NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """What comes back.

    Attributes:
        status: of HTTP.
        body: JSON.
        delay: seconds until it is there.
        heard: whether it gets there; if not, the connection breaks.
    """

    status: int
    body: Answer
    delay: float = 0.0
    heard: bool = True

    def encoded(self) -> bytes:
        """The body's bytes."""
        return json.dumps(self.body, separators=(",", ":")).encode()


class FargateService:
    """A fake of what Fargate is made of: one account in one region.

    Args:
        now: the wall clock.
        random: the only source of chance.
        settings: how the cloud behaves; None for about what the real one does.
        region: its name.

    Attributes:
        model: latencies, quotas, rates, faults, and who has called what.
        account: the state.
        sessions: the commands that may be begun in containers.
        parameters: of the Parameter Store.
        secrets: of Secrets Manager.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        random: Random,
        settings: CloudSettings | None = None,
        *,
        region: str = REGION,
    ) -> None:
        self.model = CloudModel(REALISTIC if settings is None else settings, now, random)
        self.account = Account(region, self.model, now, random)
        self.sessions = Sessions(now, random)
        self.parameters: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.log_groups: dict[str, None] = {}
        self._now = now
        self._lists: dict[str, list[str]] = {}
        self._pages = 0
        self._tables: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "CreateCluster": self._create_cluster,
            "DescribeClusters": self._describe_clusters,
            "RegisterTaskDefinition": lambda given: {"taskDefinition": self.account.register(given)},
            "DescribeTaskDefinition": lambda given: {
                "taskDefinition": self.account.definition(given["taskDefinition"])
            },
            "DeregisterTaskDefinition": self._deregister,
            "RunTask": self._run_task,
            "StopTask": self._stop_task,
            "ExecuteCommand": self._execute_command,
            "ListTasks": self._list_tasks,
            "DescribeTasks": self._describe_tasks,
            "GetLogEvents": self._log_events,
            "CreateLogGroup": self._create_log_group,
            "DescribeLogGroups": self._describe_log_groups,
            "PutParameter": self._put_parameter,
            "CreateSecret": self._create_secret,
        }

    def call(self, operation: str, given: Mapping[str, Any]) -> Response:
        """Do what a caller asks for."""
        perform = self._tables.get(operation)
        if perform is None:
            return _refused(AwsError("UnknownOperationException", f"{operation} is not faked"))
        verdict = self.model.admit(OPERATIONS.get(operation, operation), _resource(given), float(given.get("count", 1)))
        delay = self.model.takes("call") + verdict.delay
        if verdict.fault is FaultKind.NO_CAPACITY and operation == "RunTask":
            return Response(200, {"tasks": [], "failures": [{"reason": NO_CAPACITY}]}, delay)
        if not verdict.done:
            error = errors.throttled() if verdict.fault is FaultKind.THROTTLED else errors.unavailable()
            return _refused(error, delay, heard=verdict.heard)
        try:
            answer = perform(given)
        except AwsError as error:
            return _refused(error, delay, heard=verdict.heard)
        if operation == "RunTask":
            delay += self.account.tasks[answer["tasks"][0]["taskArn"]].containers[0].script.create_takes
        return Response(200, answer, delay, verdict.heard)

    # --- ECS --------------------------------------------------------------------------------------------------------

    def _create_cluster(self, given: Mapping[str, Any]) -> Answer:
        name = given.get("clusterName") or "default"
        cluster = self.account.clusters.setdefault(
            name, {"clusterArn": self.account.arn("cluster", name), "clusterName": name, "status": "ACTIVE"}
        )
        return {"cluster": cluster}

    def _describe_clusters(self, given: Mapping[str, Any]) -> Answer:
        found, failures = [], []
        for each in given.get("clusters") or ["default"]:
            name = each.rpartition("/")[2]
            if name in self.account.clusters:
                found.append(self.account.clusters[name])
            else:
                failures.append({"arn": self.account.arn("cluster", name), "reason": "MISSING"})
        return {"clusters": found, "failures": failures}

    def _deregister(self, given: Mapping[str, Any]) -> Answer:
        definition = self.account.definition(given["taskDefinition"])
        definition["status"] = "INACTIVE"
        return {"taskDefinition": definition}

    def _run_task(self, given: Mapping[str, Any]) -> Answer:
        tasks = self.account.run(given)
        return {"tasks": [each.described(self._now()) for each in tasks], "failures": []}

    def _stop_task(self, given: Mapping[str, Any]) -> Answer:
        task = self.account.find(given["task"], self.account.cluster(given))
        self.account.stop(task, BY_USER, given.get("reason") or "Task stopped by user")
        return {"task": task.described(self._now())}

    def _execute_command(self, given: Mapping[str, Any]) -> Answer:
        cluster = self.account.cluster(given)
        task = self.account.find(given["task"], cluster)
        session = self.sessions.open(task, given)
        name = given.get("container") or task.containers[0].name
        return {
            "clusterArn": self.account.arn("cluster", cluster),
            "taskArn": task.arn,
            "containerArn": f"{task.arn}/{name}",
            "containerName": name,
            "interactive": True,
            "session": session,
        }

    def _list_tasks(self, given: Mapping[str, Any]) -> Answer:
        """A page; the following ones are of the moment of the first."""
        cluster, size = self.account.cluster(given), int(given.get("maxResults") or PAGE)
        token = given.get("nextToken")
        if token:
            if token not in self._lists:
                raise errors.parameter("Invalid token.")
            found = self._lists.pop(token)
        else:
            found = self._select(cluster, given)
        answer: Answer = {"taskArns": found[:size]}
        if len(found) > size:
            self._pages += 1
            token = f"page-{self._pages}"
            self._lists[token] = found[size:]
            answer["nextToken"] = token
        return answer

    def _select(self, cluster: str, given: Mapping[str, Any]) -> list[str]:
        now, desired = self._now(), given.get("desiredStatus") or "RUNNING"
        started_by, family = given.get("startedBy"), given.get("family")
        return [
            each.arn
            for each in self.account.of(cluster)
            if each.desired(now) == desired
            and (started_by is None or each.constant["startedBy"] == started_by)
            and (family is None or f"/{family}:" in each.constant["taskDefinitionArn"])
        ]

    def _describe_tasks(self, given: Mapping[str, Any]) -> Answer:
        cluster, wanted, now = self.account.cluster(given), given["tasks"], self._now()
        if len(wanted) > PAGE:
            raise errors.parameter("Tasks cannot be more than 100.")
        found, failures = [], []
        for name in wanted:
            try:
                told = self.account.find(name, cluster).described(now)
            except AwsError:
                failures.append({"arn": name, "reason": "MISSING"})
                continue
            found.append(told if "TAGS" in (given.get("include") or []) else {**told, "tags": []})
        return {"tasks": found, "failures": failures}

    # --- CloudWatch Logs --------------------------------------------------------------------------------------------

    def _create_log_group(self, given: Mapping[str, Any]) -> Answer:
        self.log_groups[given["logGroupName"]] = None
        return {}

    def _describe_log_groups(self, given: Mapping[str, Any]) -> Answer:
        prefix = given.get("logGroupNamePrefix") or ""
        return {"logGroups": [{"logGroupName": each} for each in self.log_groups if each.startswith(prefix)]}

    def _log_events(self, given: Mapping[str, Any]) -> Answer:
        _, container, identifier = [*given["logStreamName"].split("/"), "", ""][:3]
        task = next((each for each in self.account.tasks.values() if each.arn.endswith(f"/{identifier}")), None)
        if task is None or container not in {each.name for each in task.containers}:
            raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.")
        return output.page(task, container, given, self._now())

    # --- secrets ----------------------------------------------------------------------------------------------------

    def _put_parameter(self, given: Mapping[str, Any]) -> Answer:
        self.parameters[given["Name"]] = given["Value"]
        return {"Version": 1, "Tier": "Standard"}

    def _create_secret(self, given: Mapping[str, Any]) -> Answer:
        if given["Name"] in self.secrets:
            raise AwsError("ResourceExistsException", "The operation failed because the secret already exists.")
        self.secrets[given["Name"]] = given["SecretString"]
        return {"Name": given["Name"]}


def _refused(error: AwsError, delay: float = 0.0, *, heard: bool = True) -> Response:
    return Response(error.status, error.body(), delay, heard)


def _resource(given: Mapping[str, Any]) -> str:
    """What a call is about: a capacity provider and a subnet for a launch, else a task's ARN."""
    if "taskDefinition" in given and "networkConfiguration" in given:
        strategy = given.get("capacityProviderStrategy") or [{"capacityProvider": "FARGATE"}]
        subnets = (given["networkConfiguration"].get("awsvpcConfiguration") or {}).get("subnets") or [""]
        return f"{strategy[0]['capacityProvider']}/{subnets[0]}"
    return str(given.get("task") or "")
