"""Deployments: ReplicaSets that take over from one another (kube-controller-manager's deployment-controller)."""

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from providers.types import KubeObject
from runner import kube
from runner.ports import parse_rfc3339
from vksim.controllers import pods, rollout
from vksim.controllers.base import Controller, Setting, condition, condition_of
from vksim.controllers.pods import owner_reference
from vksim.controllers.resources import DEPLOYMENTS, REPLICA_SETS
from vksim.controllers.views import controller_uid

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
NOT_COPIED = frozenset({"kubectl.kubernetes.io/last-applied-configuration", REVISION, DESIRED, MAXIMUM})
"""Annotations of a Deployment that its ReplicaSets do not get."""

_SAFE = "bcdfghjklmnpqrstvwxz2456789"


class DeploymentController(Controller):
    """Rolls Deployments out."""

    name = "deployment-controller"
    resource = DEPLOYMENTS

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._sets = setting.views.of(REPLICA_SETS)
        self._pods = setting.views.of(kube.PODS)
        self.follow(REPLICA_SETS)

    async def sync(self, obj: KubeObject) -> None:
        """Scale the ReplicaSets one step towards what is wanted; their changes bring the next step."""
        owned = sorted(self._sets.owned_by(obj["metadata"]["uid"]), key=_age)
        if "deletionTimestamp" in obj["metadata"]:
            await self._tell_status(obj, owned, None)
            return
        new = rollout.current(obj, owned)
        spec = obj["spec"]
        if spec.get("paused") or self._is_rescaled(obj, owned):
            await self._rescale(obj, owned, new)
        elif spec["strategy"]["type"] == "Recreate":
            new = await self._recreate(obj, owned, new)
        else:
            new = await self._roll(obj, owned, new)
        if not spec.get("paused") and new is not None:
            await self._clean_up(obj, owned, new)
        owned = sorted(self._sets.owned_by(obj["metadata"]["uid"]), key=_age)
        await self._tell_status(obj, owned, new)

    # --- strategies -------------------------------------------------------------------------------------------------

    async def _recreate(
        self, obj: KubeObject, owned: Sequence[KubeObject], new: KubeObject | None
    ) -> KubeObject | None:
        old = [each for each in owned if each is not new]
        busy = [each for each in old if each["spec"].get("replicas", 1)]
        for each in busy:
            await self._scale(obj, each, 0)
        if busy or any(pods.phase(pod) not in pods.TERMINAL for each in old for pod in self._pods_of(each)):
            if not busy:
                self.again(obj, 1.0)  # pods that end are not news of a ReplicaSet
            return new
        new = await self._ensure_new(obj, owned, new)
        return await self._scale(obj, new, obj["spec"].get("replicas", 1))

    async def _roll(self, obj: KubeObject, owned: Sequence[KubeObject], new: KubeObject | None) -> KubeObject:
        new = await self._ensure_new(obj, owned, new)
        old = [each for each in owned if each["metadata"]["uid"] != new["metadata"]["uid"]]
        wanted = rollout.new_replicas(obj, [*old, new], new)
        if wanted != new["spec"].get("replicas", 1):
            return await self._scale(obj, new, wanted)
        for each, replicas in rollout.old_replicas(obj, old, new):
            await self._scale(obj, each, replicas)
        return new

    def _is_rescaled(self, obj: KubeObject, owned: Sequence[KubeObject]) -> bool:
        """Whether the number of replicas was changed since it was noted at the ReplicaSets."""
        wanted = str(obj["spec"].get("replicas", 1))
        noted = [
            (each["metadata"].get("annotations") or {}).get(DESIRED)
            for each in owned
            if each["spec"].get("replicas", 1)
        ]
        return any(each is not None and each != wanted for each in noted)

    async def _rescale(self, obj: KubeObject, owned: Sequence[KubeObject], new: KubeObject | None) -> None:
        """Spread a new number of replicas over the ReplicaSets in proportion to their sizes."""
        for each, replicas in rollout.proportional(obj, owned, new):
            await self._scale(obj, each, replicas)

    async def _ensure_new(self, obj: KubeObject, owned: Sequence[KubeObject], new: KubeObject | None) -> KubeObject:
        revision = str(max((_revision(each) for each in owned if each is not new), default=0) + 1)
        if new is not None:
            await self._note_revision(obj, revision if _revision(new) < int(revision) else str(_revision(new)))
            if _revision(new) < int(revision):
                new = await self._annotate(new, {REVISION: revision})
            return new
        created = await self._create_set(obj, owned, revision)
        await self._note_revision(obj, revision)
        return created

    async def _create_set(self, obj: KubeObject, owned: Sequence[KubeObject], revision: str) -> KubeObject:
        metadata, spec = obj["metadata"], obj["spec"]
        collisions = (obj.get("status") or {}).get("collisionCount", 0)
        hashed = template_hash(spec["template"], collisions)
        template = _labelled(spec["template"], hashed)
        annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in NOT_COPIED}
        fresh = {
            "metadata": {
                "name": f"{metadata['name']}-{hashed}",
                "labels": template["metadata"]["labels"],
                "annotations": annotations | _numbers(obj) | {REVISION: revision},
                "ownerReferences": [owner_reference(obj, self.resource)],
            },
            "spec": {
                "replicas": 0,
                "minReadySeconds": spec.get("minReadySeconds", 0),
                "selector": _selecting(spec["selector"], hashed),
                "template": template,
            },
        }
        fresh["spec"]["replicas"] = rollout.new_replicas(obj, owned, None)
        try:
            created = await self.api.create(REPLICA_SETS, fresh, metadata["namespace"])
        except kube.AlreadyExists:
            found = await self.api.get(REPLICA_SETS, fresh["metadata"]["name"], metadata["namespace"])
            if controller_uid(found) == metadata["uid"] and rollout.same_template(found, obj):
                self._sets.wrote(found)
                return found
            await self.write_status(obj, {"collisionCount": collisions + 1})
            raise
        except kube.ApiError as error:
            self.tell(obj, "ReplicaSetCreateError", f"Failed to create new replica set: {error}", warning=True)
            raise
        self._sets.wrote(created)
        if replicas := created["spec"]["replicas"]:
            self.tell(
                obj, "ScalingReplicaSet", f"Scaled up replica set {created['metadata']['name']} from 0 to {replicas}"
            )
        return created

    async def _scale(self, obj: KubeObject, owned: KubeObject, replicas: int) -> KubeObject:
        before, metadata = owned["spec"].get("replicas", 1), owned["metadata"]
        noted = metadata.get("annotations") or {}
        numbers = {name: value for name, value in _numbers(obj).items() if noted.get(name) != value}
        if before == replicas and not numbers:
            return owned
        patch: dict[str, Any] = {"metadata": {"uid": metadata["uid"], "annotations": numbers}}
        if before != replicas:
            patch["spec"] = {"replicas": replicas}
        scaled = await self.api.patch(REPLICA_SETS, metadata["name"], patch, metadata["namespace"])
        self._sets.wrote(scaled)
        if before != replicas:
            way = "up" if replicas > before else "down"
            self.tell(
                obj, "ScalingReplicaSet", f"Scaled {way} replica set {metadata['name']} from {before} to {replicas}"
            )
        return scaled

    async def _annotate(self, owned: KubeObject, annotations: Mapping[str, str]) -> KubeObject:
        metadata = owned["metadata"]
        patch = {"metadata": {"uid": metadata["uid"], "annotations": dict(annotations)}}
        written = await self.api.patch(REPLICA_SETS, metadata["name"], patch, metadata["namespace"])
        self._sets.wrote(written)
        return written

    async def _note_revision(self, obj: KubeObject, revision: str) -> None:
        metadata = obj["metadata"]
        if (metadata.get("annotations") or {}).get(REVISION) == revision:
            return
        patch = {"metadata": {"uid": metadata["uid"], "annotations": {REVISION: revision}}}
        self.view.wrote(await self.api.patch(self.resource, metadata["name"], patch, metadata["namespace"]))

    async def _clean_up(self, obj: KubeObject, owned: Sequence[KubeObject], new: KubeObject) -> None:
        """Delete the oldest ReplicaSets beyond ``revisionHistoryLimit`` once the rollout is complete."""
        if not rollout.is_complete(obj, owned, new):
            return
        limit = obj["spec"].get("revisionHistoryLimit", 10)
        idle = [each for each in owned if each["metadata"]["uid"] != new["metadata"]["uid"] and _is_idle(each)]
        for each in sorted(idle, key=_revision)[: max(0, len(idle) - limit)]:
            metadata = each["metadata"]
            with contextlib.suppress(kube.NotFound):
                await self.api.delete(REPLICA_SETS, metadata["name"], metadata["namespace"], uid=metadata["uid"])
            self._sets.lost(each)

    # --- status -----------------------------------------------------------------------------------------------------

    async def _tell_status(self, obj: KubeObject, owned: Sequence[KubeObject], new: KubeObject | None) -> None:
        live = self.view.objects.get(obj["metadata"]["uid"], obj)
        if new is not None:
            new = self._sets.objects.get(new["metadata"]["uid"], new)
        status = rollout.status(live, owned, new)
        now = self.setting.now()
        before = live.get("status") or {}
        conditions = [
            each for each in before.get("conditions") or [] if each["type"] not in ("Available", "Progressing")
        ]
        minimum = rollout.at_least_available(live) <= status["availableReplicas"]
        message = (
            "Deployment has minimum availability." if minimum else "Deployment does not have minimum availability."
        )
        reason = "MinimumReplicasAvailable" if minimum else "MinimumReplicasUnavailable"
        available = condition("Available", str(minimum), reason, message, now, condition_of(live, "Available"))
        progressing = rollout.progress(live, status, new, now, condition_of(live, "Progressing"))
        conditions += [available, *([progressing] if progressing is not None else [])]
        written = {name: value or None for name, value in status.items() if name != "observedGeneration"}
        await self.write_status(
            live, {**written, "observedGeneration": status["observedGeneration"], "conditions": conditions}
        )
        deadline = live["spec"].get("progressDeadlineSeconds", 600)
        if progressing is not None and progressing["status"] == "True" and not rollout.is_done(live, status):
            waited = (now - parse_rfc3339(progressing["lastUpdateTime"])).total_seconds()
            self.again(live, max(0.0, deadline - waited) + 1.0)

    def _pods_of(self, owned: KubeObject) -> list[KubeObject]:
        return self._pods.owned_by(owned["metadata"]["uid"])


def template_hash(template: Mapping[str, Any], collisions: int) -> str:
    """What names a ReplicaSet for its template: ten letters and digits that make no word."""
    text = json.dumps([template, collisions], sort_keys=True, separators=(",", ":"))
    return "".join(_SAFE[byte % len(_SAFE)] for byte in hashlib.sha256(text.encode()).digest()[:10])


def _labelled(template: Mapping[str, Any], hashed: str) -> dict[str, Any]:
    metadata = template.get("metadata") or {}
    return {**template, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), HASH_LABEL: hashed}}}


def _selecting(selector: Mapping[str, Any], hashed: str) -> dict[str, Any]:
    return {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: hashed}}


def _numbers(obj: KubeObject) -> dict[str, str]:
    wanted = obj["spec"].get("replicas", 1)
    return {DESIRED: str(wanted), MAXIMUM: str(wanted + rollout.surge(obj))}


def _revision(obj: KubeObject) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _is_idle(obj: KubeObject) -> bool:
    status = obj.get("status") or {}
    return (
        not obj["spec"].get("replicas", 1)
        and not status.get("replicas")
        and status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
        and "deletionTimestamp" not in obj["metadata"]
    )


def _age(obj: KubeObject) -> tuple[str, str]:
    return obj["metadata"]["creationTimestamp"], obj["metadata"]["name"]
