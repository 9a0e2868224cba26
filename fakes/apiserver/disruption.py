"""The disruption controller: keeps up the status of budgets for disruptions.

As kube-controller-manager's, but it counts on: a pod that changes costs a look at the budgets of its namespace, not at
their pods. What goes by time alone is looked at when something happens: an evicted pod that was not deleted for two
minutes counts as healthy again at the next change of the budget or of one of its pods.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fakes.apiserver import budgets
from fakes.apiserver.catalog import BUDGETS
from fakes.apiserver.controllers import WorkQueue
from fakes.apiserver.objects import Object, Objects, key_of, name_of, namespace_of
from fakes.apiserver.resources import PODS
from fakes.apiserver.selectors import Predicate, selects
from fakes.apiserver.watch import Change

if TYPE_CHECKING:
    from fakes.apiserver.server import ApiServer

DELETION_TIMEOUT = timedelta(minutes=2)
"""An evicted pod that is not being deleted after that long will not be, it is thought."""

Reference = dict[str, Any]


@dataclass(slots=True)
class _Covered:
    """The pods of a budget.

    Attributes:
        selector: as the budget has it.
        selects: whether a pod is one.
        pods: name -> the reference to its controller, if it has one.
        ready: the names of those that are ready and stay.
        controllers: UID -> a controller's pods, and how each names it.
    """

    selector: Any
    selects: Predicate
    pods: dict[str, Reference | None] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    controllers: dict[str, dict[str, Reference]] = field(default_factory=dict)

    def note(self, pod: Object, *, gone: bool) -> bool:
        """A pod has changed; whether that changes the counts."""
        name = name_of(pod)
        covers = not gone and self.selects(pod)
        before = (name in self.pods, name in self.ready)
        if before[0]:
            self._forget(name)
        if covers:
            reference = self.pods[name] = _controller(pod)
            if reference is not None:
                self.controllers.setdefault(reference["uid"], {})[name] = reference
            if "deletionTimestamp" not in pod["metadata"] and budgets.is_ready(pod):
                self.ready.add(name)
        return before != (covers, name in self.ready)

    def _forget(self, name: str) -> None:
        reference = self.pods.pop(name)
        self.ready.discard(name)
        if reference is not None:
            mates = self.controllers[reference["uid"]]
            del mates[name]
            if not mates:
                del self.controllers[reference["uid"]]


class DisruptionController:
    """Keeps up the status of all budgets.

    Args:
        server: its objects.
        queue: takes the budgets to be looked at after a write.
        now: the clock.
    """

    def __init__(self, server: "ApiServer", queue: WorkQueue, now: Callable[[], datetime]) -> None:
        self._server = server
        self._queue = queue
        self._now = now
        self._covered: dict[str, dict[str, _Covered]] = {}
        self._watches_pods = False
        server.observe(BUDGETS, self._budget_changed)

    def load(self, found: Objects) -> None:
        """Take over the budgets of another process."""
        for each in found:
            self._cover(each)

    def _budget_changed(self, change: Change) -> None:
        namespace, name = key_of(change.object)
        if change.type == "DELETED":
            del self._covered[namespace][name]
            if not self._covered[namespace]:
                del self._covered[namespace]
        else:
            self._cover(change.object)

    def _cover(self, budget: Object) -> None:
        namespace, name = key_of(budget)
        selector = (budget.get("spec") or {}).get("selector")
        known = self._covered.setdefault(namespace, {})
        if name not in known or known[name].selector != selector:
            known[name] = _Covered(selector, selects(PODS, selector))
            for pod in self._server.list(PODS, namespace)["items"]:
                known[name].note(pod, gone=False)
        self._queue.add(self._sync, namespace, name)
        if not self._watches_pods:
            self._watches_pods = True
            self._server.observe(PODS, self._pod_changed)

    def _pod_changed(self, change: Change) -> None:
        namespace = namespace_of(change.object)
        for name, covered in self._covered.get(namespace, {}).items():
            if covered.note(change.object, gone=change.type == "DELETED"):
                self._queue.add(self._sync, namespace, name)

    def _sync(self, namespace: str, name: str) -> None:
        """Bring the status of a budget in line with its pods."""
        budget = self._server.find(BUDGETS, namespace, name)
        if budget is None:
            return
        now = self._now()
        timestamp = now.isoformat()[:19] + "Z"
        covered = self._covered[namespace][name]
        spec, expected = budget.get("spec") or {}, len(covered.pods)
        if budgets.counts_nothing(spec):
            expected = 0
        if budgets.counts_controllers(spec):
            try:
                expected = sum(self._scales(namespace, covered).values())
            except LookupError as error:
                self._write(budget, budgets.failed(budget, str(error.args[0]), timestamp))
                return
        disrupted = {
            pod: when
            for pod, when in ((budget.get("status") or {}).get("disruptedPods") or {}).items()
            if self._is_still_expected_to_go(namespace, pod, covered)
            and datetime.fromisoformat(when) + DELETION_TIMEOUT >= now
        }
        new = budgets.with_status(
            budget,
            healthy=len(covered.ready) - sum(each in covered.ready for each in disrupted),
            wanted=budgets.desired(spec, expected),
            expected=expected,
            disrupted=disrupted,
            timestamp=timestamp,
        )
        self._write(budget, new)

    def _is_still_expected_to_go(self, namespace: str, name: str, covered: _Covered) -> bool:
        pod = self._server.find(PODS, namespace, name)
        return pod is not None and name in covered.pods and "deletionTimestamp" not in pod["metadata"]

    def _write(self, old: Object, new: Object) -> None:
        if new is not old:
            self._server.commit(BUDGETS, "MODIFIED", new, old)

    # --- the controllers of pods ---

    def _scales(self, namespace: str, covered: _Covered) -> dict[str, int]:
        """How many pods each controller wants, by its UID; raises LookupError if that cannot be known."""
        scales: dict[str, int] = {}
        for pods in covered.controllers.values():
            pod, reference = next(iter(pods.items()))
            controller = self._scaled_controller(namespace, reference)
            if controller is None:
                raise LookupError(f'found no controllers for pod "{pod}"')
            scales[controller["metadata"]["uid"]] = (controller.get("spec") or {}).get("replicas") or 0
        return scales

    def _scaled_controller(self, namespace: str, reference: Reference) -> Object | None:
        """Whom a pod's controller takes its scale from: a Deployment's ReplicaSet from the Deployment."""
        controller = self._find(namespace, reference)
        if controller is None or controller["kind"] != "ReplicaSet":
            return controller
        above = _controller(controller)
        if above is None or above["kind"] != "Deployment":
            return controller
        return self._find(namespace, above) or controller

    def _find(self, namespace: str, reference: Reference) -> Object | None:
        group, _, _version = reference["apiVersion"].rpartition("/")
        resource = self._server.resources.by_kind(reference["kind"], group)
        if resource is None or resource.computed:
            raise LookupError(f'no matches for kind "{reference["kind"]}" in version "{reference["apiVersion"]}"')
        if resource.subresource("scale") is None:
            raise LookupError(f"{resource.qualified} does not implement the scale subresource")
        found = self._server.find(resource, namespace, reference["name"])
        return found if found is not None and found["metadata"]["uid"] == reference["uid"] else None


def _controller(obj: Object) -> Reference | None:
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((each for each in owners if each.get("controller")), None)
