"""What each pod of a node is waiting for, in words: a pure function over the reconciler's records."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from providers import pods
from runner import lifecycle
from runner.lifecycle import Failure, Record
from runner.ports import rfc3339


def dump(records: Mapping[str, Record], now: datetime, under_way: Mapping[str, str]) -> list[dict[str, Any]]:
    """Of each pod: who it is, how it is, what comes next and what went wrong; in the order of their names.

    Args:
        records: what is known of the pods, by UID.
        now: the time.
        under_way: the calls that have not been answered yet, in words, by their pod's UID.
    """
    told = (_pod(record, now, under_way.get(uid)) for uid, record in records.items())
    return sorted(told, key=lambda each: (each["pod"], each["uid"]))


def _pod(record: Record, now: datetime, under_way: str | None) -> dict[str, Any]:
    pod = record.pod
    failures = [_failure(each) for each in (record.failure, record.write_failure) if each is not None]
    return {
        "pod": str(pods.ref(pod)),
        "uid": pods.uid(pod),
        "phase": pods.phase(pod) if record.in_api else "deleted",
        "provider": record.presence.name.lower(),
        "next": f"waits for the provider: {under_way}" if under_way else _next(record, now),
        **({"failures": failures} if failures else {}),
    }


def _next(record: Record, now: datetime) -> str:
    match lifecycle.decide(record, now):
        case lifecycle.Idle():
            return _rest(record)
        case lifecycle.Wait(until):
            return f"waits {(until - now).total_seconds():.0f} s {_reason(record, until)}"
        case action:
            return f"at work: {_words(type(action))}"


def _rest(record: Record) -> str:
    """Why nothing is to be done."""
    if record.removed:
        return f"waits for others to take off its finalizers: {', '.join(_finalizers(record)) or 'none any more'}"
    if pods.is_terminal(record.pod):
        return "nothing: it has ended"
    return "nothing: waits for news from the provider or a change in the API"


def _reason(record: Record, until: datetime) -> str:
    for failure in (record.failure, record.write_failure):
        if failure is not None and failure.retry_at == until:
            times = "once" if failure.count == 1 else f"{failure.count} times"
            return f"to try again to {_words(failure.action)}, which failed {times}: {failure.message}"
    if record.delete_grace is not None:
        return f"for its end at the provider, asked with {record.delete_grace} s of grace"
    if record.refresh_at == until:
        return "to renew a token in its volumes"
    return "for its active deadline"


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "action": _words(failure.action),
        "message": failure.message,
        "count": failure.count,
        "retryAt": rfc3339(failure.retry_at) if failure.retry_at else None,
    }


def _finalizers(record: Record) -> list[str]:
    return record.pod["metadata"].get("finalizers") or []


def _words(action: type[lifecycle.Action]) -> str:
    return _WORDS.get(action, action.__name__.lower())


_WORDS: Mapping[type[lifecycle.Action], str] = {
    lifecycle.Create: "create it at the provider",
    lifecycle.Update: "update it at the provider",
    lifecycle.Refresh: "bring its volumes up to date at the provider",
    lifecycle.Delete: "end it at the provider",
    lifecycle.Look: "look for it at the provider",
    lifecycle.Report: "write its status to the API",
    lifecycle.Evict: "have the API delete it, as the provider has ended it",
    lifecycle.Remove: "remove it from the API",
    lifecycle.Forget: "forget it",
}
