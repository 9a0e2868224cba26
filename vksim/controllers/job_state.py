"""How far a Job has come, and what it needs next. Pure: from the Job, its pods and the time.

The rules are those of Kubernetes 1.34's job controller: counting through ``uncountedTerminatedPods``, back-off from ten
seconds to ten minutes, failure policies, limits for each index.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runner.ports import parse_rfc3339
from vksim.controllers import pods as podlib

INDEX = "batch.kubernetes.io/job-completion-index"
TRACKING = "batch.kubernetes.io/job-tracking"
FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 600.0

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a Job ends: the condition ``Complete`` or ``Failed``, and why."""

    type: str
    reason: str
    message: str


@dataclass(slots=True)
class State:
    """What a Job's pods come to.

    Attributes:
        active: those that still run or will, and are to stay in this order: the first ones go first.
        wanted: how many are to be active.
        to_create: the indexes of the pods to create now; None for a pod without index.
        verdict: how it ends, if it is over.
        is_settled: whether everything that has ended is counted and nothing is active any more.
        uncounted: pods that have ended and wait for their finalizer's end.
        status: the numbers for the status.
        look_again: seconds until time itself may change something.
    """

    active: list[Any]
    wanted: int = 0
    to_create: list[int | None] = field(default_factory=list)
    verdict: Verdict | None = None
    is_settled: bool = False
    uncounted: list[Any] = field(default_factory=list)
    status: dict[str, Any] = field(default_factory=dict)
    look_again: float | None = None


@dataclass(slots=True)
class _Tally:
    """The pods by what became of them."""

    succeeded: int
    failed: int
    done: set[int]
    given_up: set[int]
    failures: dict[int, int]
    fail_job: str = ""


def is_finished(job: Object) -> bool:
    """Whether the Job has its final condition."""
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


def of(job: Object, owned: Sequence[Any], now: datetime) -> State:
    """The state of a Job that is not finished."""
    spec, before = job["spec"], job.get("status") or {}
    indexed = spec.get("completionMode") == "Indexed"
    ended = [each for each in owned if podlib.phase(each) in podlib.TERMINAL or _counts_as_failed(each, spec)]
    over = {each["metadata"]["uid"] for each in ended}
    active = [each for each in owned if podlib.is_active(each)]
    terminating = sum(each["metadata"]["uid"] not in over and not podlib.is_active(each) for each in owned)
    state = State(active=sorted(active, key=_activity))
    tally = _tally(job, ended, before)
    state.uncounted = [each for each in ended if TRACKING in (each["metadata"].get("finalizers") or ())]
    state.verdict = _verdict(job, tally, active, now)
    state.status = _numbers(job, tally, active, terminating, ended)
    counted = not state.uncounted and not any((state.status.get("uncountedTerminatedPods") or {}).values())
    state.is_settled = counted and not active and not terminating
    if spec.get("activeDeadlineSeconds") is not None and before.get("startTime") and not spec.get("suspend"):
        end = parse_rfc3339(before["startTime"]) + timedelta(seconds=spec["activeDeadlineSeconds"])
        state.look_again = max(0.0, (end - now).total_seconds())
    if state.verdict is not None or spec.get("suspend"):
        return state
    _plan(
        job,
        state,
        tally,
        terminating if spec.get("podReplacementPolicy") == "Failed" else 0,
        ended,
        now,
        indexed=indexed,
    )
    return state


def _plan(
    job: Object, state: State, tally: _Tally, waiting: int, ended: Sequence[Object], now: datetime, *, indexed: bool
) -> None:
    spec, active = job["spec"], state.active
    parallel, completions = spec.get("parallelism", 1), spec.get("completions")
    if completions is None:
        state.wanted = len(active) if tally.succeeded else parallel
    else:
        state.wanted = min(parallel, max(0, completions - tally.succeeded - len(tally.given_up)))
    missing = state.wanted - len(active) - waiting
    if missing <= 0:
        return
    wait = _backoff(ended, now)
    if wait > 0 and not _is_per_index(spec):
        state.look_again = wait if state.look_again is None else min(wait, state.look_again)
        return
    if not indexed:
        state.to_create = [None] * missing
        return
    busy = {index for each in active if (index := _index(each)) is not None}
    for index in range(completions or 0):
        if len(state.to_create) == missing:
            break
        if index in busy or index in tally.done or index in tally.given_up:
            continue
        wait = _backoff([each for each in ended if _index(each) == index], now) if _is_per_index(spec) else 0.0
        if wait > 0:
            state.look_again = wait if state.look_again is None else min(wait, state.look_again)
        else:
            state.to_create.append(index)


def _tally(job: Object, ended: Iterable[Object], before: Object) -> _Tally:
    """What is counted already, what waits to be counted, and what is new."""
    spec = job["spec"]
    pending = before.get("uncountedTerminatedPods") or {}
    noted = {*(pending.get("succeeded") or ()), *(pending.get("failed") or ())}
    tally = _Tally(
        before.get("succeeded", 0),
        before.get("failed", 0),
        parse_indexes(before.get("completedIndexes")),
        parse_indexes(before.get("failedIndexes")),
        {},
    )
    tally.succeeded += len(pending.get("succeeded") or ())
    tally.failed += len(pending.get("failed") or ())
    for pod in ended:
        action, rule = _policy(spec, pod)
        fresh = TRACKING in (pod["metadata"].get("finalizers") or ()) and pod["metadata"]["uid"] not in noted
        index = _index(pod)
        if podlib.phase(pod) == "Succeeded":
            if index is not None:
                tally.done.add(index)
            tally.succeeded += fresh
            continue
        if action == "FailJob" and not tally.fail_job:
            tally.fail_job = rule
        if action == "Ignore":
            continue
        tally.failed += fresh
        if index is not None:
            tally.failures[index] = tally.failures.get(index, 0) + 1
            if action == "FailIndex" or (_is_per_index(spec) and tally.failures[index] > spec["backoffLimitPerIndex"]):
                tally.given_up.add(index)
    if spec.get("completionMode") == "Indexed":
        tally.succeeded = len(tally.done)
    return tally


def _numbers(
    job: Object, tally: _Tally, active: Sequence[Object], terminating: int, ended: Sequence[Object]
) -> dict[str, Any]:
    """The status: pods that have just ended are noted by UID; those let go of since are counted."""
    spec, before = job["spec"], job.get("status") or {}
    tracked = {
        each["metadata"]["uid"]: each for each in ended if TRACKING in (each["metadata"].get("finalizers") or ())
    }
    pending = before.get("uncountedTerminatedPods") or {}
    counts = {"succeeded": before.get("succeeded", 0), "failed": before.get("failed", 0)}
    still: dict[str, list[str]] = {}
    for kind in ("succeeded", "failed"):
        let_go = [uid for uid in pending.get(kind) or () if uid not in tracked]
        counts[kind] += len(let_go)
        wanted = kind == "succeeded"
        noted = [
            uid
            for uid, pod in tracked.items()
            if (podlib.phase(pod) == "Succeeded") is wanted and (wanted or _policy(spec, pod)[0] != "Ignore")
        ]
        if noted:
            still[kind] = noted
    numbers: dict[str, Any] = {
        "active": len(active) or None,
        "ready": sum(map(podlib.is_ready, active)),
        "terminating": terminating,
        "succeeded": (len(tally.done) if spec.get("completionMode") == "Indexed" else counts["succeeded"]) or None,
        "failed": counts["failed"] or None,
        "uncountedTerminatedPods": {kind: still.get(kind) for kind in ("succeeded", "failed")},
    }
    if not before.get("uncountedTerminatedPods"):
        numbers["uncountedTerminatedPods"] = still
    elif {kind: uids for kind, uids in before["uncountedTerminatedPods"].items() if uids} == still:
        del numbers["uncountedTerminatedPods"]
    if spec.get("completionMode") == "Indexed":
        numbers["completedIndexes"] = in_text(tally.done) or None
    if _is_per_index(spec):
        numbers["failedIndexes"] = in_text(tally.given_up)
    return numbers


def _verdict(job: Object, tally: _Tally, active: Sequence[Object], now: datetime) -> Verdict | None:
    """How the Job ends, if it does: as was decided before, else by failing, else by success."""
    for each in (job.get("status") or {}).get("conditions") or ():
        if each["type"] in ("FailureTarget", "SuccessCriteriaMet"):
            return Verdict("Failed" if each["type"] == "FailureTarget" else "Complete", each["reason"], each["message"])
    return _failure(job, tally, active, now) or _success(job["spec"], tally, active)


def _failure(job: Object, tally: _Tally, active: Sequence[Object], now: datetime) -> Verdict | None:
    spec = job["spec"]
    if tally.fail_job:
        return Verdict("Failed", "PodFailurePolicy", tally.fail_job)
    if not _is_per_index(spec) and _is_past_limit(spec, tally, active):
        return Verdict("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    if _is_late(job, now):
        return Verdict("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
    most = spec.get("maxFailedIndexes")
    if _is_per_index(spec) and most is not None and len(tally.given_up) > most:
        message = "Job has exceeded the specified maximal number of failed indexes"
        return Verdict("Failed", "MaxFailedIndexesExceeded", message)
    if tally.given_up and len(tally.done) + len(tally.given_up) >= spec.get("completions", 0):
        return Verdict("Failed", "FailedIndexes", "Job has failed indexes")
    return None


def _success(spec: Object, tally: _Tally, active: Sequence[Object]) -> Verdict | None:
    completions = spec.get("completions")
    done = tally.succeeded > 0 and not active if completions is None else tally.succeeded >= completions
    return Verdict("Complete", "CompletionsReached", "Reached expected number of succeeded pods") if done else None


def _is_late(job: Object, now: datetime) -> bool:
    spec, begun = job["spec"], (job.get("status") or {}).get("startTime")
    seconds = spec.get("activeDeadlineSeconds")
    if seconds is None or not begun or spec.get("suspend"):
        return False
    return now >= parse_rfc3339(begun) + timedelta(seconds=seconds)


def _is_past_limit(spec: Object, tally: _Tally, active: Sequence[Object]) -> bool:
    limit = spec.get("backoffLimit", 6)
    if tally.failed > limit:
        return True
    if spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts = sum(
        status.get("restartCount", 0)
        for pod in active
        for kind in ("initContainerStatuses", "containerStatuses")
        for status in (pod.get("status") or {}).get(kind) or ()
    )
    return bool(restarts > 0 if limit == 0 else restarts >= limit)


def _policy(spec: Object, pod: Object) -> tuple[str, str]:
    """What the failure policy says of a pod that failed, and the message for a Job that fails by it."""
    rules = (spec.get("podFailurePolicy") or {}).get("rules") or ()
    if podlib.phase(pod) != "Failed":
        return "Count", ""
    metadata, status = pod["metadata"], pod.get("status") or {}
    for number, rule in enumerate(rules):
        codes = rule.get("onExitCodes")
        if codes is not None:
            for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
                code = ((each.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
                if codes.get("containerName") not in (None, each["name"]) or code == 0:
                    continue
                if (code in codes["values"]) == (codes["operator"] == "In"):
                    of = f"pod {metadata['namespace']}/{metadata['name']}"
                    why = f"Container {each['name']} for {of} failed with exit code {code}"
                    return rule["action"], f"{why} matching {rule['action']} rule at index {number}"
        for wanted in rule.get("onPodConditions") or ():
            for each in status.get("conditions") or ():
                if (each["type"], each["status"]) == (wanted["type"], wanted.get("status", "True")):
                    why = f"Pod {metadata['namespace']}/{metadata['name']} has condition {each['type']}"
                    return rule["action"], f"{why} matching {rule['action']} rule at index {number}"
    return "Count", ""


def _counts_as_failed(pod: Object, spec: Object) -> bool:
    """A pod that is being deleted counts as failed, unless its end is to be waited for."""
    return (
        "deletionTimestamp" in pod["metadata"]
        and spec.get("podReplacementPolicy", "TerminatingOrFailed") != "Failed"
        and spec.get("podFailurePolicy") is None
    )


def _backoff(ended: Iterable[Object], now: datetime) -> float:
    """Seconds until the next pod may be created after those that failed since the last success."""
    times = sorted((_finished(each), podlib.phase(each) == "Succeeded") for each in ended)
    failures, last = 0, None
    for finished, succeeded in times:
        failures, last = (0, None) if succeeded else (failures + 1, finished)
    if last is None:
        return 0.0
    delay = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** (failures - 1))
    return max(0.0, (last + timedelta(seconds=delay) - now).total_seconds())


def _finished(pod: Object) -> datetime:
    """When the pod's last container ended; else when it was deleted, or created."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [((each.get("state") or {}).get("terminated") or {}).get("finishedAt") for each in statuses]
    known = [each for each in ends if each]
    metadata = pod["metadata"]
    return parse_rfc3339(max(known) if known else metadata.get("deletionTimestamp") or metadata["creationTimestamp"])


def _activity(pod: Object) -> tuple[bool, bool, str]:
    """Pods that are furthest go last when there are too many."""
    return podlib.is_ready(pod), bool(pod["spec"].get("nodeName")), pod["metadata"]["creationTimestamp"]


def _index(pod: Object) -> int | None:
    text = (pod["metadata"].get("annotations") or {}).get(INDEX)
    return int(text) if text is not None and text.isdigit() else None


def _is_per_index(spec: Object) -> bool:
    return spec.get("backoffLimitPerIndex") is not None


def parse_indexes(text: str | None) -> set[int]:
    """The numbers that ``1,3-5`` stands for."""
    result: set[int] = set()
    for part in filter(None, (text or "").split(",")):
        first, _, last = part.partition("-")
        result |= set(range(int(first), int(last or first) + 1))
    return result


def in_text(indexes: Iterable[int]) -> str:
    """Numbers as a Job's status has them: ``1,3-5``."""
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and index == runs[-1][-1] + 1:
            runs[-1][1:] = [index]
        else:
            runs.append([index])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
