"""What the dump says each pod is waiting for."""

from datetime import UTC, datetime, timedelta
from typing import Any

from features.factories import BoundPodFactory
from runner import debug, lifecycle
from runner.lifecycle import Create, Failure, Presence, Record, Report

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def said(record: Record) -> dict[str, Any]:
    [pod] = debug.dump({"u": record}, NOW, {})
    return pod


def pod(phase: str = "Pending", **metadata: Any) -> Any:
    made = BoundPodFactory()
    return {**made, "metadata": {**made["metadata"], "name": "web", **metadata}, "status": {"phase": phase}}


def test_a_pod_that_could_not_be_created_waits_for_the_next_try() -> None:
    record = Record(pod(), presence=Presence.ABSENT)
    record.failure = Failure(Create, "no capacity", NOW + timedelta(seconds=8), count=3)
    record.pod = {**record.pod, "status": debug_status(record)}
    shown = said(record)
    assert shown["next"] == "waits 8 s to try again to create it at the provider, which failed 3 times: no capacity"
    assert shown["failures"] == [
        {"action": "create it at the provider", "message": "no capacity", "count": 3, "retryAt": "2026-01-02T03:04:13Z"}
    ]


def debug_status(record: Record) -> Any:
    """The status that the pod has once its failure was told."""
    action = lifecycle.decide(record, NOW)
    assert isinstance(action, Report)
    return action.status


def test_a_pod_that_runs_waits_for_news() -> None:
    record = Record(pod("Running"), presence=Presence.PRESENT)
    assert said(record)["next"] == "nothing: waits for news from the provider or a change in the API"
    assert said(record)["provider"] == "present"


def test_a_pod_that_has_ended_waits_for_nothing() -> None:
    assert said(Record(pod("Succeeded"), presence=Presence.ABSENT))["next"] == "nothing: it has ended"


def test_a_pod_that_is_being_deleted_waits_for_its_end() -> None:
    deleting = pod("Running", deletionTimestamp="2026-01-02T03:04:35Z", deletionGracePeriodSeconds=30)
    record = Record(deleting, presence=Presence.PRESENT, delete_grace=30, delete_asked_at=NOW)
    assert said(record)["next"] == "waits 30 s for its end at the provider, asked with 30 s of grace"


def test_a_pod_with_a_token_waits_for_its_renewal_and_one_with_a_deadline_for_that() -> None:
    record = Record(pod("Running"), presence=Presence.PRESENT, refresh_at=NOW + timedelta(minutes=48))
    assert said(record)["next"] == "waits 2880 s to renew a token in its volumes"
    running = pod("Running")
    spec = {**running["spec"], "activeDeadlineSeconds": 60}
    status = {**running["status"], "startTime": "2026-01-02T03:04:05Z"}
    record = Record({**running, "spec": spec, "status": status}, presence=Presence.PRESENT)
    assert said(record)["next"] == "waits 60 s for its active deadline"


def test_a_removed_pod_waits_for_its_finalizers() -> None:
    held = pod("Failed", deletionTimestamp="2026-01-02T03:04:05Z", finalizers=["example.com/audit"])
    record = Record(held, presence=Presence.ABSENT, removed=True)
    assert said(record)["next"] == "waits for others to take off its finalizers: example.com/audit"


def test_pods_come_in_the_order_of_their_names() -> None:
    records = {name: Record(pod("Running", name=name, uid=name), presence=Presence.PRESENT) for name in ("b", "a")}
    assert [each["uid"] for each in debug.dump(records, NOW, {})] == ["a", "b"]


def test_a_pod_waits_for_the_answer_to_a_call_that_is_under_way() -> None:
    record = Record(pod(), presence=Presence.ABSENT)
    [shown] = debug.dump({"u": record}, NOW, {"u": "create_pod for 12.0 s"})
    assert shown["next"] == "waits for the provider: create_pod for 12.0 s"
