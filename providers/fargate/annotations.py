"""What a pod may say about its task, by annotations ``fargate.virtual-kubelet.io/...``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from providers import pods
from providers.errors import Invalid
from providers.fargate.config import CAPACITY_PROVIDERS, FargateConfig
from providers.types import Pod

PREFIX = "fargate.virtual-kubelet.io/"
OLD_TASK_ROLE = "iam.amazonaws.com/role"
"""Of 2018."""
EFS = f"{PREFIX}efs."
"""And the name of a volume: ``fs-0123abcd``, ``fs-0123abcd:/path``, ``fs-0123abcd:fsap-0123abcd``."""
STORAGE = (21, 200)
"""GiB of ephemeral storage that can be asked for; 20 are there without asking."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the pod, else the operator, decides about the task."""

    task_role: str
    execution_role: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    public_ip: bool
    capacity_provider: str
    platform_version: str
    architecture: str
    cpu: int
    memory: int
    storage: int
    token: bool


def wishes(pod: Pod, config: FargateConfig) -> Wishes:
    """The pod's wishes. Raises Invalid, naming the annotation."""

    def given(name: str, default: Any, read: Callable[[str], Any] = str) -> Any:
        text = pods.annotation(pod, PREFIX + name)
        if text is None:
            return default
        try:
            return read(text.strip())
        except ValueError as error:
            raise Invalid(f"annotation {PREFIX}{name}: {error}") from None

    return Wishes(
        task_role=given("task-role", pods.annotation(pod, OLD_TASK_ROLE) or config.task_role),
        execution_role=given("execution-role", config.execution_role),
        subnets=given("subnets", config.subnets, _names),
        security_groups=given("security-groups", config.security_groups, _names),
        public_ip=given("public-ip", config.public_ip, _one_of({"true": True, "false": False})),
        capacity_provider=given(
            "capacity-provider", config.capacity_provider, _one_of({each: each for each in CAPACITY_PROVIDERS})
        ),
        platform_version=given("platform-version", config.platform_version),
        architecture=_architecture(pod, given, config),
        cpu=given("cpu", 0, _number),
        memory=given("memory", 0, _number),
        storage=given("ephemeral-storage", 0, _storage),
        token=given("service-account-token", False, _one_of({"true": True, "false": False})),
    )


def _architecture(pod: Pod, given: Callable[..., Any], config: FargateConfig) -> str:
    selected = pod["spec"].get("nodeSelector", {}).get("kubernetes.io/arch", "")
    default = {"arm64": "ARM64", "amd64": "X86_64"}.get(selected, config.architecture)
    return str(given("cpu-architecture", default, _one_of({"X86_64": "X86_64", "ARM64": "ARM64"})))


def _names(text: str) -> tuple[str, ...]:
    names = tuple(each.strip() for each in text.split(",") if each.strip())
    if not names:
        raise ValueError("no names; write them with commas between")
    return names


def _number(text: str) -> int:
    if not text.isdigit():
        raise ValueError(f"{text!r} is no whole number (CPU units, MiB)")
    return int(text)


def _storage(text: str) -> int:
    least, most = STORAGE
    if not text.isdigit() or not least <= int(text) <= most:
        raise ValueError(f"{text!r} is no number of GiB from {least} to {most}")
    return int(text)


def _one_of(choices: dict[str, Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}")
        return choices[text]

    return read
