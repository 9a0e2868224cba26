"""The provider's configuration: the TOML file of 2018 with today's additions."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from providers import quantity
from providers.durations import parse_seconds
from providers.errors import InvalidConfig

MOST_SUBNETS, MOST_SECURITY_GROUPS = 16, 5
"""AwsVpcConfiguration in the ECS API."""
HELPER_IMAGE = "public.ecr.aws/docker/library/busybox:stable"
CAPACITY_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
_CLUSTER = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True, slots=True)
class FargateConfig:
    """What the operator decides.

    Attributes:
        region: where the tasks run; empty for AWS_REGION, else the SDK's own choice (AWS_DEFAULT_REGION, a profile).
        endpoint: the URL that all services are at; empty for AWS itself.
        cluster: the ECS cluster, best one for each node; made if it is not there.
        subnets: where tasks get their addresses, all in one VPC.
        security_groups: the tasks'; none for the VPC's default.
        public_ip: whether tasks get a public address.
        execution_role: what pulls images, writes logs and reads secrets, on the tasks' behalf.
        task_role: what the containers may do, unless the pod says otherwise.
        log_group: of CloudWatch Logs; empty for no logs.
        platform_version: LATEST, or e.g. 1.4.0.
        capacity_provider: FARGATE or FARGATE_SPOT, unless the pod says otherwise.
        architecture: X86_64 or ARM64, unless the pod says otherwise.
        enable_exec: whether commands can be run in containers.
        helper_image: an image with a shell: writes the files of volumes, keeps a pod of several containers together.
        secrets_path: where values of Secrets are put in the Parameter Store and Secrets Manager, so that tasks refer
            to them; empty to hand them on in the open.
        cpu: what the node offers.
        memory: the same.
        storage: the same.
        pods: the same.
        poll_interval: between two looks at tasks that are starting or ending.
        event_queue: the URL of a queue that EventBridge puts this cluster's changes of tasks into; empty for none.
        operating_system: of 2018's file; always Linux.
    """

    region: str = ""
    endpoint: str = ""
    cluster: str = "default"
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    public_ip: bool = False
    execution_role: str = ""
    task_role: str = ""
    log_group: str = ""
    platform_version: str = "LATEST"
    capacity_provider: str = "FARGATE"
    architecture: str = "X86_64"
    enable_exec: bool = False
    helper_image: str = HELPER_IMAGE
    secrets_path: str = ""
    cpu: str = "20"
    memory: str = "40Gi"
    storage: str = "40Gi"
    pods: str = "20"
    poll_interval: timedelta = timedelta(seconds=2)
    event_queue: str = ""
    operating_system: str = "Linux"


def parse(config: Mapping[str, Any], *, source: str) -> FargateConfig:
    """The configuration. Credentials, and a region that is not given, are the SDK's business (AWS_*, profiles, roles).

    Raises:
        InvalidConfig: naming the source, the field and the remedy.
    """
    parsed = FargateConfig()
    for key, value in config.items():
        if key not in _FIELDS:
            close = difflib.get_close_matches(key, _FIELDS, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(_FIELDS)}"
            raise InvalidConfig(f"{source}: {key}: unknown field{hint}")
        name, read = _FIELDS[key]
        try:
            parsed = replace(parsed, **{name: read(value)})
        except ValueError as error:
            raise InvalidConfig(f"{source}: {key}: {error}") from None
    return _checked(parsed, source)


def _checked(config: FargateConfig, source: str) -> FargateConfig:
    if not config.subnets:
        raise InvalidConfig(f"{source}: Subnets: none; name at least one subnet of the VPC")
    if len(config.subnets) > MOST_SUBNETS:
        raise InvalidConfig(f"{source}: Subnets: {len(config.subnets)} of them; at most {MOST_SUBNETS} can be given")
    if len(config.security_groups) > MOST_SECURITY_GROUPS:
        raise InvalidConfig(f"{source}: SecurityGroups: at most {MOST_SECURITY_GROUPS} can be given")
    for field, given in (("CloudWatchLogGroupName", config.log_group), ("SecretsPath", config.secrets_path)):
        if given and not config.execution_role:
            raise InvalidConfig(f"{source}: {field}: needs ExecutionRoleArn, the role that tasks reach it with")
    return config


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no text; write it in quotes")
    return value.strip()


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{value!r} is no list of names")  # noqa: TRY004  (all readers raise the same)
    return tuple(_text(each) for each in value)


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")  # noqa: TRY004  (all readers raise the same)
    return value


def _amount(least: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if quantity.parse(str(value)) < quantity.parse(least):
            raise ValueError(f"{value} is less than {least}, the smallest that a pod takes")
        return str(value)

    return read


def _seconds(value: Any) -> timedelta:
    return timedelta(seconds=max(1.0, parse_seconds(value)))


def _url(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"https?://[^\s/]+/\S+", text):
        raise ValueError(f"{text!r} is no URL of a queue; aws sqs get-queue-url tells it")
    return text


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"{value!r} is none of {', '.join(choices)}")
        return str(value)

    return read


def _linux(value: Any) -> str:
    if str(value).lower() != "linux":
        raise ValueError(f"{value!r}: only Linux containers are supported; leave it out")
    return "Linux"


def _cluster(value: Any) -> str:
    text = _text(value)
    if not _CLUSTER.fullmatch(text):
        raise ValueError(f"{text!r}: a cluster's name is letters, digits, - and _")
    return text


def _path(value: Any) -> str:
    text = _text(value).rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9_.-]+)+", text):
        raise ValueError(f"{text!r} is no path; write e.g. /virtual-kubelet")
    return text


_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "Region": ("region", _text),
    "ClusterName": ("cluster", _cluster),
    "Subnets": ("subnets", _texts),
    "SecurityGroups": ("security_groups", _texts),
    "AssignPublicIPv4Address": ("public_ip", _switch),
    "ExecutionRoleArn": ("execution_role", _text),
    "CloudWatchLogGroupName": ("log_group", _text),
    "PlatformVersion": ("platform_version", _text),
    "OperatingSystem": ("operating_system", _linux),
    "CPU": ("cpu", _amount("250m")),
    "Memory": ("memory", _amount("512Mi")),
    "Storage": ("storage", _amount("1")),
    "Pods": ("pods", _amount("1")),
    "Endpoint": ("endpoint", _text),
    "TaskRoleArn": ("task_role", _text),
    "CapacityProvider": ("capacity_provider", _one_of(*CAPACITY_PROVIDERS)),
    "CPUArchitecture": ("architecture", _one_of("X86_64", "ARM64")),
    "EnableExec": ("enable_exec", _switch),
    "HelperImage": ("helper_image", _text),
    "SecretsPath": ("secrets_path", _path),
    "PollInterval": ("poll_interval", _seconds),
    "EventQueueURL": ("event_queue", _url),
}
"""What may stand in the file; those down to Pods are of 2018."""
