"""How the cloud behaves unless told otherwise: times that are usual, quotas and rates as documented."""

from fakes.cloud.settings import CloudSettings, Latency, Rate

REGION = "cn-hangzhou"
KEY_ID, SECRET = "FAKEACCESSKEY", "not-a-secret"
"""The key that the fake takes."""


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
        "CreateContainerGroup": _a_minute(1000),
        "DeleteContainerGroup": _a_minute(1000),
        "DescribeContainerGroups": _a_minute(2000),
        "DescribeContainerGroupStatus": _a_minute(2000),
        "DescribeContainerLog": _a_minute(500),
        "ExecContainerCommand": _a_minute(500),
        "RestartContainerGroup": _a_minute(500),
        "UpdateContainerGroup": _a_minute(500),
        "CreateImageCache": _a_minute(200),
    },
)
"""``schedule``: until a group has its place; ``start``: until its containers run (images are pulled);
``update``: until they run again; ``call``: what any call takes."""
