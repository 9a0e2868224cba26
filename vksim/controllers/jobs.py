"""Jobs: pods that run to their end, so often as is wanted (kube-controller-manager's job-controller).

What to do is worked out in ``vksim.controllers.job_state``; here it is done. Pods carry a finalizer until they are
counted, so none is counted twice and none is forgotten.
"""

import asyncio
from typing import Any

from providers.types import KubeObject
from runner import kube
from runner.ports import rfc3339
from vksim.controllers import job_state, pods
from vksim.controllers.base import Controller, Setting, condition, condition_of
from vksim.controllers.job_state import State
from vksim.controllers.pods import PodControl
from vksim.controllers.resources import JOBS
from vksim.controllers.views import controller_uid

TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
COUNTED_AT_ONCE = 500
"""So many pods are counted in one write of the status."""


class JobController(Controller):
    """Runs Jobs to their end."""

    name = "job-controller"
    resource = JOBS

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._control = PodControl(setting, self.resource)
        self._pods = setting.views.of(kube.PODS)
        self.follow(kube.PODS)

    async def sync(self, obj: KubeObject) -> None:
        """Count what has ended, end what is over, start what is missing."""
        owned = self._control.claimed(obj)
        if job_state.is_finished(obj) or "deletionTimestamp" in obj["metadata"]:
            await self._let_go([each for each in owned if _is_tracked(each)])
            return
        if "managedBy" in obj["spec"] and obj["spec"]["managedBy"] != "kubernetes.io/job-controller":
            return
        now = self.setting.now()
        state = job_state.of(obj, owned, now)
        if state.verdict is None:
            await self._start(obj, state)
        else:
            await asyncio.gather(*(self._control.delete(obj, each) for each in state.active))
        await self._count(obj, state)
        if state.look_again is not None:
            self.again(obj, state.look_again)

    async def _start(self, obj: KubeObject, state: State) -> None:
        """Delete what is too much, create what is missing."""
        surplus = state.active[: -state.wanted] if state.wanted else state.active
        if surplus:
            await asyncio.gather(*(self._control.delete(obj, each) for each in surplus))
            return
        missing = state.to_create
        if not missing:
            return

        async def create(number: int) -> None:
            await self._control.create(obj, self._pod(obj, missing[number]))

        await pods.slow_start(len(missing), create)

    def _pod(self, obj: KubeObject, index: int | None) -> dict[str, Any]:
        pod = pods.from_template(obj["spec"]["template"], obj, self.resource)
        metadata = pod["metadata"]
        metadata["finalizers"] = [*metadata.get("finalizers", ()), TRACKING]
        if index is None:
            return pod
        name, text = obj["metadata"]["name"], str(index)
        metadata["generateName"] = f"{name}-{index}-"
        metadata["annotations"] = {**metadata.get("annotations", {}), INDEX: text}
        metadata["labels"] = {**metadata.get("labels", {}), INDEX: text}
        field = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
        variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": field}
        spec = dict(pod["spec"])
        for kind in ("initContainers", "containers"):
            if spec.get(kind):
                spec[kind] = [{**each, "env": [*(each.get("env") or ()), variable]} for each in spec[kind]]
        return {**pod, "spec": {**spec, "hostname": f"{name}-{index}"}}

    async def _count(self, obj: KubeObject, state: State) -> None:
        """Write what has ended into the status, then let go of it; the counters follow when the finalizers are gone."""
        now = self.setting.now()
        live = self.view.objects.get(obj["metadata"]["uid"], obj)
        changes = dict(state.status)
        if "startTime" not in (live.get("status") or {}) and not obj["spec"].get("suspend"):
            changes["startTime"] = rfc3339(now)
            if obj["spec"].get("activeDeadlineSeconds") is not None:
                self.again(obj, obj["spec"]["activeDeadlineSeconds"])
        conditions = self._conditions(live, state)
        finished = state.verdict is not None and state.is_settled
        if finished and state.verdict is not None:
            final = state.verdict
            conditions.append(
                condition(final.type, "True", final.reason, final.message, now) | {"lastProbeTime": rfc3339(now)}
            )
            if final.type == "Complete":
                changes["completionTime"] = rfc3339(now)
        changes["conditions"] = conditions or None
        await self.write_status(live, changes)
        if finished and state.verdict is not None:
            complete = state.verdict.type == "Complete"
            reason = "Completed" if complete else state.verdict.reason
            self.tell(obj, reason, "Job completed" if complete else state.verdict.message, warning=not complete)
        await self._let_go(state.uncounted)

    def _conditions(self, obj: KubeObject, state: State) -> list[dict[str, Any]]:
        now, conditions = self.setting.now(), list((obj.get("status") or {}).get("conditions") or [])
        verdict = state.verdict
        if verdict is not None:
            interim = "SuccessCriteriaMet" if verdict.type == "Complete" else "FailureTarget"
            if condition_of(obj, interim) is None:
                probe = {"lastProbeTime": rfc3339(now)}
                conditions.append(condition(interim, "True", verdict.reason, verdict.message, now) | probe)
        suspended, before = bool(obj["spec"].get("suspend")), condition_of(obj, "Suspended")
        if (
            verdict is None
            and suspended != (before is not None and before["status"] == "True")
            and (suspended or before)
        ):
            reason, message = ("JobSuspended", "Job suspended") if suspended else ("JobResumed", "Job resumed")
            fresh = condition("Suspended", str(suspended), reason, message, now) | {"lastProbeTime": rfc3339(now)}
            conditions = [each for each in conditions if each["type"] != "Suspended"] + [fresh]
            self.tell(obj, "Suspended" if suspended else "Resumed", message)
        return conditions

    async def _let_go(self, tracked: list[KubeObject]) -> None:
        await asyncio.gather(*(self._untrack(each) for each in tracked[:COUNTED_AT_ONCE]))

    async def _untrack(self, pod: KubeObject) -> None:
        metadata = pod["metadata"]
        left = [each for each in metadata.get("finalizers") or () if each != TRACKING]
        patch = {"metadata": {"uid": metadata["uid"], "finalizers": left or None}}
        try:
            written = await self.api.patch(kube.PODS, metadata["name"], patch, metadata["namespace"])
        except (kube.NotFound, kube.Conflict):
            return
        if "deletionTimestamp" in metadata and not left:
            self._pods.lost(pod)
            return
        self._pods.wrote(written)
        self.queue.add(controller_uid(pod))


def _is_tracked(pod: KubeObject) -> bool:
    return TRACKING in (pod["metadata"].get("finalizers") or ())
