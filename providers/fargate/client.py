"""The calls that the provider makes, on boto3: paced, in pages and hundreds, with errors in the provider's words."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from providers.base import BlockingCalls
from providers.errors import Invalid
from providers.fargate import failures
from providers.fargate.failures import Exists, NoCapacity, Throttled
from providers.fargate.traffic import Traffic

PAGE = 100
"""Tasks that a list gives and a describe takes."""
LOG_PAGE = 10_000
LONG_POLL = 5
"""Seconds that a queue is waited for. SQS allows 20; but a thread is busy meanwhile, and the end of a runner waits."""
CLUSTER_TAG = "virtual-kubelet/cluster"
"""Of a task definition: whose node has registered it."""

Answer = dict[str, Any]


class Service(Protocol):
    """A client of the SDK: its operations are methods that it makes from AWS's own descriptions."""

    def __getattr__(self, name: str) -> Any: ...


class Services:
    """The SDK's clients; one of each for a process, made when it is first needed.

    Args:
        make: makes the client of a service.
    """

    def __init__(self, make: Callable[[str], Service]) -> None:
        self._make = make

    @cached_property
    def ecs(self) -> Service:
        """Elastic Container Service."""
        return self._make("ecs")

    @cached_property
    def logs(self) -> Service:
        """CloudWatch Logs."""
        return self._make("logs")

    @cached_property
    def ssm(self) -> Service:
        """The Parameter Store."""
        return self._make("ssm")

    @cached_property
    def secretsmanager(self) -> Service:
        """Secrets Manager."""
        return self._make("secretsmanager")

    @cached_property
    def ec2(self) -> Service:
        """Networks."""
        return self._make("ec2")

    @cached_property
    def iam(self) -> Service:
        """Roles."""
        return self._make("iam")

    @cached_property
    def sqs(self) -> Service:
        """Queues."""
        return self._make("sqs")


class Definition(NamedTuple):
    """A task definition.

    Attributes:
        content: as DescribeTaskDefinition tells it.
        tags: by their keys.
    """

    content: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def arn(self) -> str:
        """What the cloud calls it."""
        return str(self.content["taskDefinitionArn"])

    @property
    def cluster(self) -> str:
        """Whose node has registered it."""
        return self.tags.get(CLUSTER_TAG, "")

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secret values that it refers to."""
        containers = self.content["containerDefinitions"]
        parameters = [given["valueFrom"] for each in containers for given in each.get("secrets") or []]
        logins = [
            each["repositoryCredentials"]["credentialsParameter"]
            for each in containers
            if "repositoryCredentials" in each
        ]
        return frozenset((*parameters, *logins))


class FargateClient:
    """One cluster.

    Args:
        services: the SDK.
        cluster: its name.
        blocking: runs calls that block.
        traffic: paces the calls of the whole process.
    """

    def __init__(self, services: Services, cluster: str, blocking: BlockingCalls, traffic: Traffic) -> None:
        self._services = services
        self._cluster = cluster
        self._blocking = blocking
        self._traffic = traffic

    # --- cluster and definitions ------------------------------------------------------------------------------------

    async def cluster_status(self) -> str:
        """ACTIVE, INACTIVE and so on; MISSING if there is none."""
        answer = await self._call("DescribeClusters", self._services.ecs.describe_clusters, clusters=[self._cluster])
        return str(answer["clusters"][0]["status"]) if answer["clusters"] else "MISSING"

    async def make_cluster(self) -> None:
        """Make the cluster."""
        await self._call(
            "CreateCluster",
            self._services.ecs.create_cluster,
            clusterName=self._cluster,
            capacityProviders=["FARGATE", "FARGATE_SPOT"],
        )

    async def definition(self, name: str) -> Definition | None:
        """A definition by its ARN, or a family's newest one that is active; None if there is none."""
        try:
            answer = await self._call(
                "DescribeTaskDefinition",
                self._services.ecs.describe_task_definition,
                taskDefinition=name,
                include=["TAGS"],
            )
        except Invalid:  # ClientException: Unable to describe task definition.
            return None
        return Definition(answer["taskDefinition"], {each["key"]: each["value"] for each in answer.get("tags") or []})

    async def register(self, definition: Mapping[str, Any]) -> str:
        """Register a definition: its ARN."""
        tags = [{"key": CLUSTER_TAG, "value": self._cluster}]
        answer = await self._call(
            "RegisterTaskDefinition", self._services.ecs.register_task_definition, **definition, tags=tags
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    async def deregister(self, arn: str) -> None:
        """Let no further task be run by a definition."""
        await self._call("DeregisterTaskDefinition", self._services.ecs.deregister_task_definition, taskDefinition=arn)

    async def families(self, prefix: str) -> list[str]:
        """The families that begin so and have an active definition."""
        return await self._all(
            "ListTaskDefinitionFamilies",
            self._services.ecs.list_task_definition_families,
            "families",
            familyPrefix=prefix,
            status="ACTIVE",
        )

    # --- tasks ------------------------------------------------------------------------------------------------------

    async def run(self, request: Mapping[str, Any]) -> Answer:
        """Start a task. Raises NoCapacity."""
        self._traffic.check_room()
        answer = await self._call("RunTask", self._services.ecs.run_task, cluster=self._cluster, count=1, **request)
        if answer.get("tasks"):
            self._traffic.found_room()
            return dict(answer["tasks"][0])
        failure = (answer.get("failures") or [{"reason": "no task and no reason"}])[0]
        error = failures.refused(failure.get("reason", ""), failure.get("detail", ""))
        if isinstance(error, NoCapacity):
            error.delay = self._traffic.full()
        raise error

    async def stop(self, arn: str, reason: str) -> None:
        """End a task. Raises NotFound."""
        await self._call("StopTask", self._services.ecs.stop_task, cluster=self._cluster, task=arn, reason=reason)

    async def arns(self, desired: str) -> list[str]:
        """The cluster's tasks with this desired status, on all pages."""
        return await self._all(
            "ListTasks",
            self._services.ecs.list_tasks,
            "taskArns",
            cluster=self._cluster,
            desiredStatus=desired,
            maxResults=PAGE,
        )

    async def has_tasks(self, family: str) -> bool:
        """Whether the cluster has tasks by a definition of that family, also such as have just stopped."""
        for desired in ("RUNNING", "STOPPED"):
            answer = await self._call(
                "ListTasks",
                self._services.ecs.list_tasks,
                cluster=self._cluster,
                desiredStatus=desired,
                family=family,
                maxResults=1,
            )
            if answer["taskArns"]:
                return True
        return False

    async def tasks(self, arns: Sequence[str]) -> list[Answer]:
        """Those of the tasks that the cloud has."""
        found: list[Answer] = []
        for first in range(0, len(arns), PAGE):
            answer = await self._call(
                "DescribeTasks",
                self._services.ecs.describe_tasks,
                cluster=self._cluster,
                tasks=list(arns[first : first + PAGE]),
            )
            found += answer["tasks"]
        return found

    async def command(self, arn: str, container: str, command: str) -> Answer:
        """Begin a command: its session. Raises NotConnected."""
        answer = await self._call(
            "ExecuteCommand",
            self._services.ecs.execute_command,
            cluster=self._cluster,
            task=arn,
            container=container,
            command=command,
            interactive=True,
        )
        return dict(answer["session"])

    # --- beside ECS -------------------------------------------------------------------------------------------------

    async def log_events(self, group: str, stream: str, **options: Any) -> Answer:
        """A page of a log. Raises NotFound."""
        return await self._call(
            "GetLogEvents", self._services.logs.get_log_events, logGroupName=group, logStreamName=stream, **options
        )

    async def has_log_group(self, group: str) -> bool:
        """Whether the log group is there."""
        answer = await self._call(
            "DescribeLogGroups", self._services.logs.describe_log_groups, logGroupNamePrefix=group
        )
        return any(each["logGroupName"] == group for each in answer["logGroups"])

    async def subnets(self, names: Sequence[str]) -> list[Answer]:
        """Those of the subnets that there are."""
        which = [{"Name": "subnet-id", "Values": list(names)}]
        answer = await self._call("DescribeSubnets", self._services.ec2.describe_subnets, Filters=which)
        return list(answer["Subnets"])

    async def security_groups(self, names: Sequence[str]) -> list[Answer]:
        """Those of the security groups that there are."""
        which = [{"Name": "group-id", "Values": list(names)}]
        answer = await self._call("DescribeSecurityGroups", self._services.ec2.describe_security_groups, Filters=which)
        return list(answer["SecurityGroups"])

    async def role(self, name: str) -> Answer:
        """A role. Raises NotFound."""
        return dict((await self._call("GetRole", self._services.iam.get_role, RoleName=name))["Role"])

    async def messages(self, queue: str) -> list[Answer]:
        """What has come into a queue; waits for it a while."""
        answer = await self._call(
            "ReceiveMessage",
            self._services.sqs.receive_message,
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=LONG_POLL,
        )
        return list(answer.get("Messages") or [])

    async def delete_messages(self, queue: str, receipts: Sequence[str]) -> None:
        """Take messages out of a queue, ten at most."""
        if not receipts:
            return
        entries = [{"Id": str(number), "ReceiptHandle": each} for number, each in enumerate(receipts)]
        await self._call("DeleteMessageBatch", self._services.sqs.delete_message_batch, QueueUrl=queue, Entries=entries)

    async def put_parameter(self, name: str, value: str) -> None:
        """Put a secret value into the Parameter Store."""
        await self._call(
            "PutParameter",
            self._services.ssm.put_parameter,
            Name=name,
            Value=value,
            Type="SecureString",
            Tier="Intelligent-Tiering",
            Overwrite=True,
        )

    async def put_login(self, name: str, value: str) -> None:
        """Put a registry's login into Secrets Manager; one that is there is the same, as its name is its content."""
        with suppress(Exists):
            await self._call("CreateSecret", self._services.secretsmanager.create_secret, Name=name, SecretString=value)

    async def parameters(self, path: str) -> list[str]:
        """The names of the parameters below a path."""
        function = self._services.ssm.get_parameters_by_path
        found = await self._all("GetParametersByPath", function, "Parameters", Path=path, Recursive=True)
        return [each["Name"] for each in found]

    async def delete_parameters(self, names: Sequence[str]) -> None:
        """Delete parameters, ten at a time."""
        for first in range(0, len(names), 10):
            await self._call(
                "DeleteParameters", self._services.ssm.delete_parameters, Names=list(names[first : first + 10])
            )

    async def logins(self, path: str) -> list[str]:
        """The names of the secrets below a path."""
        which = [{"Key": "name", "Values": [f"{path}/"]}]
        found = await self._all("ListSecrets", self._services.secretsmanager.list_secrets, "SecretList", Filters=which)
        return [each["Name"] for each in found]

    async def delete_login(self, name: str) -> None:
        """Delete a secret at once: its value can be made again at any time."""
        await self._call(
            "DeleteSecret",
            self._services.secretsmanager.delete_secret,
            SecretId=name,
            ForceDeleteWithoutRecovery=True,
        )

    async def _all(self, operation: str, function: Any, field: str, **parameters: Any) -> list[Any]:
        """What a list has on all its pages."""
        found: list[Any] = []
        token = ""
        name = "NextToken" if field[0].isupper() else "nextToken"  # Parameter Store and Secrets Manager, else ECS
        while True:
            answer = await self._call(operation, function, **parameters, **({name: token} if token else {}))
            found += answer[field]
            token = answer.get(name) or ""
            if not token:
                return found

    async def _call(self, operation: str, function: Any, **parameters: Any) -> Answer:
        await self._traffic.turn(operation)
        try:
            answer: Answer = await self._blocking(function, **parameters)
        except (ClientError, BotoCoreError) as error:
            wrong = failures.translated(error)
            if isinstance(wrong, Throttled):
                wrong.delay = self._traffic.throttled(operation)
            raise wrong from error
        self._traffic.went_well(operation)
        return answer
