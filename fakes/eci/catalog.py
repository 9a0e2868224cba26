"""What the region has on offer: zones, sizes, instance types, prices. Made up, but of the right shape and size."""

from typing import NamedTuple

from fakes.eci.errors import EciError

REGIONS = ("cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-shenzhen", "ap-southeast-1", "us-west-1", "eu-central-1")
ZONE_LETTERS = ("b", "h", "i", "j")
CPUS = (0.25, 0.5, 1, 2, 4, 8, 12, 16, 24, 32, 52, 64)
"""vCPU that a group may have; what is asked for is rounded up."""
MOST_CPU = CPUS[-1]
MEMORY_PER_CPU = (1, 2, 4, 8)
"""GiB for each vCPU."""
DEFAULT_CPU, DEFAULT_MEMORY = 2.0, 4.0
"""Of a group that says nothing."""

PRICE_OF_CPU, PRICE_OF_MEMORY = 0.000049, 0.00000613
"""Of a vCPU and of a GiB, a second."""
SPOT_SHARE = 0.2
"""What spare capacity costs, of the full price."""
CURRENCY = "CNY"


class Size(NamedTuple):
    """vCPU, GiB, GPUs."""

    cpu: float
    memory: float
    gpu: int = 0


TYPES = {
    **{
        f"ecs.c6.{name}": Size(cpu, cpu * 2)
        for name, cpu in (("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16))
    },
    **{
        f"ecs.g6.{name}": Size(cpu, cpu * 4)
        for name, cpu in (("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16))
    },
    **{
        f"ecs.r6.{name}": Size(cpu, cpu * 8)
        for name, cpu in (("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16))
    },
    "ecs.gn6i-c4g1.xlarge": Size(4, 15, 1),
    "ecs.gn6v-c8g1.2xlarge": Size(8, 32, 1),
}


def zones(region: str) -> tuple[str, ...]:
    """The region's zones."""
    return tuple(f"{region}-{letter}" for letter in ZONE_LETTERS)


def size(cpu: float, memory: float) -> Size:
    """The smallest offered size that holds it.

    Raises:
        EciError: there is none.
    """
    for offered in CPUS:
        if offered < cpu:
            continue
        for ratio in MEMORY_PER_CPU:
            if offered * ratio >= memory:
                return Size(float(offered), float(offered * ratio))
    raise EciError(400, "InvalidParameter.CPU.Memory", f"The size of {cpu:g} vCPU and {memory:g} GiB is not supported.")


def price(of: Size, *, spot: bool) -> float:
    """For an hour."""
    full = 3600 * (of.cpu * PRICE_OF_CPU + of.memory * PRICE_OF_MEMORY)
    return round(full * (SPOT_SHARE if spot else 1), 6)
