"""What the API server would say to a scenario's workloads, before anything is played."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from fakes.apiserver.errors import StatusError
from fakes.apiserver.options import WriteOptions
from fakes.apiserver.resources import NAMESPACES
from fakes.apiserver.server import ApiServer
from vksim import workload
from vksim.demand import Trace
from vksim.scenario import Scenario
from vksim.template import Template

DRY_RUN = WriteOptions(dry_run=True)


def refusals(scenario: Scenario) -> Iterator[tuple[int, str]]:
    """The workloads whose objects would be refused: their number, and why."""
    server = ApiServer(now=lambda: scenario.start, random=Random(0))
    types = {(each.group, each.plural): each for each in server.stored}
    for name in sorted({each.namespace for each in scenario.workloads} - {"default"}):
        server.create(NAMESPACES, None, {"metadata": {"name": name}})
    for name, value in scenario.priority_classes.items():
        server.create(types["scheduling.k8s.io", "priorityclasses"], None, {"metadata": {"name": name}, "value": value})
    for number, each in enumerate(scenario.workloads):
        template = Template(each, Random(0))
        if isinstance(each, Trace):
            first = template.pod(f"{each.name}-0")
        else:
            first = next(workload.arriving(each, template, Random(0), Path())).object
        try:
            kind = workload.RESOURCES[type(each)]
            server.create(types[kind.group, kind.plural], each.namespace, first, options=DRY_RUN)
        except StatusError as error:
            yield number, str(error.status.get("message"))
