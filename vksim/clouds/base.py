"""What a simulation asks of a cloud. A cloud offers itself by the entry-point group ``vksim.clouds``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from fakes.cloud.model import CloudModel
from fakes.cloud.settings import CloudSettings
from providers.base import Clock, Provider, ProviderContext

GROUP = "vksim.clouds"


@dataclass(frozen=True, slots=True)
class CloudPod:
    """A cloud's resource that runs a pod, and has not ended.

    Attributes:
        uid: the pod's identity, as its provider tagged the resource.
        namespace: the pod's.
        name: the pod's.
        node: the node that made it.
        resource: what the cloud calls it.
        running: whether its containers have started.
    """

    uid: str
    namespace: str
    name: str
    node: str
    resource: str
    running: bool


class CloudBackend(Protocol):
    """A fake cloud in this process, with the production provider in front of it.

    Attributes:
        model: its latencies, quotas, rates and faults; also who has called what.
    """

    model: CloudModel

    def provider(self, context: ProviderContext) -> Provider:
        """The production provider, on the real SDK, for one node; its calls go to this cloud without a socket."""
        ...

    def pods(self) -> Iterable[CloudPod]:
        """All resources that have not ended, leaked ones too."""
        ...

    def interrupt(self, share: float) -> int:
        """The cloud takes back this share of what runs on spare capacity: how many resources that were."""
        ...


MakeCloud = Callable[[CloudSettings | None, Clock, Random], CloudBackend]
"""What the entry point names: a cloud with these settings (None: as it is in reality), its time and its chance."""
