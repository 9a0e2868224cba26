"""What a workload's pods look like: bare pods, and the pod templates of what controllers make pods of."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from providers.distributions import RandomTime
from providers.mock.script import PREFIX
from runner.config import PROVIDER_TAINT_KEY
from vksim.demand import Workload

SCRIPT = "VKSIM_SCRIPT"
"""The variable in which fakes of real clouds find what a container does."""
TOLERATION = {"key": PROVIDER_TAINT_KEY, "operator": "Exists"}


class Template:
    """Makes the pods of a workload; what they have in common they share.

    Args:
        workload: what the scenario says.
        random: draws what differs.
        in_clouds: whether pods may run on fakes of real clouds, whose containers read what they are to do from their
            environment.
    """

    def __init__(self, workload: Workload, random: Random, *, in_clouds: bool = False) -> None:
        self._workload = workload
        self._in_clouds = in_clouds
        self._random = random
        self.labels = {"app": workload.name, **workload.labels}
        self._spec = self._made_spec(getattr(workload, "restart_policy", "Always"))

    def pod(self, name: str, *, run_for: float | None = None, exit_code: int | None = None) -> dict[str, Any]:
        """A bare pod; how long it runs and how it ends are drawn unless they are given."""
        workload = self._workload
        if run_for is None and workload.run_for is not None:
            run_for = workload.run_for.draw(self._random)
        annotations = dict(workload.annotations)
        if run_for is not None:
            annotations[f"{PREFIX}run-for"] = f"{run_for:.3f}s"
        code = self._exit_code() if exit_code is None else exit_code
        if code:
            annotations[f"{PREFIX}exit-code"] = str(code)
        metadata = {"name": name, "labels": self.labels, "annotations": annotations}
        return {"metadata": metadata, "spec": self._scripted(self._spec, run_for, code)}

    def template(self, image: str = "", run_for: RandomTime | None = None) -> dict[str, Any]:
        """A controller's pod template; each of its pods draws for itself how long it runs."""
        workload, annotations, spec = self._workload, dict(self._workload.annotations), self._spec
        lasting = run_for or workload.run_for
        if lasting is not None:
            annotations[f"{PREFIX}run-for"] = str(lasting)
        if workload.exit_code:
            annotations[f"{PREFIX}exit-code"] = str(workload.exit_code)
        if image:
            spec = {**spec, "containers": [{**each, "image": image} for each in spec["containers"]]}
        if self._in_clouds:
            seconds = None if lasting is None else lasting.draw(self._random)
            spec = self._scripted(spec, seconds, int(self._exit_code()))
        return {"metadata": {"labels": self.labels, "annotations": annotations}, "spec": spec}

    def with_requests(self, pod: Mapping[str, Any], requests: Mapping[str, str]) -> dict[str, Any]:
        """The pod with requests of its own."""
        first, *others = pod["spec"]["containers"]
        resources = {**first.get("resources", {}), "requests": {**first["resources"]["requests"], **requests}}
        return {**pod, "spec": {**pod["spec"], "containers": [{**first, "resources": resources}, *others]}}

    def _made_spec(self, restart_policy: str) -> dict[str, Any]:
        workload = self._workload
        amounts = {
            name: {key: str(value) for key, value in getattr(workload, name).items()} for name in ("requests", "limits")
        }
        resources = {name: value for name, value in amounts.items() if value}
        one = {"name": "main", "image": workload.image or f"{workload.name}:1", "resources": resources}
        selector = {"labelSelector": {"matchLabels": {"app": workload.name}}}
        optional = {
            "initContainers": workload.init_containers,
            "volumes": workload.volumes,
            "nodeSelector": workload.node_selector,
            "affinity": workload.affinity,
            "topologySpreadConstraints": [{**selector, **each} for each in workload.topology_spread],
            "priorityClassName": workload.priority_class,
        }
        return {
            "containers": workload.containers or [one],
            "restartPolicy": restart_policy,
            "terminationGracePeriodSeconds": int(workload.grace_period.seconds),
            "tolerations": [TOLERATION, *workload.tolerations],
            "automountServiceAccountToken": False,
            **{name: value for name, value in optional.items() if value},
        }

    def _scripted(self, spec: dict[str, Any], run_for: float | None, exit_code: int) -> dict[str, Any]:
        """The spec with what its containers are to do in their environment, where that is read."""
        if not self._in_clouds or run_for is None:
            return spec
        value = json.dumps({"run_for": round(run_for, 3), "exit_code": exit_code})
        script = {"name": SCRIPT, "value": value}
        return {**spec, "containers": [{**each, "env": [*each.get("env", []), script]} for each in spec["containers"]]}

    def _exit_code(self) -> int:
        codes = self._workload.exit_code
        if isinstance(codes, int):
            return codes
        return self._random.choices(list(codes), list(codes.values()))[0]
