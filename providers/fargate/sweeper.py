"""Takes away what no pod needs any more: task definitions that no task uses, secret values that no definition names.

Only what this node's cluster has made, and only after a long time, counted by this process: dates are not asked for.
Slowly, as AWS takes one change of a definition a second and pods come first. Whoever needs a definition that was taken
away all the same registers it anew (``launcher``).
"""

import asyncio
import logging
from datetime import datetime, timedelta

from providers.base import Clock
from providers.errors import ProviderError
from providers.fargate import names
from providers.fargate.client import Definition, FargateClient
from providers.fargate.shelf import Shelf

EVERY = timedelta(hours=1)
"""Between two rounds, for all nodes of a cluster in this process together."""
UNUSED_FOR = timedelta(hours=6)
"""A definition that nobody has used for so long is deregistered."""
ORPHANED_FOR = timedelta(hours=1)
"""A secret value that no definition has named for so long is removed: one is stored some time before it is named."""
PAUSE = timedelta(seconds=10)
"""Between two changes of definitions."""


class Sweeper:
    """Sweeps one cluster.

    Args:
        client: the way to the cloud.
        shelf: what this process has put there.
        clock: the wall clock.
        cluster: its name.
        path: where secret values are; empty for nowhere.
    """

    def __init__(self, client: FargateClient, shelf: Shelf, clock: Clock, cluster: str, path: str) -> None:
        self._client = client
        self._shelf = shelf
        self._clock = clock
        self._cluster = cluster
        self._path = names.secrets_of(path, cluster) if path else ""
        self._known: dict[str, Definition] = {}
        self._since: dict[str, datetime] = {}

    async def sweep_forever(self, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        """A round each hour, by one node of the cluster."""
        while True:
            await asyncio.sleep(EVERY.total_seconds())
            last, now = self._shelf.swept.get(self._cluster), self._clock.now()
            if last is not None and now - last < EVERY / 2:
                continue
            self._shelf.swept[self._cluster] = now
            try:
                await self.sweep()
            except ProviderError as error:
                log.info("what no pod needs any more stays for now: %s", error)

    async def sweep(self) -> None:
        """One round."""
        families = dict.fromkeys(await self._client.families(f"{names.PREFIX}-"))
        named: set[str] = set()
        for family in families:
            definition = await self._definition(family)
            if definition is None or definition.cluster != self._cluster:
                continue
            if await self._is_unused(family) and self._for_long(family, UNUSED_FOR):
                await self._client.deregister(definition.arn)
                self._shelf.forget(family)
                del self._known[family]
                await asyncio.sleep(PAUSE.total_seconds())
            else:
                named.update(definition.secrets)
        self._known = {family: each for family, each in self._known.items() if family in families}
        if self._path:
            await self._sweep_values(named)

    async def _sweep_values(self, named: set[str]) -> None:
        parameters, logins = await self._client.parameters(self._path), await self._client.logins(self._path)
        for each in [*parameters, *logins]:
            if each in named:
                self._since.pop(each, None)
        orphans = [each for each in parameters if each not in named and self._for_long(each, ORPHANED_FOR)]
        await self._client.delete_parameters(orphans)
        for each in logins:
            if each not in named and self._for_long(each, ORPHANED_FOR):
                await self._client.delete_login(each)
                orphans.append(each)
        self._shelf.forget("", orphans)

    async def _definition(self, family: str) -> Definition | None:
        """The newest of the family; it never changes."""
        if family not in self._known:
            found = await self._client.definition(family)
            if found is None:
                return None
            self._known[family] = found
        return self._known[family]

    async def _is_unused(self, family: str) -> bool:
        """Whether the cluster has no task of this family, and this process has started none for long."""
        used = self._shelf.used(family)
        recent = used is not None and self._clock.now() - used < EVERY
        if recent or await self._client.has_tasks(family):
            self._since.pop(family, None)
            return False
        return True

    def _for_long(self, name: str, time: timedelta) -> bool:
        """Whether that holds for so long already; if so, it begins anew."""
        now = self._clock.now()
        if now - self._since.setdefault(name, now) < time:
            return False
        del self._since[name]
        return True
