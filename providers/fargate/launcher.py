"""Starts tasks: stores secret values, registers a definition once for all pods alike, runs one task a run."""

from collections.abc import Mapping
from random import Random
from typing import Any

from providers.errors import NotFound
from providers.fargate import names, status
from providers.fargate.client import FargateClient
from providers.fargate.failures import Conflict, Inactive
from providers.fargate.shelf import Shelf
from providers.fargate.task_definition import Built
from providers.pods import PodRef

Task = dict[str, Any]
REGISTERED = frozenset(
    {
        *("family", "containerDefinitions", "cpu", "memory", "networkMode", "requiresCompatibilities", "volumes"),
        *("runtimePlatform", "executionRoleArn", "taskRoleArn", "ephemeralStorage"),
    }
)
"""The fields of a definition that RegisterTaskDefinition was given; the others are AWS's own."""


class Launcher:
    """Starts the tasks of a node.

    Args:
        client: the way to the cloud.
        shelf: what this process has put there.
        node: the node's name.
        random: for tokens when one is used up.
    """

    def __init__(self, client: FargateClient, shelf: Shelf, node: str, random: Random) -> None:
        self._client = client
        self._shelf = shelf
        self._node = node
        self._random = random

    async def launch(self, ref: PodRef, run: int, built: Built) -> Task:
        """The task of this run: made now, or before by a call whose answer was lost."""
        try:
            return await self._launch(ref, run, built)
        except Inactive:  # another process has swept the definition, and what it refers to
            self._shelf.forget(built.definition["family"], (*built.parameters, *built.logins))
            return await self._launch(ref, run, built)

    async def again(self, ref: PodRef, run: int, request: Mapping[str, Any]) -> Task:
        """The task of this run, by a definition that was used before."""
        try:
            return await self.run(ref, run, request)
        except Inactive:
            arn = await self._revived(request["taskDefinition"])
            return await self.run(ref, run, {**request, "taskDefinition": arn})

    async def run(self, ref: PodRef, run: int, request: Mapping[str, Any]) -> Task:
        """RunTask, told whose it is."""
        identified = {
            **request,
            "startedBy": names.started_by(self._node),
            "group": names.group(ref.uid, run),
            "tags": names.tags(ref, self._node),
        }
        token = names.token(ref.uid, run)
        for _ in range(3):
            try:
                task = await self._client.run({**identified, "clientToken": token})
            except Conflict as conflict:  # the pod's Secrets have changed between two attempts
                found = await self._client.tasks(conflict.tasks) if conflict.tasks else []
                task = found[0] if found else {"lastStatus": status.STOPPED}
            if task.get("lastStatus") != status.STOPPED:
                return task
            token = names.token(f"{ref.uid}-{self._random.getrandbits(32):08x}", run)
        return task

    async def _launch(self, ref: PodRef, run: int, built: Built) -> Task:
        await self._store(built)
        arn = await self._definition(built.definition)
        return await self.run(ref, run, {"taskDefinition": arn, **built.run})

    async def _store(self, built: Built) -> None:
        for name, value in built.parameters.items():
            if name not in self._shelf.stored:
                await self._client.put_parameter(name, value)
                self._shelf.stored[name] = None
        for name, value in built.logins.items():
            if name not in self._shelf.stored:
                await self._client.put_login(name, value)
                self._shelf.stored[name] = None

    async def _definition(self, definition: Mapping[str, Any]) -> str:
        """The definition's ARN; registered if the cloud does not have it."""
        family = definition["family"]
        self._shelf.use(family)
        async with self._shelf.alone(family):
            if family not in self._shelf.definitions:
                found = await self._client.definition(family)
                arn = found.arn if found is not None else await self._client.register(definition)
                self._shelf.definitions[family] = arn
        return self._shelf.definitions[family]

    async def _revived(self, arn: str) -> str:
        """A definition that was deregistered, registered anew. Raises NotFound if it was deleted, too."""
        found = await self._client.definition(arn)
        if found is None:
            raise NotFound(f"the task definition {arn} is deleted; create the pod anew")
        self._shelf.forget(found.content["family"])
        return await self._definition({key: each for key, each in found.content.items() if key in REGISTERED})


def request_of(task: Mapping[str, Any], network: Mapping[str, Any]) -> dict[str, Any]:
    """What makes another task like this one."""
    overrides = (task.get("overrides") or {}).get("containerOverrides") or []
    return {
        "taskDefinition": task["taskDefinitionArn"],
        "capacityProviderStrategy": [{"capacityProvider": task.get("capacityProviderName") or "FARGATE", "weight": 1}],
        "platformVersion": task.get("platformVersion") or "LATEST",
        "networkConfiguration": {"awsvpcConfiguration": dict(network)},
        "overrides": {"containerOverrides": [_override(each) for each in overrides]},
        **({"enableExecuteCommand": True} if task.get("enableExecuteCommand") else {}),
    }


def _override(each: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in each.items() if key in ("name", "environment", "command", "cpu", "memory")}
