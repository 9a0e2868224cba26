"""Requests and limits as ACI counts them: CPUs in hundredths, memory in tenths of a decimal GB, GPUs by SKU. Pure.

Amounts are rounded up, so that a container never gets less than it asked for. ACI lets no container's limit exceed
what the whole group requests; where it would, that container's request is raised: the difference is paid for, but no
container is killed below its own limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from providers import quantity
from providers.errors import Invalid
from providers.types import Container

GPU = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A resource: its name in Kubernetes and in ACI, and what ACI counts it in.

    Attributes:
        default: what a container requests that says nothing (Virtual Kubelet's default).
        step: the smallest amount, in Kubernetes' unit.
        digits: of that amount in ACI's unit.
    """

    name: str
    aci: str
    default: Fraction
    step: Fraction
    digits: int


_CPU = _Kind("cpu", "cpu", Fraction(1), Fraction(1, 100), 2)
_MEMORY = _Kind("memory", "memoryInGB", Fraction(1_500_000_000), Fraction(100_000_000), 1)


@dataclass(frozen=True, slots=True)
class _Amount:
    """A container's request and limit of one resource, in steps; no limit is None."""

    request: int
    limit: int | None


def mapped(containers: Sequence[Container], init: Sequence[Container], gpu_sku: str) -> list[dict[str, Any]]:
    """The ``resources`` of each container of a group.

    Args:
        containers: those that run together.
        init: those that run before, one at a time, with what the group has.
        gpu_sku: which GPU is meant.

    Raises:
        Invalid: an amount that is none.
    """
    columns = {kind: _amounts(kind, containers, init) for kind in (_CPU, _MEMORY)}
    result = []
    for index, container in enumerate(containers):
        amounts = {kind: column[index] for kind, column in columns.items()}
        gpu = _gpu(container, gpu_sku)
        resources = {"requests": {**{kind.aci: _number(kind, each.request) for kind, each in amounts.items()}, **gpu}}
        if gpu or any(each.limit is not None for each in amounts.values()):
            limits = {kind.aci: _number(kind, each.limit or each.request) for kind, each in amounts.items()}
            resources["limits"] = {**limits, **gpu}
        result.append(resources)
    return result


def _amounts(kind: _Kind, containers: Sequence[Container], init: Sequence[Container]) -> list[_Amount]:
    limits = [_steps(kind, each, "limits") for each in containers]
    asked = [_steps(kind, each, "requests") for each in containers]
    default = -int(-kind.default // kind.step)
    requests = [own or limit or default for own, limit in zip(asked, limits, strict=True)]
    needed = [limit or 0 for limit in limits]
    before = max((_steps(kind, each, "requests") or 0 for each in init), default=0)
    if max([*needed, before]) > sum(requests):
        index = needed.index(max(needed))
        requests[index] += max([*needed, before]) - sum(requests)
    return [
        _Amount(request, None if limit is None else max(limit, request))
        for request, limit in zip(requests, limits, strict=True)
    ]


def _steps(kind: _Kind, container: Container, part: str) -> int | None:
    """How many steps a container asks for, rounded up and at least one; None if it does not say."""
    given: Mapping[str, str] = (container.get("resources") or {}).get(part) or {}  # type: ignore[assignment]  # by name
    if kind.name not in given:
        return None
    try:
        amount = quantity.parse(str(given[kind.name]))
    except ValueError as error:
        raise Invalid(f"container {container['name']}: {part}.{kind.name}: {error}") from None
    return max(1, -int(-amount // kind.step))


def _number(kind: _Kind, steps: int) -> float:
    return round(steps / float(10**kind.digits), kind.digits)


def _gpu(container: Container, sku: str) -> dict[str, Any]:
    limits = (container.get("resources") or {}).get("limits") or {}
    count = int(quantity.parse(limits.get(GPU, "0")))
    return {"gpu": {"count": count, "sku": sku}} if count else {}
