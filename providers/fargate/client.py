"""The calls that the provider makes, on boto3: paced, in pages and hundreds, with errors in the provider's words."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from providers.base import BlockingCalls
from providers.errors import Invalid, NotFound
from providers.fargate import failures
from providers.fargate.failures import NoCapacity, Throttled
from providers.fargate.traffic import Traffic

PAGE = 100
"""Tasks that a list gives and a describe takes."""
LOG_PAGE = 10_000

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

    async def definition(self, family: str) -> str:
        """The ARN of a family's newest definition. Raises NotFound."""
        try:
            answer = await self._call(
                "DescribeTaskDefinition", self._services.ecs.describe_task_definition, taskDefinition=family
            )
        except Invalid as error:  # ClientException: Unable to describe task definition.
            raise NotFound(str(error)) from error
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    async def register(self, definition: Mapping[str, Any]) -> str:
        """Register a definition: its ARN."""
        answer = await self._call("RegisterTaskDefinition", self._services.ecs.register_task_definition, **definition)
        return str(answer["taskDefinition"]["taskDefinitionArn"])

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
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            answer = await self._call(
                "ListTasks",
                self._services.ecs.list_tasks,
                cluster=self._cluster,
                desiredStatus=desired,
                maxResults=PAGE,
                **token,
            )
            found += answer["taskArns"]
            if not answer.get("nextToken"):
                return found
            token = {"nextToken": answer["nextToken"]}

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
        try:
            await self._blocking(self._services.secretsmanager.create_secret, Name=name, SecretString=value)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceExistsException":
                raise failures.translated(error) from error
        except BotoCoreError as error:
            raise failures.translated(error) from error

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
