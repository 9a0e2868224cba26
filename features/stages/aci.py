"""ACI's stage: the production provider and Azure's client on the fake, behaviour by a script in the environment.

Everything takes less time there than in reality, so that scenarios with short times make sense.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from random import Random
from typing import Any

from fakes.aci.group import Group
from fakes.aci.script import VARIABLE
from fakes.aci.shapes import AnyContainer
from fakes.cloud.model import Call
from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Latency
from features.stage import Behaviour
from providers.aci import names, tags
from providers.base import Clock, Provider, ProviderContext
from providers.data import File, PodData, RegistryCredential
from providers.pods import PodRef
from vksim.clouds.aci import make

SETTINGS = CloudSettings(
    latencies={
        "provision": Latency(1.0),
        "restart": Latency(1.0),
        "transition": Latency(0.0),
        "write": Latency(0.1),
        "delete": Latency(0.1),
        "read": Latency(0.02),
    },
)

_DOWN = Fault(FaultKind.OUTAGE)
_LOST = Fault(FaultKind.LOST_ANSWER, operations=("create",))
_INIT_SCRIPT = {"run_for": 1.0}


class AciStage:
    """A region of ACI that outlives the runner.

    ACI has no address before a group is there, no way to exchange the files of a running group, no log of a previous
    run, and grants no grace.
    """

    parts = frozenset({"ping", "exec", "logs", "hurry"})

    def __init__(self, clock: Clock, random: Random) -> None:
        self._backend = make(SETTINGS, clock, random)
        self._backend.door.not_heard = 0.1
        self._cloud = self._backend.cloud
        self._clock = clock
        self._answers_to_lose = 0
        self._cloud.model.listeners.append(self._heard)

    def provider(self, context: ProviderContext) -> Provider:
        """A new provider on the same cloud."""
        return self._backend.provider(context)

    def scripted(self, pod: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
        """The pod with a script in each container's environment."""
        script = {name: value for name, value in asdict(behaviour).items() if value not in (None, "", 0)}
        if "exit_code" in script or "run_for" in script:
            script["exit_code"] = behaviour.exit_code
        spec = dict(pod["spec"])
        spec["containers"] = [_with_script(each, script) for each in spec["containers"]]
        if "initContainers" in spec:
            spec["initContainers"] = [
                each if each.get("restartPolicy") == "Always" else _with_script(each, _INIT_SCRIPT)
                for each in spec["initContainers"]
            ]
        return {**pod, "spec": spec}

    async def pods(self) -> Mapping[str, Mapping[str, Any]]:
        """The groups that have not ended, as the pods they were made of."""
        return {each.tags[tags.UID]: _as_pod(each) for each in self._backend.groups() if not each.ended}

    async def starts(self, uid: str) -> int:
        """How often the group was made, or sent again unchanged, which would start its containers again."""
        digest = names.group(PodRef("", "", uid)).rpartition("-")[2]  # what the names of a pod's groups end with
        return sum(count for group, count in self._cloud.groups.starts.items() if group.endswith(digest))

    async def data(self, uid: str) -> PodData:
        """What was sent beside the containers."""
        return _as_data(self._find(uid))

    def vanish(self, uid: str) -> None:
        """Lose the group."""
        self._cloud.groups.remove(self._find(uid), self._clock.now())

    def evict(self, uid: str) -> None:
        """Take the group's capacity back."""
        self._find(uid).evict(self._clock.now())

    def lose_answers(self, creates: int) -> None:
        """The next creates happen, but are not answered."""
        self._answers_to_lose = creates
        self._cloud.model.faults.append(_LOST)

    def go_down(self) -> None:
        """Every call fails."""
        self._cloud.model.faults.append(_DOWN)

    def come_back(self) -> None:
        """Calls work again."""
        self._cloud.model.faults.remove(_DOWN)

    def _heard(self, call: Call) -> None:
        if call.outcome == FaultKind.LOST_ANSWER:
            self._answers_to_lose -= 1
            if not self._answers_to_lose:
                self._cloud.model.faults.remove(_LOST)

    def _find(self, uid: str) -> Group:
        return next(each for each in self._backend.groups() if each.tags.get(tags.UID) == uid)


def _with_script(container: Mapping[str, Any], script: Mapping[str, Any]) -> dict[str, Any]:
    if not script:
        return dict(container)
    variable = {"name": VARIABLE, "value": json.dumps(script)}
    return {**container, "env": [*container.get("env", []), variable]}


def _as_pod(group: Group) -> dict[str, Any]:
    metadata = {"namespace": group.tags[tags.NAMESPACE], "name": group.tags[tags.POD], "uid": group.tags[tags.UID]}
    containers = [
        {"name": each.name, "image": each.properties.image, "env": _variables(each)}
        for each in group.spec.properties.containers or ()
    ]
    return {"metadata": metadata, "spec": {"containers": containers}}


def _variables(container: AnyContainer) -> list[dict[str, str]]:
    return [
        {"name": each.name, "value": each.value if each.value is not None else each.secure_value or ""}
        for each in container.properties.environment_variables or ()
    ]


def _as_data(group: Group) -> PodData:
    """The files by the pod's names of its volumes, which in the scenarios are mounted at ``/NAME``."""
    properties = group.spec.properties
    volumes = {each.name: each for each in properties.volumes or ()}
    files: dict[str, tuple[File, ...]] = {}
    secret: set[str] = set()
    for container in properties.containers or ():
        for mount in container.properties.volume_mounts or ():
            name, _, directory = mount.mount_path.lstrip("/").partition("/")
            content = volumes[mount.name].secret
            if content is not None:
                secret.add(name)
            found = tuple(
                File(f"{directory}/{key}".lstrip("/"), 0o644, base64.b64decode(value))
                for key, value in (content or {}).items()
            )
            files[name] = files.get(name, ()) + found
    return PodData(
        files=files,
        secret_volumes=frozenset(secret),
        registries=tuple(
            RegistryCredential(each.server, each.username or "", each.password or "")
            for each in properties.image_registry_credentials or ()
        ),
        secret_env=frozenset(
            (each.name, variable.name)
            for each in properties.containers or ()
            for variable in each.properties.environment_variables or ()
            if variable.secure_value is not None
        ),
    )
