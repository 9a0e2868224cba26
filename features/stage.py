"""What a scenario needs of a provider under test, so that the same Gherkin holds for each of them.

A stage knows how to make the provider, how to write a pod that behaves in a certain way there, and how to make trouble
in its cloud. A provider's package offers one by the entry-point group ``vksim.stages``; this package brings the mock's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from providers.base import Clock, Provider, ProviderContext
from providers.data import PodData


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a pod is to behave. Times in seconds; None leaves it to the stage.

    Attributes:
        run_for: its containers run so long.
        exit_code: and end with this.
        never_starts: its containers wait for ever, for this reason.
        ends_after: so long its containers take to end when they are told to.
        create_takes: so long the cloud takes to accept it.
        create_error: retryable, permanent or invalid.
        create_errors: so many creates fail with it.
        delete_errors: so many deletes fail with a retryable error.
    """

    run_for: float | None = None
    exit_code: int = 0
    never_starts: str = ""
    ends_after: float | None = None
    create_takes: float | None = None
    create_error: str = ""
    create_errors: int = 0
    delete_errors: int = 0


class Stage(Protocol):
    """A cloud to play on. It outlives the runner.

    Attributes:
        parts: which optional parts of the provider interface it has, of those that scenarios are tagged with (see
            ``features.conftest.PARTS``). With ``exec`` its containers know ``sh``, ``echo``, ``printenv``, ``sleep``
            and ``true``; with ``logs`` they write something when they start.
    """

    parts: frozenset[str]

    def provider(self, context: ProviderContext) -> Provider:
        """The provider for a runner that starts now."""
        ...

    def scripted(self, pod: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
        """The pod, written so that it behaves like that on this cloud."""
        ...

    async def pods(self) -> Mapping[str, Mapping[str, Any]]:
        """The pods that the cloud has and that have not ended: UID -> the pod as it was last given to the cloud."""
        ...

    async def starts(self, uid: str) -> int:
        """How often a pod was started from nothing, restarts of its containers not counted."""
        ...

    async def data(self, uid: str) -> PodData:
        """The files, logins and so on that the provider was last given for a pod."""
        ...

    def vanish(self, uid: str) -> None:
        """Lose the pod without a word."""

    def evict(self, uid: str) -> None:
        """End the pod on the cloud's own account."""

    def lose_answers(self, creates: int) -> None:
        """Do the next creates, but let their answers get lost."""

    def go_down(self) -> None:
        """Answer every call with a retryable error."""

    def come_back(self) -> None:
        """End what ``go_down`` began."""


MakeStage = Callable[[Clock, Random], Stage]
"""What the entry point names: a new stage, its time and its randomness given."""
