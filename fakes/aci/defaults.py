"""Numbers and names of the real service, as far as they are known. Everything that a user may want otherwise is here.

Sources: the service's quota and limit tables, Resource Manager's throttling limits, answers that Microsoft's own tools
recorded. What is only a guess says so.
"""

from fakes.cloud.settings import CloudSettings, Latency, Rate

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
TENANT = "22222222-2222-2222-2222-222222222222"
RESOURCE_GROUP = "vksim"
REGION = "westeurope"

API_VERSION = "2023-05-01"
API_VERSIONS = ("2021-07-01", "2021-09-01", "2021-10-01", "2022-09-01", "2022-10-01-preview", API_VERSION)
"""All of one shape. Later ones have other answers, so they are refused rather than answered wrongly."""
OPERATIONS_VERSION = "2018-06-01"
"""Of the URLs at which asynchronous operations are polled."""

PAGE_SIZE = 100
"""Container groups in one page of a list (a guess)."""
POLL_SECONDS = 10
"""``Retry-After`` of an operation that is not over (a guess)."""
THROTTLED_SECONDS = 30
"""``Retry-After`` where nothing else says how long a throttled caller is to wait (a guess)."""
PROVISIONING_TIMEOUT = 1800.0
"""Seconds after which a group that has not started is Failed; it may start all the same."""
BACKOFF_FIRST, BACKOFF_LONGEST = 10.0, 300.0
"""Seconds before a container is started again; the first time it is at once, then so long, then doubled each time."""
STOP_GRACE = 30.0
"""Seconds that containers have to end when they are told to (a guess)."""

MAX_CONTAINERS = 60
MAX_VOLUMES = 20
MAX_PORTS = 5
MAX_CPU, MAX_MEMORY_GB = 4.0, 16.0
"""Of a container group without a GPU, where the region does not say otherwise."""
MIN_CPU, MIN_MEMORY_GB = 0.01, 0.1
"""Of a container; both are also the steps."""
GPU_LIMITS = {"V100": {1: (6.0, 112.0), 2: (12.0, 224.0), 4: (24.0, 448.0)}}
"""SKU -> GPUs -> the most CPUs and memory (GB) beside them. K80 and P100 are no longer offered."""

LOG_BYTES_RUNNING = 4 * 1024 * 1024
LOG_BYTES_ENDED, LOG_LINES_ENDED = 16 * 1024, 1000

CACHED_IMAGES = (
    ("Linux", "mcr.microsoft.com/azuredocs/aci-helloworld:latest"),
    ("Linux", "ubuntu:22.04"),
    ("Linux", "alpine:3.18"),
    ("Windows", "mcr.microsoft.com/windows/nanoserver:ltsc2022"),
)

READS = (
    "get",
    "list",
    "logs",
    "usages",
    "capabilities",
    "cached-images",
    "operations",
    "poll",
    "metrics",
    "outbound-dependencies",
    "get-subnet",
    "get-resource-group",
)
WRITES = (
    "create",
    "update",
    "start",
    "stop",
    "restart",
    "exec",
    "attach",
    "put-subnet",
    "put-resource-group",
)
DELETES = ("delete", "delete-subnet", "delete-link", "delete-resource-group")

HOUR, FIVE_MINUTES = 3600.0, 300.0


def _rate(name: str, burst: int, seconds: float, operations: tuple[str, ...]) -> dict[str, Rate]:
    """A rate that also answers to its own name, so that what is left of it alone can be asked for."""
    return {name: Rate(burst, burst / seconds, (name, *operations))}


RATES = {
    **_rate("subscription-reads", 12000, HOUR, READS),
    **_rate("subscription-writes", 1200, HOUR, WRITES),
    **_rate("subscription-deletes", 15000, HOUR, DELETES),
    **_rate("creates-pt1h", 300, HOUR, ("create",)),
    **_rate("creates-pt5m", 100, FIVE_MINUTES, ("create",)),
    **_rate("deletes-pt1h", 300, HOUR, ("delete",)),
    **_rate("deletes-pt5m", 100, FIVE_MINUTES, ("delete",)),
}

QUOTAS = {
    "ContainerGroups": 100.0,
    "StandardCores": 100.0,
    "StandardSpotCores": 100.0,
    "StandardK80Cores": 0.0,
    "StandardP100Cores": 0.0,
    "StandardV100Cores": 4.0,
    "DedicatedContainerGroups": 0.0,
    "DedicatedCores": 0.0,
    "ConfidentialContainerGroups": 100.0,
    "ConfidentialCores": 100.0,
}

LATENCIES = {
    "provision": Latency(25.0, 60.0),
    "restart": Latency(8.0, 20.0),
    "transition": Latency(10.0),
    "write": Latency(1.5, 5.0),
    "delete": Latency(2.5, 8.0),
    "read": Latency(0.15, 1.0),
}
"""``provision``: from a create to running containers. ``restart``: the same for containers that ran before.
``transition``: how long a group refuses further changes after one (the documentation advises 10 s between them).
``write``, ``delete``, ``read``: until such a call is answered."""

SETTINGS = CloudSettings(latencies=LATENCIES, quotas=QUOTAS, rates=RATES)


def merged(settings: CloudSettings | None) -> CloudSettings:
    """These settings, with what they leave out as it is in reality."""
    if settings is None:
        return SETTINGS
    return CloudSettings(
        latencies={**LATENCIES, **settings.latencies},
        quotas={**QUOTAS, **settings.quotas},
        rates={**RATES, **settings.rates},
        faults=settings.faults,
    )
