"""What a pod's author may choose of ECI, by the annotations that Alibaba's own virtual node honours.

They count when the group is created; a later change does nothing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from providers import quantity
from providers.eci.config import MOST_VSWITCHES, SCHEDULE_STRATEGIES, SPOT_STRATEGIES
from providers.errors import Invalid

PREFIX = "k8s.aliyun.com/"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)Gi")
"""``2-4Gi``: so many vCPU and so much memory."""


def parameters(annotations: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of the group that the annotations mean.

    Raises:
        Invalid: a value makes no sense; the message names the annotation and the remedy.
    """
    mapped: dict[str, Any] = {}
    for name, (key, read) in _PLAIN.items():
        if (value := annotations.get(name)) is not None:
            mapped[key] = _read(name, value, read)
    if (value := annotations.get(f"{PREFIX}eci-use-specs")) is not None:
        mapped |= _read("eci-use-specs", value, _specs)
    if mapped.get("SpotStrategy") == "SpotWithPriceLimit" and "SpotPriceLimit" not in mapped:
        raise Invalid(
            f"annotation {PREFIX}eci-spot-strategy: SpotWithPriceLimit goes with {PREFIX}eci-spot-price-limit"
        )
    if "EipBandwidth" in mapped and not mapped.get("AutoCreateEip"):
        raise Invalid(f'annotation {PREFIX}eip-bandwidth: goes with {PREFIX}eci-with-eip: "true"')
    return mapped


def _read(name: str, value: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(value.strip())
    except ValueError as error:
        raise Invalid(f"annotation {name}: {value!r}: {error}") from None


def _specs(value: str) -> dict[str, Any]:
    """Instance types, or one size."""
    if size := _SIZE.fullmatch(value):
        return {"Cpu": float(size.group(1)), "Memory": float(size.group(2))}
    types = [each.strip() for each in value.split(",") if each.strip()]
    if not types or any(not each.startswith("ecs.") for each in types):
        raise ValueError("write instance types (ecs.c6.large,ecs.g6.large) or a size (2-4Gi)")
    return {"InstanceType": ",".join(types)}


def _text(value: str) -> str:
    if not value:
        raise ValueError("it is empty")
    return value


def _vswitches(value: str) -> str:
    ids = [each.strip() for each in value.split(",") if each.strip()]
    if not 0 < len(ids) <= MOST_VSWITCHES:
        raise ValueError(f"name 1 to {MOST_VSWITCHES} vSwitches, with commas between")
    return ",".join(ids)


def _switch(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError('write "true" or "false"')
    return value == "true"


def _one_if(value: str) -> int:
    return int(_switch(value))


def _whole(value: str) -> int:
    if not value.isdigit():
        raise ValueError("write a whole number")
    return int(value)


def _price(value: str) -> float:
    price = float(value)
    if price <= 0:
        raise ValueError("write a price above 0")
    return price


def _gib(value: str) -> int:
    return quantity.in_units(value, "1Gi")


def _bits(value: str) -> int:
    """``40M`` is 40,000,000 bit/s, as with the bandwidth plug-in."""
    return quantity.in_units(value, "1")


def _list(value: str) -> list[str]:
    return [each.strip() for each in value.split(",") if each.strip()]


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"it is none of {', '.join(choices)}")
        return value

    return read


_PLAIN: dict[str, tuple[str, Callable[[str], Any]]] = {
    f"{PREFIX}eci-vswitch": ("VSwitchId", _vswitches),
    f"{PREFIX}eci-schedule-strategy": ("ScheduleStrategy", _one_of(*SCHEDULE_STRATEGIES)),
    f"{PREFIX}eci-security-group": ("SecurityGroupId", _text),
    f"{PREFIX}eci-resource-group-id": ("ResourceGroupId", _text),
    f"{PREFIX}eci-ram-role-name": ("RamRoleName", _text),
    f"{PREFIX}eci-spot-strategy": ("SpotStrategy", _one_of(*SPOT_STRATEGIES)),
    f"{PREFIX}eci-spot-price-limit": ("SpotPriceLimit", _price),
    f"{PREFIX}eci-spot-duration": ("SpotDuration", _whole),
    f"{PREFIX}eci-image-cache": ("AutoMatchImageCache", _switch),
    f"{PREFIX}eci-image-snapshot-id": ("ImageSnapshotId", _text),
    f"{PREFIX}eci-with-eip": ("AutoCreateEip", _switch),
    f"{PREFIX}eip-bandwidth": ("EipBandwidth", _whole),
    f"{PREFIX}eci-eip-instanceid": ("EipInstanceId", _text),
    f"{PREFIX}eci-enable-ipv6": ("Ipv6AddressCount", _one_if),
    f"{PREFIX}eci-extra-ephemeral-storage": ("EphemeralStorage", _gib),
    f"{PREFIX}eci-core-pattern": ("CorePattern", _text),
    f"{PREFIX}eci-ntp-server": ("NtpServer", _list),
    f"{PREFIX}plain-http-registry": ("PlainHttpRegistry", _text),
    f"{PREFIX}insecure-registry": ("InsecureRegistry", _text),
    "kubernetes.io/ingress-bandwidth": ("IngressBandwidth", _bits),
    "kubernetes.io/egress-bandwidth": ("EgressBandwidth", _bits),
}
"""Annotation -> the group's parameter, and how its value is read."""
