"""Fargate's stage: the production provider and boto3 on the fake, behaviour by a script in the environment.

Everything takes less time there than in reality, so that scenarios with short times make sense.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from random import Random
from typing import Any

from fakes.cloud.model import Call
from fakes.cloud.scripts import VARIABLE
from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Latency
from fakes.fargate.tasks import Task
from features.stage import Behaviour
from providers.base import Clock, Provider, ProviderContext
from providers.data import PodData, RegistryCredential
from providers.fargate import files, names
from vksim.clouds.fargate import make

SETTINGS = CloudSettings(
    latencies={"schedule": Latency(0.2), "start": Latency(0.3), "end": Latency(0.1), "call": Latency(0.02)}
)
_DOWN = Fault(FaultKind.OUTAGE)
_LOST = Fault(FaultKind.LOST_ANSWER, operations=("create",))


class FargateStage:
    """An account that outlives the runner.

    A task's address is not known before it is placed, its files cannot be exchanged, and it ends by the grace that it
    was defined with: AWS has no calls for these.
    """

    parts = frozenset({"ping", "exec", "logs", "previous", "grace"})

    def __init__(self, clock: Clock, random: Random) -> None:
        self._backend = make(SETTINGS, clock, random)
        self._backend.door.patience = 0.1
        self._backend.config |= {"PollInterval": "1s", "SecretsPath": "/vksim", "EnableExec": True}
        self._account = self._backend.service.account
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
        if script:
            variable = {"name": VARIABLE, "value": json.dumps(script)}
            spec["containers"] = [{**each, "env": [*each.get("env", []), variable]} for each in spec["containers"]]
        return {**pod, "spec": spec}

    async def pods(self) -> Mapping[str, Mapping[str, Any]]:
        """The tasks that have not stopped, as the pods they were made of."""
        by_arn = {each.arn: each for each in self._backend.tasks()}
        return {each.uid: self._as_pod(by_arn[each.resource]) for each in self._backend.pods()}

    async def starts(self, uid: str) -> int:
        """How many first tasks were made for the pod; those that follow are restarts of its containers."""
        return self._account.made.get(names.group(uid, 0), 0)

    async def data(self, uid: str) -> PodData:
        """What was sent beside the containers: the helper's files, and what refers to AWS's stores."""
        task = self._find(uid)
        helper = next((each for each in task.containers if each.name == names.FILES), None)
        plain, secret = {}, {}
        if helper is not None:
            environment = self._environment(helper)
            plain = files.unpacked(environment[files.PLAIN]) if files.PLAIN in environment else {}
            secret = files.unpacked(environment[files.SECRET]) if files.SECRET in environment else {}
        mounted = {each["sourceVolume"] for c in task.containers for each in c.definition.get("mountPoints") or []}
        logins = [
            json.loads(self._backend.service.beside.login(login["credentialsParameter"]))
            for each in task.containers
            if (login := each.definition.get("repositoryCredentials"))
        ]
        image = task.containers[0].definition["image"]
        return PodData(
            files={**dict.fromkeys(sorted(mounted), ()), **plain, **secret},
            secret_volumes=frozenset(secret),
            registries=tuple(
                RegistryCredential(image.partition("/")[0], each["username"], each["password"]) for each in logins
            ),
            secret_env=frozenset(
                (each.name, hidden["name"])
                for each in task.containers
                for hidden in each.definition.get("secrets") or []
            ),
        )

    def vanish(self, uid: str) -> None:
        """Lose all the pod's tasks, also one that could not start and waits for its successor."""
        for arn, task in list(self._account.tasks.items()):
            whose = names.identity(task.constant)
            if whose is not None and whose.ref.uid == uid:
                self._account.lose(arn)

    def evict(self, uid: str) -> None:
        """Take the task's capacity back."""
        self._account.reclaim(self._find(uid))

    def lose_answers(self, creates: int) -> None:
        """The next launches happen, but are not answered."""
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

    def _find(self, uid: str) -> Task:
        arn = next(each.resource for each in self._backend.pods() if each.uid == uid)
        return self._account.tasks[arn]

    def _environment(self, container: Any) -> dict[str, str]:
        """A container's variables, with the secret ones as ECS puts them in."""
        hidden = {
            each["name"]: self._backend.service.beside.secret(each["valueFrom"])
            for each in container.definition.get("secrets") or []
        }
        return {**container.environment, **hidden}

    def _as_pod(self, task: Task) -> dict[str, Any]:
        whose = names.identity(task.constant)
        assert whose is not None
        ref = whose.ref
        containers = [
            {
                "name": each.name,
                "image": each.definition["image"],
                "env": [
                    {"name": name, "value": value}
                    for name, value in self._environment(each).items()
                    if name not in names.OF_THE_POD
                ],
            }
            for each in task.containers
            if each.name not in names.OWN and each.name not in whose.initial
        ]
        metadata = {"namespace": ref.namespace, "name": ref.name, "uid": ref.uid}
        return {"metadata": metadata, "spec": {"containers": containers}}
