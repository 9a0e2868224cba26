"""The life of a pod, decided. Every rule about what the runner does next with a pod is in this file, and only rules.

``decide`` looks at what the API server says (the pod), what the provider says and what was done before (the ``Record``)
and the time, and names one action. The reconciler performs it, notes the outcome in the record, and asks again until
there is nothing to do. In short::

    not in the API any more   at the provider -> Delete              gone -> Forget
    being deleted             alive -> Delete, after its grace kill   ended -> Report the end, then Remove
    terminal                  nothing: terminal is for ever; Delete what still runs
    past its active deadline  alive -> Delete, after its grace kill   ended -> Report that it failed
    provider never asked      Look whether it has the pod (once, after a start)
    not at the provider       Create; but Report its failure if it vanished, or ran before and must not run twice
    at the provider           Update if its spec changed             Report if its status changed

A failed action is tried again when its back-off is over; any other action may go first, so a pod that cannot be created
can be deleted at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import lru_cache

from providers import pods
from providers.types import Pod, PodStatus
from runner import status as statuses
from runner.ports import parse_rfc3339

CREATION_RACE = timedelta(minutes=1)
"""How long a cloud may not yet show what it has just accepted (Virtual Kubelet's rule)."""

KILL_PATIENCE = timedelta(seconds=30)
"""How long after its grace a pod stays in the API for a cloud that has not said that it is dead."""

DELETION_PATIENCE = timedelta(minutes=2)
"""How long a cloud may take to end what it was told to kill, before it is told again."""


class Presence(Enum):
    """Whether the provider has the pod, as far as is known."""

    UNKNOWN = auto()
    """Not asked yet."""
    ABSENT = auto()
    MAYBE = auto()
    """A create failed; the cloud may have the pod all the same."""
    PRESENT = auto()


@dataclass(frozen=True, slots=True)
class Create:
    """Create the pod at the provider, its environment resolved."""


@dataclass(frozen=True, slots=True)
class Update:
    """Bring the provider's pod in line with the changed spec."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Bring the files of the pod's volumes up to date at the provider."""


@dataclass(frozen=True, slots=True)
class Delete:
    """End the pod at the provider within ``grace`` seconds."""

    grace: int


@dataclass(frozen=True, slots=True)
class Look:
    """Ask the provider for the pod."""


@dataclass(frozen=True, slots=True)
class Report:
    """Write this status to the API."""

    status: PodStatus


@dataclass(frozen=True, slots=True)
class Evict:
    """Ask the API server to delete the pod: the cloud has ended it."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete the API object for good: nothing runs any more."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before this moment."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing to do until something changes."""


@dataclass(frozen=True, slots=True)
class Forget:
    """The pod is gone everywhere."""


Action = Create | Update | Refresh | Delete | Look | Report | Evict | Remove | Wait | Idle | Forget

CREATE, UPDATE, REFRESH, LOOK = Create(), Update(), Refresh(), Look()
EVICT, REMOVE, IDLE, FORGET = Evict(), Remove(), Idle(), Forget()


@dataclass(frozen=True, slots=True)
class Failure:
    """The last action failed.

    Attributes:
        action: which kind of action.
        message: what the provider or the API said; shown to the pod's owner.
        retry_at: when to try again; None: never, the pod fails.
        count: how often in a row.
        config_error: the pod refers to something that is not there; nothing is wrong with the provider.
    """

    action: type[Action]
    message: str
    retry_at: datetime | None
    count: int = 1
    config_error: bool = False


@dataclass(slots=True)
class Record:
    """What the runner knows of one pod besides the API object. Only the reconciler changes it.

    Attributes:
        pod: the pod as the API last showed it; after its deletion, as it was.
        in_api: whether the API still has it.
        presence: whether the provider has it.
        applied: the pod as the provider was last given it; None if unknown.
        created_at: when the provider accepted it in this process.
        reported: the provider's latest status; where that has come to be the API's, the API's.
        speaks_for: then the types of the conditions in it that are the provider's; else None.
        vanished: the provider had it, and has it no more, without having been asked.
        evicted: the provider ended it on its own.
        suspect: the provider's last list did not show it, though it should be there.
        stale: something that its volumes consist of has changed since the provider was given their files.
        content: stands for the files that the provider was last given; None if unknown.
        refresh_at: when a token among them is to be renewed; None for never.
        delete_grace: the grace with which the provider was last asked to delete it; None: never asked.
        delete_asked_at: when that was.
        removed: the API object was deleted for good (finalizers may still hold it).
        failure: the last failure at the provider, until that action succeeds.
        write_failure: the last failure to write to the API, until that succeeds.
        merged: the pod's status and the provider's report that were last brought together, and what came of it.
    """

    pod: Pod
    in_api: bool = True
    presence: Presence = Presence.UNKNOWN
    applied: Pod | None = None
    created_at: datetime | None = None
    reported: PodStatus = field(default_factory=PodStatus)
    speaks_for: tuple[str, ...] | None = None
    vanished: bool = False
    evicted: bool = False
    suspect: bool = False
    stale: bool = False
    content: int | None = None
    refresh_at: datetime | None = None
    delete_grace: int | None = None
    delete_asked_at: datetime | None = None
    removed: bool = False
    failure: Failure | None = None
    write_failure: Failure | None = None
    merged: tuple[PodStatus, PodStatus, PodStatus] | None = None


def decide(record: Record, now: datetime) -> Action:
    """What to do next with a pod."""
    action = _next(record, now)
    for failure in (record.failure, record.write_failure):
        if failure and failure.retry_at and failure.action is type(action) and now < failure.retry_at:
            return Wait(failure.retry_at)
    return action


def _next(record: Record, now: datetime) -> Action:
    pod = record.pod
    if not record.in_api:
        return _clean_up(record, now)
    if pods.is_deleting(pod):
        return _end(record, now)
    if pods.is_terminal(pod):
        return _put_to_rest(record, now)
    expiry = deadline(pod)
    if expiry is not None and now >= expiry:
        return _expire(record, now)
    action = _live(record, now)
    if expiry is None or not (action is IDLE or (isinstance(action, Wait) and action.until > expiry)):
        return action
    return Wait(expiry)


def _live(record: Record, now: datetime) -> Action:
    """The pod is to run, or to start."""
    pod = record.pod
    if record.evicted:
        return EVICT
    if record.presence is Presence.UNKNOWN or record.suspect:
        return LOOK
    if record.presence is Presence.PRESENT:
        if record.applied is not pod and record.applied is not None:
            if differs(pod, record.applied):
                return UPDATE
            record.applied = pod  # the same as far as it goes, and the older one need not be held
        report = _report(pod, _merged(record, now))
        if report is not IDLE:
            return report
        if record.stale or (record.refresh_at is not None and now >= record.refresh_at):
            return REFRESH
        return IDLE if record.refresh_at is None else Wait(record.refresh_at)
    return _begin(record, now)


def _begin(record: Record, now: datetime) -> Action:
    """The provider does not have the pod (any more)."""
    pod, failure = record.pod, record.failure
    if record.vanished or (pods.restart_policy(pod) == "Never" and has_run(pod)):
        return _report(pod, statuses.vanished(pod, now))
    if failure is None or failure.action is not Create:
        return CREATE
    shown = statuses.failed(pod, failure.message, final=failure.retry_at is None, config_error=failure.config_error)
    report = _report(pod, shown)
    return CREATE if report is IDLE else report


def _put_to_rest(record: Record, now: datetime) -> Action:
    """The pod is over for the API, and somebody may have taken its place: what the provider still runs has to end."""
    if record.presence is not Presence.PRESENT or not record.reported or pods.all_ended(record.reported):
        return IDLE
    return _stop(record, now, grace=pods.grace_seconds(record.pod))


def _expire(record: Record, now: datetime) -> Action:
    """The pod was active for longer than it may: end it, then tell (a kubelet's DeadlineExceeded)."""
    pod = record.pod
    if record.presence is Presence.UNKNOWN or record.suspect:
        return LOOK
    if record.presence is Presence.ABSENT or pods.all_ended(record.reported):
        return Report(statuses.expired(pod, _said(record), now))
    return _stop(record, now, grace=pods.grace_seconds(pod))


def _stop(record: Record, now: datetime, *, grace: int) -> Action:
    """Have the provider end a pod that the API wants to keep; kill it after its grace, and again if it lives on."""
    if record.delete_grace is None or record.delete_asked_at is None:
        return Delete(grace)
    patience = timedelta(seconds=record.delete_grace) if record.delete_grace > 0 else DELETION_PATIENCE
    again = record.delete_asked_at + patience
    return Delete(0) if now >= again else Wait(again)


def _end(record: Record, now: datetime) -> Action:
    """The API wants the pod gone: end it, tell its end, then remove the API object."""
    pod = record.pod
    if record.removed:
        return IDLE
    if record.presence is Presence.UNKNOWN or record.suspect:
        return LOOK
    grace = pods.grace_seconds(pod)
    ended = record.presence is Presence.ABSENT or pods.all_ended(record.reported)
    asked = record.delete_grace is not None
    if ended and (asked or record.presence is Presence.ABSENT):
        if pods.is_terminal(pod):
            return REMOVE
        return Report(statuses.ended(pod, _said(record), now))
    if record.delete_grace is None or grace < record.delete_grace:
        return Delete(grace)
    deadline = parse_rfc3339(pod["metadata"]["deletionTimestamp"])
    if now >= deadline and record.delete_grace > 0:
        return Delete(0)
    last = deadline if record.delete_grace > 0 else deadline + KILL_PATIENCE
    if now >= last:
        return REMOVE
    report = _report(pod, _merged(record, now))
    return Wait(last) if report is IDLE else report


def _clean_up(record: Record, now: datetime) -> Action:
    """The API has forgotten the pod; so must the provider, at once."""
    if record.presence is Presence.ABSENT:
        return FORGET
    if record.suspect:
        return LOOK
    if record.delete_grace is not None and pods.all_ended(record.reported):
        return FORGET
    if record.delete_grace is not None and record.delete_grace > 0:
        return Delete(0)
    return _stop(record, now, grace=0)


def _merged(record: Record, now: datetime) -> PodStatus:
    """The pod's status with the provider's report, worked out once for each pair of them."""
    current, reported, known = pods.status(record.pod), record.reported, record.merged
    if not reported or reported is current:
        return current
    if known is not None and known[0] is current and known[1] is reported:
        return known[2]
    said = _said(record)
    new = statuses.merged(record.pod, said, now)
    if new == current:  # thousands of pods rest so: the API's status will do for both
        record.reported, record.speaks_for, record.merged = current, _types(said), None
        return current
    record.merged = current, reported, new
    return new


def _said(record: Record) -> PodStatus:
    """What the provider said last, without the conditions that others put beside it."""
    reported = record.reported
    if record.speaks_for is None:
        return reported
    own = [each for each in reported.get("conditions") or () if each["type"] in record.speaks_for]
    return {**reported, "conditions": own}


def _types(status: PodStatus) -> tuple[str, ...]:
    return _once(tuple(each["type"] for each in status.get("conditions") or ()))


@lru_cache(maxsize=64)
def _once(types: tuple[str, ...]) -> tuple[str, ...]:
    """The same types for all pods, kept once."""
    return types


def _report(pod: Pod, new: PodStatus) -> Action:
    current = pods.status(pod)
    return IDLE if new is current or new == current else Report(new)


def has_run(pod: Pod) -> bool:
    """Whether, by its status in the API, a container of the pod has ever run."""
    return any(
        "running" in state or "terminated" in state or each.get("restartCount")
        for each in pods.container_statuses(pods.status(pod))
        for state in [each.get("state") or {}]
    )


def deadline(pod: Pod) -> datetime | None:
    """When the pod has been active for as long as it may (``activeDeadlineSeconds``); None if it may for ever."""
    seconds = pod.get("spec", {}).get("activeDeadlineSeconds")
    if seconds is None or not (begun := pods.status(pod).get("startTime")):
        return None
    return parse_rfc3339(begun) + timedelta(seconds=seconds)


_SPEC_PARTS = ("containers", "initContainers", "ephemeralContainers", "activeDeadlineSeconds", "tolerations")
_METADATA_PARTS = ("labels", "annotations")


def differs(pod: Pod, applied: Pod) -> bool:
    """Whether the pod has changed in what the API lets change and a provider may care for."""
    return spec_differs(pod, applied) or _any_differs(pod["metadata"], applied["metadata"], _METADATA_PARTS)


def spec_differs(pod: Pod, applied: Pod) -> bool:
    """As ``differs``, without labels and annotations."""
    return _any_differs(pod.get("spec") or {}, applied.get("spec") or {}, _SPEC_PARTS)


def _any_differs(one: object, other: object, names: Sequence[str]) -> bool:
    if one is other:
        return False
    assert isinstance(one, dict)  # noqa: S101  (TypedDicts of which only some keys are compared)
    assert isinstance(other, dict)  # noqa: S101
    return any(one.get(name) != other.get(name) for name in names)


def found(record: Record, at_provider: Pod) -> None:
    """Note that the provider has the pod, as it shows it."""
    record.presence = Presence.PRESENT
    record.suspect = False
    record.reported, record.speaks_for = pods.status(at_provider), None
    if record.applied is None:
        record.applied = record.pod if _same_images(record.pod, at_provider) else at_provider
    if pods.is_deleting(at_provider) and not pods.is_deleting(record.pod):
        record.evicted = True


def missing(record: Record, now: datetime) -> None:
    """Note that the provider, asked for the pod, does not have it."""
    record.suspect = False
    if record.presence is Presence.PRESENT and record.delete_grace is None:
        fresh = record.created_at is not None and now - record.created_at < CREATION_RACE
        if fresh and record.reported.get("phase") != "Running":
            return
        record.vanished = True
    record.presence = Presence.ABSENT


def _same_images(pod: Pod, at_provider: Pod) -> bool:
    """Whether the provider runs the images that the pod names; a provider that does not show them is believed."""
    shown = {each["name"]: each.get("image") for each in pods.containers(at_provider)}
    return all(shown.get(each["name"], each.get("image")) == each.get("image") for each in pods.containers(pod))
