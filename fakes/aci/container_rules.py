"""The rules that the containers of a group must keep, each of them and all together."""

import math
import re
from collections.abc import Iterable

from fakes.aci import defaults, shapes
from fakes.aci.errors import invalid
from fakes.aci.values import NAME, OS_TYPES, is_base64, same

_VARIABLE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_]{0,61}[A-Za-z0-9])?")
_IMAGE = re.compile(r"[A-Za-z0-9][-A-Za-z0-9._/:@]*")


def check(name: str, properties: shapes.Properties) -> None:
    """Refuse containers that break a rule. Raises ArmError."""
    containers = properties.containers or ()
    init = properties.init_containers or ()
    if not containers:
        raise invalid("MissingContainers", f"The containers of container group '{name}' cannot be empty.")
    if len(containers) + len(init) > defaults.MAX_CONTAINERS:
        raise invalid(
            "ContainerCountLimitExceeded",
            f"The number of containers in container group '{name}' exceeds the maximum of '{defaults.MAX_CONTAINERS}'.",
        )
    volumes = frozenset(each.name for each in properties.volumes or ())
    seen: set[str] = set()
    ports: set[tuple[int, str]] = set()
    for each in init:
        _any(name, each, volumes, seen)
    for container in containers:
        _any(name, container, volumes, seen)
        _container(name, container, ports)
    _sums(name, properties)


def total(containers: Iterable[shapes.Container]) -> shapes.Amounts:
    """What the containers of a group request together."""
    requests = [each.properties.resources.requests for each in containers if each.properties.resources]
    gpus = [each.gpu for each in requests if each.gpu is not None]
    return shapes.Amounts(
        cpu=round(math.fsum(each.cpu or 0.0 for each in requests), 4),
        memory=round(math.fsum(each.memory or 0.0 for each in requests), 4),
        gpu=shapes.Gpu(count=sum(each.count for each in gpus), sku=gpus[0].sku) if gpus else None,
    )


def port(name: str, given: shapes.Port) -> tuple[int, str]:
    """A port of a group with its protocol. Raises ArmError."""
    protocol = same(given.protocol or "TCP", ("TCP", "UDP"))
    if protocol is None or not 1 <= given.port <= 65535:
        raise invalid(
            "InvalidPort", f"The port '{given.port}' with protocol '{given.protocol}' in '{name}' is invalid."
        )
    return given.port, protocol


# --- every container --------------------------------------------------------------------------------------------------


def _any(name: str, container: shapes.AnyContainer, volumes: frozenset[str], seen: set[str]) -> None:
    if not NAME.fullmatch(container.name):
        raise invalid(
            "InvalidContainerName",
            f"The container name '{container.name}' in container group '{name}' is invalid. It must be 1 to 63 "
            "characters of lowercase letters, numbers and hyphens, and cannot start or end with a hyphen.",
        )
    if container.name in seen:
        raise invalid("DuplicateContainerName", f"The container name '{container.name}' in '{name}' is not unique.")
    seen.add(container.name)
    where = f"container '{container.name}' in container group '{name}'"
    image = container.properties.image
    if not image:
        raise invalid("MissingImage", f"The image of {where} cannot be empty.")
    if not _IMAGE.fullmatch(image) or "://" in image:
        raise invalid("InvalidImageName", f"The image '{image}' of {where} is invalid.")
    _environment(where, container)
    _mounts(where, container, volumes)
    security = container.properties.security_context
    if security is not None and security.seccomp_profile is not None and not is_base64(security.seccomp_profile):
        raise invalid("InvalidSeccompProfile", f"The seccomp profile of {where} is not base64.")


def _environment(where: str, container: shapes.AnyContainer) -> None:
    for each in container.properties.environment_variables or ():
        if not _VARIABLE.fullmatch(each.name):
            raise invalid(
                "InvalidEnvironmentVariableName",
                f"The environment variable name '{each.name}' of {where} is invalid. It must be 1 to 63 letters, "
                "digits and underscores, and cannot start or end with an underscore.",
            )
        if (each.value is None) == (each.secure_value is None):
            raise invalid(
                "InvalidEnvironmentVariable",
                f"The environment variable '{each.name}' of {where} must have either a value or a secure value.",
            )


def _mounts(where: str, container: shapes.AnyContainer, volumes: frozenset[str]) -> None:
    paths: set[str] = set()
    for each in container.properties.volume_mounts or ():
        if each.name not in volumes:
            raise invalid("VolumeMountNameNotFound", f"The volume mount '{each.name}' of {where} names no volume.")
        if not each.mount_path.strip() or ":" in each.mount_path:
            raise invalid(
                "InvalidVolumeMountPath",
                f"The mount path '{each.mount_path}' of {where} is invalid. It cannot be empty or contain ':'.",
            )
        if each.mount_path in paths:
            raise invalid("DuplicateVolumeMountPath", f"The mount path '{each.mount_path}' of {where} is not unique.")
        paths.add(each.mount_path)


# --- containers that stay ---------------------------------------------------------------------------------------------


def _container(name: str, container: shapes.Container, taken: set[tuple[int, str]]) -> None:
    for each in container.properties.ports or ():
        used = port(name, each)
        if used in taken:
            raise invalid(
                "DuplicateContainerPorts",
                f"The port '{each.port}' is used more than once by the containers of container group '{name}'.",
            )
        taken.add(used)
    where = f"container '{container.name}' in container group '{name}'"
    for probe in (container.properties.liveness_probe, container.properties.readiness_probe):
        if probe is not None:
            _probe(name, where, probe)
    _requests(where, container.properties.resources)


def _probe(name: str, where: str, probe: shapes.Probe) -> None:
    if (probe.exec_ is None) == (probe.http_get is None):
        raise invalid("InvalidProbe", f"A probe of {where} must have either 'exec' or 'httpGet'.")
    if probe.http_get is not None:
        port(name, shapes.Port(port=probe.http_get.port))
        if probe.http_get.scheme is not None and same(probe.http_get.scheme, ("http", "https")) is None:
            raise invalid("InvalidProbe", f"The scheme '{probe.http_get.scheme}' of a probe of {where} is invalid.")
    if probe.exec_ is not None and not probe.exec_.command:
        raise invalid("InvalidProbe", f"The command of a probe of {where} is empty.")
    for member, value, least in (
        ("initialDelaySeconds", probe.initial_delay_seconds, 0),
        ("periodSeconds", probe.period_seconds, 1),
        ("failureThreshold", probe.failure_threshold, 1),
        ("successThreshold", probe.success_threshold, 1),
        ("timeoutSeconds", probe.timeout_seconds, 1),
    ):
        if value is not None and value < least:
            raise invalid("InvalidProbe", f"The '{member}' of a probe of {where} must be at least {least}.")


def _requests(where: str, resources: shapes.Resources | None) -> None:
    requests = resources.requests if resources is not None else None
    if requests is None or requests.cpu is None or requests.memory is None:
        raise invalid(
            "ResourceRequestsNotSpecified",
            f"The resource requests of {where} are not specified. Both memory and CPU requests are required since API "
            "version '2017-07-01-preview'.",
        )
    for what, amount, least in (
        ("cpu", requests.cpu, defaults.MIN_CPU),
        ("memoryInGB", requests.memory, defaults.MIN_MEMORY_GB),
    ):
        if amount < least or not math.isclose(amount / least, round(amount / least), abs_tol=1e-6):
            raise invalid(
                "InvalidResourceRequest",
                f"The {what} request '{amount:g}' of {where} is invalid. It must be a multiple of {least:g}.",
            )


# --- all together -----------------------------------------------------------------------------------------------------


def _sums(name: str, properties: shapes.Properties) -> None:
    requested = total(properties.containers or ())
    most_cpu, most_memory = _most(name, properties, requested)
    cpu, memory = requested.cpu or 0.0, requested.memory or 0.0
    if cpu > most_cpu or memory > most_memory:
        raise invalid(
            "ResourceRequestsExceedLimit",
            f"The requested '{cpu:g}' CPU and '{memory:g}' GB memory of container group '{name}' exceed the maximum of "
            f"'{most_cpu:g}' CPU and '{most_memory:g}' GB.",
        )
    for each in properties.containers or ():
        resources = each.properties.resources
        if resources is None or resources.limits is None:
            continue
        for what, limit, own, of_all in (
            ("Cpu", resources.limits.cpu, resources.requests.cpu or 0.0, cpu),
            ("MemoryInGB", resources.limits.memory, resources.requests.memory or 0.0, memory),
        ):
            if limit is not None:
                _limit(name, each.name, what, limit, own, of_all)


def _limit(name: str, container: str, what: str, limit: float, own: float, of_all: float) -> None:
    if limit > of_all:
        raise invalid(
            "ContainerLimitGreaterThanContainerGroupTotalRequest",
            f"The '{what}' limit '{limit:g}' in container '{container}' is greater than the total request "
            f"'{of_all:g}' of container group '{name}'.",
        )
    if limit < own:
        raise invalid(
            "ContainerLimitLessThanRequest",
            f"The '{what}' limit '{limit:g}' in container '{container}' of container group '{name}' is less than its "
            f"request '{own:g}'.",
        )


def _most(name: str, properties: shapes.Properties, requested: shapes.Amounts) -> tuple[float, float]:
    """CPUs and memory that the group may have."""
    if requested.gpu is None:
        return defaults.MAX_CPU, defaults.MAX_MEMORY_GB
    sizes = defaults.GPU_LIMITS.get(requested.gpu.sku, {})
    if requested.gpu.count not in sizes:
        raise invalid(
            "InvalidGpuResource",
            f"'{requested.gpu.count}' GPUs of SKU '{requested.gpu.sku}' in container group '{name}' are not supported.",
        )
    if properties.subnet_ids or same(properties.os_type, OS_TYPES) == "Windows":
        raise invalid(
            "GpuNotSupported",
            f"GPU resources of container group '{name}' are supported only on Linux and without a virtual network.",
        )
    return sizes[requested.gpu.count]
