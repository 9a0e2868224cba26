"""ECI's stage: the production provider and Alibaba's SDK on the fake, behaviour by a script in the environment.

Everything takes less time there than in reality, so that scenarios with short times make sense.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from random import Random
from typing import Any

from fakes.cloud.model import Call
from fakes.cloud.scripts import VARIABLE
from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Latency
from fakes.eci.groups import Group
from fakes.eci.parameters import switch
from fakes.eci.sessions import environment
from features.stage import Behaviour
from providers.base import Clock, Provider, ProviderContext
from providers.data import File, PodData, RegistryCredential
from vksim.clouds.eci import make

SETTINGS = CloudSettings(
    latencies={"schedule": Latency(0.2), "start": Latency(0.3), "update": Latency(1.0), "call": Latency(0.02)}
)
_DOWN = Fault(FaultKind.OUTAGE)
_LOST = Fault(FaultKind.LOST_ANSWER, operations=("create",))


class EciStage:
    """A region of ECI that outlives the runner.

    It has no way to exchange the files of a group without a restart of its containers, and none to end a group sooner
    than by the grace that it was created with.
    """

    parts = frozenset({"ping", "exec", "logs", "previous", "grace", "addressing"})

    def __init__(self, clock: Clock, random: Random) -> None:
        self._backend = make(SETTINGS, clock, random)
        self._backend.patience = 0.1
        self._backend.config["PollInterval"] = "1s"
        self._region = self._backend.service.region
        self._model = self._backend.model
        self._answers_to_lose = 0
        self._model.listeners.append(self._heard)

    def provider(self, context: ProviderContext) -> Provider:
        """A new provider on the same cloud."""
        return self._backend.provider(context)

    def scripted(self, pod: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
        """The pod with a script in each container's environment."""
        script = {name: value for name, value in asdict(behaviour).items() if value not in (None, "", 0)}
        spec = dict(pod["spec"])
        spec["containers"] = [_with_script(each, script) for each in spec["containers"]]
        return {**pod, "spec": spec}

    async def pods(self) -> Mapping[str, Mapping[str, Any]]:
        """The groups that have not ended, as the pods they were made of."""
        by_id = {each.id: each for each in self._backend.groups()}
        return {each.uid: _as_pod(by_id[each.resource]) for each in self._backend.pods()}

    async def starts(self, uid: str) -> int:
        """How many groups were made for the pod."""
        return self._region.made_with_tag.get(("vk-uid", uid), 0)

    async def data(self, uid: str) -> PodData:
        """What was sent beside the containers. ECI does not tell which files are secret: nobody may read them there."""
        return _as_data(self._find(uid))

    def vanish(self, uid: str) -> None:
        """Lose the group."""
        self._region.lose(self._find(uid).id)

    def evict(self, uid: str) -> None:
        """Take the group's capacity back."""
        self._find(uid).reclaim(self._region.now())

    def lose_answers(self, creates: int) -> None:
        """The next creates happen, but are not answered."""
        self._answers_to_lose = creates
        self._model.faults.append(_LOST)

    def go_down(self) -> None:
        """Every call fails."""
        self._model.faults.append(_DOWN)

    def come_back(self) -> None:
        """Calls work again."""
        self._model.faults.remove(_DOWN)

    def _heard(self, call: Call) -> None:
        if call.outcome == FaultKind.LOST_ANSWER:
            self._answers_to_lose -= 1
            if not self._answers_to_lose:
                self._model.faults.remove(_LOST)

    def _find(self, uid: str) -> Group:
        group_id = next(each.resource for each in self._backend.pods() if each.uid == uid)
        return self._region.find(group_id)


def _with_script(container: Mapping[str, Any], script: Mapping[str, Any]) -> dict[str, Any]:
    if not script:
        return dict(container)
    variable = {"name": VARIABLE, "value": json.dumps(script)}
    return {**container, "env": [*container.get("env", []), variable]}


def _as_pod(group: Group) -> dict[str, Any]:
    tags = {each["Key"]: each.get("Value", "") for each in group.parameters["Tag"]}
    metadata = {"namespace": tags["vk-namespace"], "name": tags["vk-pod"], "uid": tags["vk-uid"]}
    containers = [
        {
            "name": each["Name"],
            "image": each["Image"],
            "env": [{"name": name, "value": value} for name, value in environment(group, index).items()],
        }
        for index, each in enumerate(group.containers)
    ]
    return {"metadata": metadata, "spec": {"containers": containers}}


def _as_data(group: Group) -> PodData:
    files = {each["Name"]: _files(each) for each in group.parameters.get("Volume") or []}
    hidden = [each for each in group.containers if switch(each, "EnvironmentVarHide")]
    return PodData(
        files=files,
        secret_volumes=frozenset(files),
        registries=tuple(
            RegistryCredential(each["Server"], each["UserName"], each["Password"])
            for each in group.parameters.get("ImageRegistryCredential") or []
        ),
        secret_env=frozenset(
            (each["Name"], variable["Key"]) for each in hidden for variable in each.get("EnvironmentVar") or []
        ),
    )


def _files(volume: Mapping[str, Any]) -> tuple[File, ...]:
    source = volume.get("ConfigFileVolume") or {}
    return tuple(
        File(each["Path"], int(each["Mode"]), base64.b64decode(each["Content"]))
        for each in source.get("ConfigFileToPath") or []
    )
