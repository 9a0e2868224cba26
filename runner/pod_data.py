"""Gathers what a pod needs of the cluster, so that providers need no access to it: environment, files, logins, tokens.

What is pure is in ``environment``, ``volumes``, ``downward`` and ``service_links``; this module asks the API server.
What many pods refer to is asked for once a second at the most.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from providers import pods
from providers.base import PodAddressing, Provider
from providers.data import NO_DATA, PodData
from providers.types import KubeObject, Pod
from runner import environment, kube, volumes
from runner.config import RunnerConfig
from runner.downward import POD_ADDRESSES, Host
from runner.ports import Ports
from runner.references import Problem, Reference, Unreadable
from runner.services import Services
from runner.tokens import Tokens

FRESH_SECONDS = 1.0
"""So old an answer may be: a burst of pods with the same ConfigMap asks for it once."""

KINDS = {"ConfigMap": kube.CONFIG_MAPS, "Secret": kube.SECRETS}


@dataclass(frozen=True, slots=True)
class Given:
    """What the provider is to be given.

    Attributes:
        pod: the pod, its environments literal.
        data: the rest.
        problems: what to tell the pod's owner.
        refresh_at: when to gather it anew, because a token ages; None for never.
    """

    pod: Pod
    data: PodData = NO_DATA
    problems: tuple[Problem, ...] = ()
    refresh_at: datetime | None = None

    @property
    def fatal(self) -> Problem | None:
        """The first problem that keeps the pod from being created."""
        return next((each for each in self.problems if each.fatal), None)


def references(pod: Pod) -> list[Reference]:
    """All objects that the pod refers to, each once."""
    found = [*environment.references(pod), *volumes.references(pod), *volumes.pull_secrets(pod)]
    return list(dict.fromkeys(found)) if found else found


class PodDataSource:
    """Gathers pods' data for one node.

    Args:
        kube: the cluster.
        provider: knows the node's capacity, and perhaps addresses before pods have them.
        config: the node's.
        ports: time.
        log: where trouble is told.
    """

    def __init__(
        self,
        api: kube.KubeApi,
        provider: Provider,
        config: RunnerConfig,
        ports: Ports,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self._api = api
        self._provider = provider
        self._config = config
        self._services = Services(api, config.namespace, ports.random, log)
        self._tokens = Tokens(api, ports.clock)
        self._recent: dict[object, tuple[float, asyncio.Future[Any]]] = {}

    async def gather(self, pod: Pod) -> Given:
        """What the provider is to be given of the pod.

        Raises:
            kube.ApiError: the API server does not answer.
            ProviderError: the provider does not.
        """
        services = await self._services.variables(pod)
        if not services and _asks_for_nothing(pod):
            return Given(pod)
        namespace = pod["metadata"].get("namespace", "default")
        wanted = references(pod)
        sources = {each: await self._object(each, namespace) for each in wanted}
        host = await self._host(pod)
        tokens, renew_at = await self._tokens.of(pod)
        found = environment.resolve(await self._addressed(pod), sources, host, services)
        problems = [*found.problems]
        if found.late:
            names = ", ".join(sorted({name for _, name in found.late}))
            message = f"{names}: the provider does not know the pod's address before its containers run; left out"
            problems.append(Problem("PodIPNotKnown", message, fatal=False))
        resolved = found.pod
        if resolved.get("status") is not pod.get("status"):  # an address that it does not have yet is not shown
            resolved = pods.with_status(resolved, pods.status(pod))
        mounted = volumes.resolve(pod, sources, tokens, host)
        logins, missing = volumes.registries(pod, sources)
        problems += [*mounted.problems, *missing]
        data = NO_DATA
        if mounted.files or logins or found.secret or found.late:
            data = PodData(mounted.files, mounted.secret, logins, found.secret, found.late)
        return Given(resolved, data, tuple(problems), renew_at)

    def outdated(self, pod: Pod) -> None:
        """Something that the pod refers to has changed: what was read a moment ago does not count."""
        namespace = pod["metadata"].get("namespace", "default")
        for each in references(pod):
            self._recent.pop((each, namespace), None)

    def close(self) -> None:
        """Follow nothing any more."""
        self._services.close()

    def forget(self, uid: str) -> None:
        """The pod needs nothing any more."""
        self._tokens.forget(uid)

    async def _object(self, reference: Reference, namespace: str) -> KubeObject | Unreadable | None:
        async def ask() -> KubeObject | Unreadable | None:
            try:
                return await self._api.get(KINDS[reference.kind], reference.name, namespace)
            except kube.NotFound:
                return None
            except kube.Forbidden as error:
                return Unreadable(error.message)

        found: KubeObject | Unreadable | None = await self._once((reference, namespace), ask)
        return found

    async def _host(self, pod: Pod) -> Host:
        """The node; what it has to offer is asked for only if the pod wants to know."""
        if not _wants_resources(pod):
            return Host(self._config.internal_ip)
        return Host(self._config.internal_ip, await self._provider.capacity())

    async def _addressed(self, pod: Pod) -> Pod:
        """The pod with the address that it will have, where it wants to know it and the provider knows."""
        if not _wants_address(pod) or not isinstance(self._provider, PodAddressing):
            return pod
        ip = await self._provider.pod_ip(pod)
        return pods.with_status(pod, {**pods.status(pod), "podIP": ip, "podIPs": [{"ip": ip}]})

    async def _once(self, key: object, ask: Callable[[], Awaitable[Any]]) -> Any:
        """The answer to a question that was asked less than a second ago, or is being asked; else ask it."""
        now = asyncio.get_running_loop().time()
        asked = self._recent.get(key)
        if asked is None or asked[0] <= now:
            while self._recent and next(iter(self._recent.values()))[0] <= now:  # the oldest are the first
                del self._recent[next(iter(self._recent))]
            asked = self._recent[key] = (now + FRESH_SECONDS, asyncio.ensure_future(ask()))
            asked[1].add_done_callback(_seen)  # whoever asked may have left
        try:
            return await asyncio.shield(asked[1])
        except Exception:
            if self._recent.get(key) is asked:
                del self._recent[key]
            raise


def _seen(asked: asyncio.Future[Any]) -> None:
    if not asked.cancelled():
        asked.exception()


def _asks_for_nothing(pod: Pod) -> bool:
    """Whether there is nothing to gather, as for most pods of a large simulation."""
    spec = pod.get("spec", {})
    return not (
        spec.get("volumes")
        or spec.get("imagePullSecrets")
        or any(each.get("env") or each.get("envFrom") for each in environment.containers(pod))
    )


def _wants_address(pod: Pod) -> bool:
    return any(
        ((variable.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath") in POD_ADDRESSES
        for container in environment.containers(pod)
        for variable in container.get("env") or []
    )


def _wants_resources(pod: Pod) -> bool:
    """Whether the pod asks for a limit that may be the node's."""
    return volumes.ask_for_resources(pod) or any(
        "resourceFieldRef" in (variable.get("valueFrom") or {})
        for container in environment.containers(pod)
        for variable in container.get("env") or []
    )
