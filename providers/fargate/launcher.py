"""Starts tasks: stores secret values, registers a definition once for all pods alike, runs one task a run."""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

from providers.errors import NotFound
from providers.fargate import names, status
from providers.fargate.client import FargateClient
from providers.fargate.failures import Conflict
from providers.fargate.task_definition import Built
from providers.pods import PodRef

Task = dict[str, Any]


class Launcher:
    """Starts the tasks of a node.

    Args:
        client: the way to the cloud.
        node: the node's name.
        random: for tokens when one is used up.
    """

    def __init__(self, client: FargateClient, node: str, random: Random) -> None:
        self._client = client
        self._node = node
        self._random = random
        self._definitions: dict[str, str] = {}
        self._stored: dict[str, None] = {}
        self._one_at_a_time: dict[str, asyncio.Lock] = {}

    async def launch(self, ref: PodRef, run: int, built: Built) -> Task:
        """The task of this run: made now, or before by a call whose answer was lost."""
        await self._store(built)
        arn = await self._definition(built.definition)
        return await self.run(ref, run, {"taskDefinition": arn, **built.run})

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

    async def _store(self, built: Built) -> None:
        for name, value in built.parameters.items():
            if name not in self._stored:
                await self._client.put_parameter(name, value)
                self._stored[name] = None
        for name, value in built.logins.items():
            if name not in self._stored:
                await self._client.put_login(name, value)
                self._stored[name] = None

    async def _definition(self, definition: Mapping[str, Any]) -> str:
        """The definition's ARN; registered if the cloud does not have it."""
        family = definition["family"]
        async with self._one_at_a_time.setdefault(family, asyncio.Lock()):
            if family not in self._definitions:
                try:
                    self._definitions[family] = await self._client.definition(family)
                except NotFound:
                    self._definitions[family] = await self._client.register(definition)
        return self._definitions[family]


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
