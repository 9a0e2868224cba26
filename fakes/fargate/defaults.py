"""How the cloud behaves unless told otherwise: times that are usual, and rates as AWS documents them."""

from fakes.cloud.settings import CloudSettings, Latency, Rate

REGION = "eu-west-1"
ACCOUNT = "123456789012"
OPERATIONS = {
    "RunTask": "create",
    "StopTask": "delete",
    "ListTasks": "list",
    "DescribeTasks": "status",
    "ExecuteCommand": "exec",
    "RegisterTaskDefinition": "register",
    "DeregisterTaskDefinition": "deregister",
    "DescribeTaskDefinition": "definition",
    "DeleteTaskDefinitions": "delete-definitions",
    "ListTaskDefinitionFamilies": "definition",
    "ListTaskDefinitions": "definition",
    "CreateCluster": "create-cluster",
    "DescribeClusters": "clusters",
    "GetLogEvents": "logs",
    "DescribeLogGroups": "log-groups",
    "PutParameter": "put-parameter",
    "CreateSecret": "create-secret",
}
"""Operation -> the name by which rates and faults know it: the same for all fake clouds, where they have the same."""
RATES = {
    "launches": Rate(burst=100, per_second=20, operations=("create",)),
    "run-task": Rate(burst=20, per_second=20, operations=("create",)),
    "cluster-modify": Rate(burst=100, per_second=40, operations=("create", "delete", "exec")),
    "cluster-read": Rate(burst=100, per_second=20, operations=("list", "status")),
    "definition-modify": Rate(burst=20, per_second=1, operations=("register", "deregister")),
    "definition-delete": Rate(burst=5, per_second=1, operations=("delete-definitions",)),
    "definition-read": Rate(burst=50, per_second=20, operations=("definition",)),
    "cluster-resource-modify": Rate(burst=20, per_second=1, operations=("create-cluster",)),
    "cluster-resource-read": Rate(burst=50, per_second=20, operations=("clusters",)),
    "logs": Rate(burst=25, per_second=25),
}
"""Amazon ECS, request throttling for the API: the buckets of an account in a region."""
REALISTIC = CloudSettings(
    latencies={
        "call": Latency(median=0.08, p99=0.5),
        "schedule": Latency(median=8, p99=20),
        "start": Latency(median=15, p99=60),
        "end": Latency(median=10, p99=30),
        "agent": Latency(median=2, p99=8),
    },
    quotas={"vCPU": 100_000},
    rates=RATES,
)
"""``schedule``: until a task has its network interface; ``start``: until its images are pulled; ``end``: until the
interface is gone; ``agent``: from a container's start until it takes commands; ``call``: what any call takes."""
