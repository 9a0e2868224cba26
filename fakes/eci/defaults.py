"""How the cloud behaves unless told otherwise: times that are usual, quotas and rates as documented."""

from fakes.cloud.settings import CloudSettings, Latency, Rate

REGION = "cn-hangzhou"
KEY_ID, SECRET = "FAKEACCESSKEY", "not-a-secret"
"""The key that the fake takes."""


OPERATIONS = {
    "CreateContainerGroup": "create",
    "DescribeContainerGroups": "list",
    "DescribeContainerGroupStatus": "status",
    "DescribeContainerGroupEvents": "events",
    "DeleteContainerGroup": "delete",
    "UpdateContainerGroup": "update",
    "RestartContainerGroup": "restart",
    "DescribeContainerLog": "logs",
    "ExecContainerCommand": "exec",
    "DescribeContainerGroupMetric": "metrics",
    "DescribeMultiContainerGroupMetric": "metrics",
    "DescribeContainerGroupPrice": "prices",
    "DescribeRegions": "regions",
    "DescribeAvailableResource": "stock",
    "ListUsage": "usages",
    "CreateImageCache": "create-image-cache",
    "DescribeImageCaches": "list-image-caches",
    "DeleteImageCache": "delete-image-cache",
}
"""Action -> the name by which rates and faults know it: the same for all fake clouds, where they have the same."""


def _a_minute(calls: int) -> Rate:
    """A documented limit of calls a minute; a tenth of it may come at once."""
    return Rate(burst=calls // 10, per_second=calls / 60)


REALISTIC = CloudSettings(
    latencies={
        "call": Latency(median=0.12, p99=0.6),
        "schedule": Latency(median=3, p99=10),
        "start": Latency(median=12, p99=45),
        "update": Latency(median=8, p99=20),
        "image-cache": Latency(median=300, p99=900),
    },
    quotas={"vCPU": 100_000, "ImageCaches": 100},
    rates={
        "create": _a_minute(1000),
        "delete": _a_minute(1000),
        "list": _a_minute(2000),
        "status": _a_minute(2000),
        "logs": _a_minute(500),
        "exec": _a_minute(500),
        "restart": _a_minute(500),
        "update": _a_minute(500),
        "create-image-cache": _a_minute(200),
    },
)
"""``schedule``: until a group has its place; ``start``: until its containers run (images are pulled);
``update``: until they run again; ``call``: what any call takes."""
