"""The provider's configuration: ``eci.toml`` with the names of 2018 and today's, and the ``ECI_*`` variables."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from providers import quantity
from providers.durations import parse_seconds
from providers.errors import InvalidConfig

DEFAULT_REGION = "cn-hangzhou"
"""As in 2018."""
SPOT_STRATEGIES = ("NoSpot", "SpotAsPriceGo", "SpotWithPriceLimit")
SCHEDULE_STRATEGIES = ("VSwitchOrdered", "VSwitchRandom")
MOST_VSWITCHES = 10


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; ``token`` goes with temporary ones. Without a key Alibaba's own chain finds one."""

    key_id: str = ""
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class EciConfig:
    """What the operator decides.

    Attributes:
        region: where the groups run.
        endpoint: the API's host (and port); empty for the SDK's choice.
        protocol: https or http.
        credentials: who calls.
        cluster: the cluster's name: tells clusters in one account apart.
        vswitches: where groups get their addresses, in the order of preference; each lies in a zone.
        schedule_strategy: whether that order counts (VSwitchOrdered, the default of several) or not (VSwitchRandom).
        security_group: the groups'.
        zone: only this zone; empty for the vSwitches'.
        resource_group: where the bill goes.
        ram_role: what the containers may do in the account, unless the pod says otherwise.
        cluster_dns: addresses of the cluster's DNS servers, for pods with ``dnsPolicy: ClusterFirst``.
        spot_strategy: NoSpot, SpotAsPriceGo or SpotWithPriceLimit, unless the pod says otherwise.
        spot_price_limit: per hour, with SpotWithPriceLimit.
        image_cache: use image caches where there are fitting ones.
        instance_types: ECS instance types to run on, in the order of preference; empty for sizes by CPU and memory.
        cpu: what the node offers.
        memory: the same.
        pods: the same.
        gpus: the same; 0 for none.
        former_nodes: names of nodes that are gone for good: this node ends what they left behind.
        poll_interval: how long between two looks at groups that are starting or ending.
        operating_system: of 2018's file; always Linux.
    """

    region: str = DEFAULT_REGION
    endpoint: str = ""
    protocol: str = "https"
    credentials: Credentials = Credentials()
    cluster: str = "default"
    vswitches: tuple[str, ...] = ()
    schedule_strategy: str = ""
    security_group: str = ""
    zone: str = ""
    resource_group: str = ""
    ram_role: str = ""
    cluster_dns: tuple[str, ...] = ()
    spot_strategy: str = "NoSpot"
    spot_price_limit: float | None = None
    image_cache: bool = False
    instance_types: tuple[str, ...] = ()
    cpu: str = "1000"
    memory: str = "4Ti"
    pods: str = "1000"
    gpus: int = 0
    former_nodes: tuple[str, ...] = ()
    poll_interval: timedelta = timedelta(seconds=2)
    operating_system: str = "Linux"


def parse(config: Mapping[str, Any], environment: Mapping[str, str], *, source: str) -> EciConfig:
    """The configuration: variables win over the file, as in 2018.

    Raises:
        InvalidConfig: naming the source, the field and the remedy.
    """
    parsed = EciConfig()
    for key, value in config.items():
        if key not in _FIELDS:
            close = difflib.get_close_matches(key, _FIELDS, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(_FIELDS)}"
            raise InvalidConfig(f"{source}: {key}: unknown field{hint}")
        parsed = _with(parsed, _FIELDS[key], value, f"{source}: {key}")
    for name, spec in _VARIABLES.items():
        if environment.get(name):
            parsed = _with(parsed, spec, environment[name], name)
    return _checked(replace(parsed, credentials=_credentials(environment)), source)


def _credentials(environment: Mapping[str, str]) -> Credentials:
    """The access key: of 2018's variables, or Alibaba's own."""
    for key_id, secret, token in _KEYS:
        if environment.get(key_id):
            if not environment.get(secret):
                raise InvalidConfig(f"{secret}: missing, and {key_id} is set; set both, or neither")
            return Credentials(environment[key_id], environment[secret], environment.get(token, ""))
    return Credentials()


def _checked(config: EciConfig, source: str) -> EciConfig:
    if len(config.vswitches) > MOST_VSWITCHES:
        raise InvalidConfig(
            f"{source}: VSwitches: {len(config.vswitches)} of them; at most {MOST_VSWITCHES} can be given"
        )
    if (config.spot_strategy == "SpotWithPriceLimit") != (config.spot_price_limit is not None):
        raise InvalidConfig(f"{source}: SpotPriceLimit: goes with SpotStrategy SpotWithPriceLimit, and with no other")
    return config


def _with(config: EciConfig, spec: "_Field", value: Any, where: str) -> EciConfig:
    try:
        return replace(config, **{spec.name: spec.read(value)})
    except ValueError as error:
        raise InvalidConfig(f"{where}: {error}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no text; write it in quotes")
    return value.strip()


def _texts(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError(f"{value!r} is no list of names")  # noqa: TRY004  (all readers raise the same)
    return tuple(_text(each) for each in parts)


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise ValueError(f"{value!r} is neither true nor false")


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    raise ValueError(f"{value!r} is no number above 0")


def _count(value: Any) -> int:
    if not str(value).isdigit():
        raise ValueError(f"{value!r} is no whole number")
    return int(value)


def _amount(value: Any) -> str:
    text = str(value)
    if quantity.parse(text) <= 0:
        raise ValueError(f"{text!r} is not above 0")
    return text


def _seconds(value: Any) -> timedelta:
    return timedelta(seconds=max(1.0, parse_seconds(value)))


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"{value!r} is none of {', '.join(choices)}")
        return str(value)

    return read


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    read: Callable[[Any], Any]


def _linux(value: Any) -> str:
    """``OperatingSystem`` of 2018: there is only one."""
    if str(value).lower() != "linux":
        raise ValueError(f"{value!r}: only Linux containers are supported; leave it out")
    return "Linux"


_VSWITCHES = _Field("vswitches", _texts)
_FIELDS: dict[str, _Field] = {
    "Region": _Field("region", _text),
    "Endpoint": _Field("endpoint", _text),
    "Protocol": _Field("protocol", _one_of("https", "http")),
    "ClusterName": _Field("cluster", _text),
    "VSwitch": _VSWITCHES,
    "VSwitches": _VSWITCHES,
    "ScheduleStrategy": _Field("schedule_strategy", _one_of(*SCHEDULE_STRATEGIES)),
    "SecureGroup": _Field("security_group", _text),
    "SecurityGroup": _Field("security_group", _text),
    "ZoneId": _Field("zone", _text),
    "ResourceGroupId": _Field("resource_group", _text),
    "RamRoleName": _Field("ram_role", _text),
    "ClusterDNS": _Field("cluster_dns", _texts),
    "SpotStrategy": _Field("spot_strategy", _one_of(*SPOT_STRATEGIES)),
    "SpotPriceLimit": _Field("spot_price_limit", _number),
    "ImageCache": _Field("image_cache", _switch),
    "InstanceTypes": _Field("instance_types", _texts),
    "CPU": _Field("cpu", _amount),
    "Memory": _Field("memory", _amount),
    "Pods": _Field("pods", _amount),
    "GPUs": _Field("gpus", _count),
    "FormerNodes": _Field("former_nodes", _texts),
    "PollInterval": _Field("poll_interval", _seconds),
    "OperatingSystem": _Field("operating_system", _linux),
}
"""What may stand in the file; the first names of a pair are those of 2018."""

_VARIABLES: dict[str, _Field] = {
    "ECI_REGION": _FIELDS["Region"],
    "ECI_ENDPOINT": _FIELDS["Endpoint"],
    "ECI_CLUSTER_NAME": _FIELDS["ClusterName"],
    "ECI_VSWITCH": _VSWITCHES,
    "ECI_SECURITY_GROUP": _FIELDS["SecurityGroup"],
    "ECI_QUOTA_CPU": _FIELDS["CPU"],
    "ECI_QUOTA_MEMORY": _FIELDS["Memory"],
    "ECI_QUOTA_POD": _FIELDS["Pods"],
}
_KEYS = (
    ("ECI_ACCESS_KEY", "ECI_SECRET_KEY", "ECI_SECURITY_TOKEN"),
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
)
