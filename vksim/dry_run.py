"""What the API server would say to a scenario's nodes and workloads, before anything is played."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from fakes.apiserver.errors import StatusError
from fakes.apiserver.options import WriteOptions
from fakes.apiserver.resources import NAMESPACES, NODES, ResourceType
from fakes.apiserver.server import ApiServer
from vksim import node_groups, workload
from vksim.demand import Trace
from vksim.scenario import NodeGroup, Scenario
from vksim.template import Template

DRY_RUN = WriteOptions(dry_run=True)


def refusals(scenario: Scenario, folder: Path) -> Iterator[tuple[str, str]]:
    """What would be refused: its place in the scenario, and why.

    Of nodes and workloads whose objects are all alike one is looked at, of a trace's pods each.

    Args:
        scenario: without contradictions.
        folder: where the scenario is, for its trace files.
    """
    server = ApiServer(now=lambda: scenario.start, random=Random(0))
    types = {(each.group, each.plural): each for each in server.stored}
    for number, group in enumerate(scenario.cluster.nodes):
        yield from ((f"cluster.nodes[{number}]", each) for each in _refused(server, NODES, None, [_node(group)]))
    for name in sorted({each.namespace for each in scenario.workloads} - {"default"}):
        server.create(NAMESPACES, None, {"metadata": {"name": name}})
    for name, value in scenario.priority_classes.items():
        server.create(types["scheduling.k8s.io", "priorityclasses"], None, {"metadata": {"name": name}, "value": value})
    for number, each in enumerate(scenario.workloads):
        kind = workload.RESOURCES[type(each)]
        arriving = workload.arriving(each, Template(each, Random(0)), Random(0), folder)
        objects = (arrival.object for arrival in arriving)
        looked_at = objects if isinstance(each, Trace) else islice(objects, 1)
        refused = _refused(server, types[kind.group, kind.plural], each.namespace, looked_at)
        yield from ((f"workloads[{number}]", message) for message in refused)


def _refused(
    server: ApiServer, resource: ResourceType, namespace: str | None, objects: Iterable[dict[str, Any]]
) -> Iterator[str]:
    for obj in objects:
        try:
            server.create(resource, namespace, obj, options=DRY_RUN)
        except StatusError as error:
            yield str(error.status.get("message"))


def _node(group: NodeGroup) -> dict[str, Any]:
    """The group's last node, as far as the scenario has a say in it."""
    number = group.largest - 1
    metadata = {"name": f"{group.name}-{number}", "labels": node_groups.labels(group, number)}
    return {"metadata": metadata, "spec": {"taints": node_groups.taints(group)}}
