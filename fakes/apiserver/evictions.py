"""Evictions: a pod is deleted if the budget for disruptions that covers it allows one more.

What a budget allows stands in its status, which somebody else computes (``disruption``, or a real
kube-controller-manager).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fakes.apiserver import budgets, deletion, subresources
from fakes.apiserver.catalog import BUDGETS
from fakes.apiserver.objects import Object, Objects, name_of, namespace_of
from fakes.apiserver.options import WriteOptions
from fakes.apiserver.resources import PODS
from fakes.apiserver.selectors import selects

if TYPE_CHECKING:
    from fakes.apiserver.server import ApiServer


def evict(
    server: "ApiServer",
    pod: Object,
    eviction: Mapping[str, Any],
    options: WriteOptions,
    timestamp: Callable[[], str],
) -> None:
    """Evict the pod, or raise ``StatusError``."""
    delete = subresources.delete_options(eviction, name_of(pod))
    delete = replace(delete, dry_run=delete.dry_run or options.dry_run)
    budget = None if budgets.is_free(pod) else budgets.the_one_of(_covering(server, pod))
    if budget is not None and (budgets.is_ready(pod) or not budgets.covers_unhealthy(budget)):
        spent = budgets.spend(budget, name_of(pod), timestamp())
        if not delete.dry_run:
            server.commit(BUDGETS, "MODIFIED", spent, budget)
    deletion.check(PODS, pod, delete)
    if not delete.dry_run:
        server.commit(PODS, "MODIFIED", subresources.evicted(pod, timestamp()), pod)
    server.delete(PODS, namespace_of(pod), name_of(pod), replace(delete, resource_version=""))


def _covering(server: "ApiServer", pod: Object) -> Objects:
    found: Objects = server.list(BUDGETS, namespace_of(pod))["items"]
    return [each for each in found if selects(PODS, (each.get("spec") or {}).get("selector"))(pod)]
