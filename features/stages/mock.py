"""The mock provider's stage: behaviour by annotations, trouble by the mock cloud itself."""

from collections.abc import Mapping
from random import Random
from typing import Any, cast

from features.stage import Behaviour
from providers import pods
from providers.base import Clock, Provider, ProviderContext
from providers.data import PodData
from providers.errors import Retryable
from providers.mock.cloud import MockCloud
from providers.mock.config import OUR_CAPACITY, MockConfig
from providers.mock.provider import MockProvider
from providers.mock.script import PREFIX, Script


class MockStage:
    """A mock cloud that outlives the runner."""

    parts = frozenset({"ping", "exec", "logs", "previous", "grace", "hurry", "addressing", "refresh"})

    def __init__(self, clock: Clock, random: Random) -> None:
        self.cloud = MockCloud(clock, random)

    def provider(self, context: ProviderContext) -> Provider:
        """A new provider on the same cloud."""
        return MockProvider(context, MockConfig(OUR_CAPACITY, Script()), self.cloud)

    def scripted(self, pod: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
        """The pod with annotations."""
        settings = {
            "run-for": behaviour.run_for,
            "exit-code": behaviour.exit_code or None,
            "never-start": behaviour.never_starts or None,
            "end-after": behaviour.ends_after,
            "create-takes": behaviour.create_takes,
            "create-error": behaviour.create_error or None,
            "create-errors": behaviour.create_errors or None,
            "delete-errors": behaviour.delete_errors or None,
        }
        annotations = {PREFIX + name: str(value) for name, value in settings.items() if value is not None}
        return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}}

    async def pods(self) -> Mapping[str, Mapping[str, Any]]:
        """The pods that have not ended."""
        return {pods.uid(pod): cast("dict[str, Any]", pod) for pod in self.cloud.alive()}

    async def starts(self, uid: str) -> int:
        """How often the cloud started the pod from nothing."""
        return self.cloud.starts.get(uid, 0)

    async def data(self, uid: str) -> PodData:
        """What the mock keeps beside the pod."""
        return self.cloud.find(uid).data

    def vanish(self, uid: str) -> None:
        """Lose the pod."""
        self.cloud.vanish(uid)

    def evict(self, uid: str) -> None:
        """End the pod on the cloud's account."""
        self.cloud.evict(uid)

    def lose_answers(self, creates: int) -> None:
        """The next creates happen, but are not answered."""
        self.cloud.lost_answers = creates

    def go_down(self) -> None:
        """Every call fails."""
        self.cloud.trouble = _down

    def come_back(self) -> None:
        """Calls work again."""
        self.cloud.trouble = None


def _down(operation: str, node: str) -> None:
    raise Retryable(f"the cloud is down: {operation} for {node} failed")
