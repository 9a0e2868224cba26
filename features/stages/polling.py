"""The mock's stage again, with a provider that cannot push: the core has to ask for everything."""

from collections.abc import Sequence

from features.stages.mock import MockStage
from providers.base import Provider, ProviderContext
from providers.data import NO_DATA, PodData
from providers.pods import PodRef
from providers.types import Pod, ResourceList


class PollingStage(MockStage):
    """The same cloud behind a provider without any optional part."""

    parts: frozenset[str] = frozenset({"grace", "hurry"})

    def provider(self, context: ProviderContext) -> Provider:
        """A new provider on the same cloud."""
        return _WithoutPush(context, super().provider(context))


class _WithoutPush(Provider):
    """Only what every provider must have."""

    def __init__(self, context: ProviderContext, inner: Provider) -> None:
        super().__init__(context)
        self._inner = inner

    async def create_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        await self._inner.create_pod(pod, data)

    async def update_pod(self, pod: Pod, data: PodData = NO_DATA) -> None:
        await self._inner.update_pod(pod, data)

    async def delete_pod(self, pod: Pod) -> None:
        await self._inner.delete_pod(pod)

    async def get_pod(self, ref: PodRef) -> Pod:
        return await self._inner.get_pod(ref)

    async def get_pods(self) -> Sequence[Pod]:
        return await self._inner.get_pods()

    async def capacity(self) -> ResourceList:
        return await self._inner.capacity()
