"""StatefulSets: pods with numbers, names and volumes of their own (statefulset-controller)."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from providers.types import KubeObject
from runner import kube
from vksim.controllers import pods, revisions
from vksim.controllers.base import Controller, Setting
from vksim.controllers.pods import PodControl
from vksim.controllers.resources import CLAIMS, STATEFUL_SETS
from vksim.controllers.rollout import resolved

POD_INDEX = "apps.kubernetes.io/pod-index"
POD_NAME = "statefulset.kubernetes.io/pod-name"


class StatefulSetController(Controller):
    """Keeps the numbered pods of each StatefulSet, one after the other unless they may come in parallel."""

    name = "statefulset-controller"
    resource = STATEFUL_SETS

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._control = PodControl(setting, self.resource)
        self._pods = setting.views.of(kube.PODS)
        self._revisions = setting.views.of(revisions.CONTROLLER_REVISIONS)
        self.follow(kube.PODS)

    async def sync(self, obj: KubeObject) -> None:
        """Do the next step for each pod; unless parallel, only until the first that is not there yet."""
        if "deletionTimestamp" in obj["metadata"]:
            return
        update = await self._revision(obj)
        current = (obj.get("status") or {}).get("currentRevision") or update
        owned = self._control.claimed(obj)
        if await self._fill(obj, owned, current, update) and await self._shrink(obj, owned):
            await self._replace_old(obj, owned, update)
        await self._tell_status(obj, current, update)

    async def _revision(self, obj: KubeObject) -> str:
        name = f"{obj['metadata']['name']}-{revisions.hash_of(obj['spec']['template'])}"
        namespace = obj["metadata"]["namespace"]
        if self._revisions.get(namespace, name) is None:
            known = self._revisions.owned_by(obj["metadata"]["uid"])
            number = max((each.get("revision", 0) for each in known), default=0) + 1
            hashed = name.removeprefix(f"{obj['metadata']['name']}-")
            with suppress(kube.AlreadyExists):
                body = revisions.body(obj, self.resource, hashed, number)
                self._revisions.wrote(await self.api.create(revisions.CONTROLLER_REVISIONS, body, namespace))
        return name

    async def _fill(self, obj: KubeObject, owned: Sequence[KubeObject], current: str, update: str) -> bool:
        """Create the pods that are missing, replace those that have ended; whether all are there and may be left."""
        by_number = {_number(each): each for each in owned}
        parallel = obj["spec"].get("podManagementPolicy") == "Parallel"
        complete = True
        for number in _numbers(obj):
            pod = by_number.get(number)
            if pod is not None and pods.phase(pod) in pods.TERMINAL and "deletionTimestamp" not in pod["metadata"]:
                await self._control.delete(obj, pod)
                complete = False
            elif pod is None:
                await self._create(obj, number, update if self._is_new(obj, number, current, update) else current)
                complete = False
            elif not self._is_there(obj, pod):
                complete = False
            if not complete and not parallel:
                return False
        return complete or parallel

    def _is_new(self, obj: KubeObject, number: int, current: str, update: str) -> bool:
        """Whether a pod that is made now is made from the new template."""
        if current == update or obj["spec"]["updateStrategy"]["type"] == "OnDelete":
            return current == update or obj["spec"]["updateStrategy"]["type"] == "OnDelete"
        return number >= _partition(obj)

    def _is_there(self, obj: KubeObject, pod: KubeObject) -> bool:
        if "deletionTimestamp" in pod["metadata"]:
            return False
        left = pods.available_in(pod, obj["spec"].get("minReadySeconds", 0), self.setting.now())
        if left:
            self.again(obj, left)
        return left == 0

    async def _create(self, obj: KubeObject, number: int, revision: str) -> None:
        name = f"{obj['metadata']['name']}-{number}"
        template = self._template(obj, revision)
        claims = obj["spec"].get("volumeClaimTemplates") or []
        mine = {each["metadata"]["name"] for each in claims}
        volumes = [each for each in template["spec"].get("volumes") or () if each["name"] not in mine]
        for each in claims:
            claim = f"{each['metadata']['name']}-{name}"
            volumes.append({"name": each["metadata"]["name"], "persistentVolumeClaim": {"claimName": claim}})
            metadata = {"name": claim, "labels": obj["spec"]["selector"].get("matchLabels") or {}}
            with suppress(kube.AlreadyExists):
                body = {"metadata": metadata, "spec": each["spec"]}
                await self.api.create(CLAIMS, body, obj["metadata"]["namespace"])
        changes: dict[str, Any] = {"hostname": name, "subdomain": obj["spec"].get("serviceName") or ""}
        if volumes:
            changes["volumes"] = volumes
        pod = pods.from_template(template, obj, self.resource, name=name, **changes)
        labels = {revisions.HASH_LABEL: revision, POD_NAME: name, POD_INDEX: str(number)}
        pod["metadata"]["labels"] = {**pod["metadata"].get("labels", {}), **labels}
        with suppress(kube.AlreadyExists):  # the one before is still on its way out
            await self._control.create(obj, pod)

    def _template(self, obj: KubeObject, revision: str) -> dict[str, Any]:
        """The template of a revision: today's, or the one that was kept."""
        kept = self._revisions.get(obj["metadata"]["namespace"], revision)
        found: dict[str, Any] = obj["spec"]["template"]
        if kept is not None and not revision.endswith(revisions.hash_of(found)):
            found = {key: value for key, value in kept["data"]["spec"]["template"].items() if key != "$patch"}
        return found

    async def _shrink(self, obj: KubeObject, owned: Sequence[KubeObject]) -> bool:
        """End what has a number too high, the highest first; whether none is left."""
        wanted = set(_numbers(obj))
        surplus = sorted((each for each in owned if _number(each) not in wanted), key=_number, reverse=True)
        for each in surplus:
            if "deletionTimestamp" not in each["metadata"]:
                await self._control.delete(obj, each)
            if obj["spec"].get("podManagementPolicy") != "Parallel":
                return False
        return not surplus

    async def _replace_old(self, obj: KubeObject, owned: Sequence[KubeObject], update: str) -> None:
        """Delete pods of an old template, the highest number first, so few at once as is allowed."""
        strategy = obj["spec"]["updateStrategy"]
        if strategy["type"] == "OnDelete":
            return
        wanted = list(_numbers(obj))
        limit = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
        budget = max(1, resolved(limit, len(wanted), up=True))
        by_number = {_number(each): each for each in owned}
        for number in reversed(wanted):
            pod = by_number.get(number)
            if pod is None or number < _partition(obj) or budget <= 0:
                return
            if pod["metadata"]["labels"].get(revisions.HASH_LABEL) != update:
                if "deletionTimestamp" not in pod["metadata"]:
                    await self._control.delete(obj, pod)
                budget -= 1
            elif not self._is_there(obj, pod):
                budget -= 1

    async def _tell_status(self, obj: KubeObject, current: str, update: str) -> None:
        live = self.view.objects.get(obj["metadata"]["uid"], obj)
        owned = [each for each in self._control.claimed(live) if pods.is_active(each)]
        made = [each["metadata"]["labels"].get(revisions.HASH_LABEL) for each in owned]
        ready = sum(map(pods.is_ready, owned))
        minimum, now = live["spec"].get("minReadySeconds", 0), self.setting.now()
        if made and all(each == update for each in made) and ready == len(_numbers(live)) == len(owned):
            current = update
        changes = {
            "replicas": len(owned),
            "readyReplicas": ready or None,
            "availableReplicas": sum(pods.available_in(each, minimum, now) == 0 for each in owned),
            "currentReplicas": made.count(current) or None,
            "updatedReplicas": made.count(update) or None,
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": 0,
            "observedGeneration": live["metadata"].get("generation", 0),
        }
        await self.write_status(live, changes)


def _numbers(obj: KubeObject) -> range:
    start = (obj["spec"].get("ordinals") or {}).get("start", 0)
    return range(start, start + obj["spec"].get("replicas", 1))


def _number(pod: KubeObject) -> int:
    text = pod["metadata"]["name"].rpartition("-")[2]
    return int(text) if text.isdigit() else -1


def _partition(obj: KubeObject) -> int:
    return int((obj["spec"]["updateStrategy"].get("rollingUpdate") or {}).get("partition", 0))
