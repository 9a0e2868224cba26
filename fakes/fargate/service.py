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
from fakes.fargate.beside import SERVICES, Beside
from fakes.fargate.bus import LONGEST_WAIT, Bus
from fakes.fargate.cluster import Account
from fakes.fargate.defaults import ACCOUNT, OPERATIONS, REALISTIC, REGION
from fakes.fargate.errors import AwsError
from fakes.fargate.requests import Request
from fakes.fargate.sessions import Sessions
from fakes.fargate.tasks import BY_USER

PAGE = 100
NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"

Answer = dict[str, Any]
JSON = "application/x-amz-json-1.1"


@dataclass(frozen=True, slots=True)
class Response:
    """What comes back.

    Attributes:
        status: of HTTP.
        body: its bytes.
        delay: seconds until it is there.
        heard: whether it gets there; if not, the connection breaks.
        kind: of content.
    """

    status: int
    body: bytes
    delay: float = 0.0
    heard: bool = True
    kind: str = JSON


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
        beside: what is no task: networks, roles, secrets, log groups.
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
        self.beside = Beside(region, ACCOUNT)
        self.account = Account(region, self.model, now, random, self._fetched)
        self.sessions = Sessions(now, random, self.beside.secret)
        self._bus = Bus(self.account, self.beside)
        self._now = now
        self._lists: dict[str, list[str]] = {}
        self._pages = 0
        definitions = self.account.definitions
        self._tables: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "CreateCluster": self._create_cluster,
            "DescribeClusters": self._describe_clusters,
            "RegisterTaskDefinition": self._register,
            "DescribeTaskDefinition": self._describe_definition,
            "DeregisterTaskDefinition": lambda given: {
                "taskDefinition": definitions.deregister(given["taskDefinition"])
            },
            "DeleteTaskDefinitions": lambda given: definitions.delete(given["taskDefinitions"]),
            "ListTaskDefinitionFamilies": self._list_families,
            "ListTaskDefinitions": self._list_definitions,
            "RunTask": self._run_task,
            "StopTask": self._stop_task,
            "ExecuteCommand": self._execute_command,
            "ListTasks": self._list_tasks,
            "DescribeTasks": self._describe_tasks,
            "GetLogEvents": self._log_events,
        }

    def handle(self, request: Request) -> Response:
        """Do what a caller asks for."""
        operation, perform = request.operation, self._tables.get(request.operation)
        if perform is None and request.service not in SERVICES:
            return _refused(request, AwsError("UnknownOperationException", f"{operation} is not faked"))
        try:
            given = {} if perform is None else request.given()
        except AwsError as error:
            return _refused(request, error)
        verdict = self.model.admit(OPERATIONS.get(operation, operation), _resource(given), float(given.get("count", 1)))
        delay = self.model.takes("call") + verdict.delay
        if verdict.fault is FaultKind.NO_CAPACITY and operation == "RunTask":
            return _answered({"tasks": [], "failures": [{"reason": NO_CAPACITY}]}, delay)
        if not verdict.done:
            wrong = errors.throttled() if verdict.fault is FaultKind.THROTTLED else errors.unavailable()
            return _refused(request, wrong, delay, heard=verdict.heard)
        try:
            if perform is None:
                if (request.service, operation) == ("sqs", "ReceiveMessage"):
                    return self._receive(request, delay, heard=verdict.heard)
                status, headers, body = self.beside.answer(request)
                kind = next((value for name, value in headers.items() if name.lower() == "content-type"), JSON)
                return Response(status, body, delay, verdict.heard, kind)
            answer = perform(given)
        except AwsError as error:
            return _refused(request, error, delay, heard=verdict.heard)
        if operation == "RunTask":
            delay += self.account.tasks[answer["tasks"][0]["taskArn"]].containers[0].script.create_takes
        return _answered(answer, delay, heard=verdict.heard)

    def _receive(self, request: Request, delay: float, *, heard: bool) -> Response:
        """A queue's messages, also the news of tasks. Waiting is not moto's, whose clock is the machine's."""
        self._bus.deliver(self._now())
        given = request.given()
        wait = min(float(given.pop("WaitTimeSeconds", 0)), LONGEST_WAIT)
        answer = self.beside.ask("sqs", "ReceiveMessage", **given)
        return _answered(answer, delay if answer.get("Messages") else delay + wait, heard=heard)

    def _fetched(self, definition: Mapping[str, Any]) -> str:
        """What a container refers to in the stores of secrets, fetched: why it cannot be, if it cannot."""
        try:
            for each in definition.get("secrets") or []:
                self.beside.secret(each["valueFrom"])
            if login := definition.get("repositoryCredentials"):
                self.beside.login(login["credentialsParameter"])
        except AwsError as error:
            return f"ResourceInitializationError: unable to pull secrets or registry auth: {error}"
        return ""

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

    def _register(self, given: Mapping[str, Any]) -> Answer:
        answer: Answer = {"taskDefinition": self.account.definitions.register(given)}
        return {**answer, "tags": given["tags"]} if given.get("tags") else answer

    def _describe_definition(self, given: Mapping[str, Any]) -> Answer:
        definition = self.account.definitions.find(given["taskDefinition"])
        answer: Answer = {"taskDefinition": definition}
        return {**answer, "tags": self.account.definitions.tags(definition)} if _with_tags(given) else answer

    def _list_families(self, given: Mapping[str, Any]) -> Answer:
        prefix, status = given.get("familyPrefix") or "", given.get("status") or "ALL"
        return self._page("families", given, lambda: self.account.definitions.families(prefix, status))

    def _list_definitions(self, given: Mapping[str, Any]) -> Answer:
        family, status = given.get("familyPrefix") or "", given.get("status") or "ACTIVE"
        return self._page("taskDefinitionArns", given, lambda: self.account.definitions.arns(family, status))

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
        cluster = self.account.cluster(given)
        return self._page("taskArns", given, lambda: self._select(cluster, given))

    def _page(self, name: str, given: Mapping[str, Any], select: Callable[[], list[str]]) -> Answer:
        """A page of names; the following ones are of the moment of the first."""
        size, token = int(given.get("maxResults") or PAGE), given.get("nextToken")
        if token:
            if token not in self._lists:
                raise errors.parameter("Invalid token.")
            found = self._lists.pop(token)
        else:
            found = select()
        answer: Answer = {name: found[:size]}
        if len(found) > size:
            self._pages += 1
            answer["nextToken"] = f"page-{self._pages}"
            self._lists[answer["nextToken"]] = found[size:]
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
            found.append(told if _with_tags(given) else {**told, "tags": []})
        return {"tasks": found, "failures": failures}

    # --- CloudWatch Logs --------------------------------------------------------------------------------------------

    def _log_events(self, given: Mapping[str, Any]) -> Answer:
        _, container, identifier = [*given["logStreamName"].split("/"), "", ""][:3]
        task = next((each for each in self.account.tasks.values() if each.arn.endswith(f"/{identifier}")), None)
        if task is None or container not in {each.name for each in task.containers}:
            raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.")
        return output.page(task, container, given, self._now())


def _with_tags(given: Mapping[str, Any]) -> bool:
    return "TAGS" in (given.get("include") or [])


def _answered(answer: Answer, delay: float, *, heard: bool = True) -> Response:
    return Response(200, json.dumps(answer, separators=(",", ":")).encode(), delay, heard)


def _refused(request: Request, error: AwsError, delay: float = 0.0, *, heard: bool = True) -> Response:
    body, kind = request.refusal(error)
    return Response(error.status, body, delay, heard, kind)


def _resource(given: Mapping[str, Any]) -> str:
    """What a call is about: a capacity provider and a subnet for a launch, else a task's ARN."""
    if "taskDefinition" in given and "networkConfiguration" in given:
        strategy = given.get("capacityProviderStrategy") or [{"capacityProvider": "FARGATE"}]
        subnets = (given["networkConfiguration"].get("awsvpcConfiguration") or {}).get("subnets") or [""]
        return f"{strategy[0]['capacityProvider']}/{subnets[0]}"
    return str(given.get("task") or "")
