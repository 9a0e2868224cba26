"""Every rule of ``runner.lifecycle``, without an event loop."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from features.factories import BoundPodFactory, ended, running
from runner import lifecycle
from runner.lifecycle import (
    CREATE,
    EVICT,
    FORGET,
    IDLE,
    LOOK,
    REMOVE,
    UPDATE,
    Create,
    Delete,
    Failure,
    Presence,
    Record,
    Report,
    Wait,
    decide,
)

NOW = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)


def bound(*, status: dict[str, Any] | None = None, deleting: int | None = None, **spec: Any) -> dict[str, Any]:
    pod = BoundPodFactory()
    pod["spec"].update(spec)
    if status is not None:
        pod["status"] = status
    if deleting is not None:
        until = NOW + timedelta(seconds=deleting)
        pod["metadata"]["deletionTimestamp"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        pod["metadata"]["deletionGracePeriodSeconds"] = deleting
    return pod


def record(pod: dict[str, Any], presence: Presence = Presence.ABSENT, **known: Any) -> Record:
    if presence is Presence.PRESENT:
        known.setdefault("applied", pod)
    return Record(pod, presence=presence, **known)


def reported(action: lifecycle.Action) -> dict[str, Any]:
    assert isinstance(action, Report), action
    return dict(action.status)


class TestAReportThatHasSettled:
    """The runner keeps the API's status for the provider's report when they say the same."""

    GATE: ClassVar = {"type": "example.com/gate", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}

    def settled(self) -> Record:
        status = running()
        status["conditions"] = [*status.get("conditions", []), self.GATE]
        known = record(bound(status=status), Presence.PRESENT, reported=running())
        assert decide(known, NOW) == IDLE
        return known

    def test_does_not_speak_for_what_others_put_beside_it(self) -> None:
        known = self.settled()
        opened = {**self.GATE, "status": "True"}
        before = known.pod["status"]
        others = [each for each in before["conditions"] if each["type"] != "example.com/gate"]
        known.pod = {**known.pod, "status": {**before, "conditions": [*others, opened]}}
        assert decide(known, NOW) == IDLE

    def test_is_told_again_when_somebody_overwrites_it(self) -> None:
        known = self.settled()
        known.pod = {**known.pod, "status": {**known.pod["status"], "phase": "Pending", "podIP": "192.0.2.9"}}
        told = reported(decide(known, NOW))
        assert (told["phase"], told.get("podIP")) == ("Running", running().get("podIP"))

    def test_of_nothing_stays_nothing(self) -> None:
        known = record(bound(status={"phase": "Pending"}), Presence.PRESENT)
        assert decide(known, NOW) == IDLE
        assert known.reported == {}


class TestALivingPod:
    def test_is_looked_for_before_anything_else(self) -> None:
        assert decide(record(bound(), Presence.UNKNOWN), NOW) == LOOK

    def test_is_created_when_the_provider_does_not_have_it(self) -> None:
        assert decide(record(bound()), NOW) == CREATE

    def test_is_left_alone_while_the_provider_says_nothing_new(self) -> None:
        assert decide(record(bound(status=running()), Presence.PRESENT, reported=running()), NOW) == IDLE

    def test_is_reported_when_the_provider_says_something_new(self) -> None:
        assert reported(decide(record(bound(), Presence.PRESENT, reported=running()), NOW))["phase"] == "Running"

    def test_is_updated_when_its_image_changes(self) -> None:
        pod = bound()
        changed = {**pod, "spec": {**pod["spec"], "containers": [{"name": "main", "image": "app:2"}]}}
        assert decide(record(changed, Presence.PRESENT, applied=pod), NOW) == UPDATE

    def test_is_not_updated_when_only_its_status_changes(self) -> None:
        pod = bound()
        changed = {**pod, "status": running()}
        assert decide(record(changed, Presence.PRESENT, applied=pod, reported=running()), NOW) == IDLE

    def test_is_deleted_in_the_api_when_the_cloud_evicts_it(self) -> None:
        assert decide(record(bound(), Presence.PRESENT, evicted=True), NOW) == EVICT

    def test_is_looked_for_again_when_the_provider_stops_listing_it(self) -> None:
        assert decide(record(bound(status=running()), Presence.PRESENT, suspect=True), NOW) == LOOK


class TestAPodWithAnActiveDeadline:
    BEGUN: ClassVar = {**running(), "startTime": "2026-01-01T00:00:00Z"}

    def test_is_waited_for_while_it_may_run(self) -> None:
        pod = bound(status=self.BEGUN, activeDeadlineSeconds=121)
        waits = decide(record(pod, Presence.PRESENT, reported=self.BEGUN), NOW)
        assert waits == Wait(NOW + timedelta(seconds=1))

    def test_is_ended_within_its_grace_when_its_time_is_over(self) -> None:
        pod = bound(status=self.BEGUN, activeDeadlineSeconds=120, terminationGracePeriodSeconds=7)
        assert decide(record(pod, Presence.PRESENT, reported=self.BEGUN), NOW) == Delete(7)

    def test_is_killed_when_its_grace_is_over_too(self) -> None:
        pod = bound(status=self.BEGUN, activeDeadlineSeconds=110)
        known = record(pod, Presence.PRESENT, reported=self.BEGUN, delete_grace=7, delete_asked_at=NOW)
        assert decide(known, NOW) == Wait(NOW + timedelta(seconds=7))
        assert decide(known, NOW + timedelta(seconds=7)) == Delete(0)

    def test_has_failed_once_it_has_ended(self) -> None:
        pod = bound(status=self.BEGUN, activeDeadlineSeconds=120)
        known = record(pod, Presence.PRESENT, reported=ended(0), delete_grace=7, delete_asked_at=NOW)
        status = reported(decide(known, NOW))
        assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")

    def test_is_not_created_again_after_a_restart(self) -> None:
        status = reported(decide(record(bound(status=self.BEGUN, activeDeadlineSeconds=120)), NOW))
        assert status["reason"] == "DeadlineExceeded"


class TestATerminalPod:
    def test_is_ended_where_it_still_runs(self) -> None:
        pod = bound(status=ended(0), terminationGracePeriodSeconds=7)
        assert decide(record(pod, Presence.PRESENT, reported=running()), NOW) == Delete(7)

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    @pytest.mark.parametrize("presence", list(Presence))
    def test_is_never_written_to_again(self, phase: str, presence: Presence) -> None:
        assert decide(record(bound(status={"phase": phase}), presence, reported=ended(1)), NOW) == IDLE


class TestAPodThatTheProviderLost:
    def test_is_created_again_after_a_restart_if_its_containers_may_restart(self) -> None:
        assert decide(record(bound(status=running(), restartPolicy="Always")), NOW) == CREATE

    def test_fails_after_a_restart_if_it_must_not_run_twice(self) -> None:
        status = reported(decide(record(bound(status=running(), restartPolicy="Never")), NOW))
        assert (status["phase"], status["reason"]) == ("Failed", "NotFound")

    def test_is_created_after_a_restart_if_no_container_ever_ran(self) -> None:
        assert decide(record(bound(restartPolicy="Never")), NOW) == CREATE

    def test_fails_when_it_vanishes_under_our_eyes(self) -> None:
        known = record(bound(status=running()), Presence.PRESENT, reported=running())
        lifecycle.missing(known, NOW)
        status = reported(decide(known, NOW))
        container = status["containerStatuses"][0]
        assert status["phase"] == "Failed"
        assert container["state"]["terminated"]["exitCode"] == 137
        assert "running" not in container["state"]

    def test_is_given_a_minute_to_appear_after_its_creation(self) -> None:
        known = record(bound(), Presence.PRESENT, created_at=NOW - timedelta(seconds=30))
        lifecycle.missing(known, NOW)
        assert known.presence is Presence.PRESENT
        lifecycle.missing(known, NOW + timedelta(seconds=31))
        assert known.vanished


class TestAFailedCreate:
    def failure(self, *, retry_in: int | None) -> Failure:
        retry_at = None if retry_in is None else NOW + timedelta(seconds=retry_in)
        return Failure(Create, "no capacity", retry_at)

    def test_is_shown_first(self) -> None:
        status = reported(decide(record(bound(), Presence.MAYBE, failure=self.failure(retry_in=10)), NOW))
        assert (status["phase"], status["reason"], status["message"]) == ("Pending", "ProviderFailed", "no capacity")

    def test_is_tried_again_when_its_time_has_come(self) -> None:
        shown = {"phase": "Pending", "qosClass": "BestEffort", "reason": "ProviderFailed", "message": "no capacity"}
        known = record(bound(status=shown), Presence.MAYBE, failure=self.failure(retry_in=10))
        assert decide(known, NOW) == Wait(NOW + timedelta(seconds=10))
        assert decide(known, NOW + timedelta(seconds=10)) == CREATE

    def test_fails_the_pod_when_it_is_final(self) -> None:
        status = reported(decide(record(bound(), Presence.MAYBE, failure=self.failure(retry_in=None)), NOW))
        assert (status["phase"], status["reason"]) == ("Failed", "ProviderFailed")

    def test_does_not_hold_up_a_deletion(self) -> None:
        known = record(bound(deleting=30), Presence.MAYBE, failure=self.failure(retry_in=100))
        assert decide(known, NOW) == Delete(30)


class TestAPodBeingDeleted:
    def test_is_ended_at_the_provider_with_its_grace(self) -> None:
        assert decide(record(bound(deleting=30), Presence.PRESENT), NOW) == Delete(30)

    def test_is_waited_for_until_its_grace_is_over_and_then_killed(self) -> None:
        pod = bound(deleting=30, status=running())
        known = record(pod, Presence.PRESENT, reported=running(), delete_grace=30)
        assert decide(known, NOW) == Wait(NOW + timedelta(seconds=30))
        assert decide(known, NOW + timedelta(seconds=30)) == Delete(0)

    def test_goes_in_the_end_though_the_cloud_never_says_that_it_is_dead(self) -> None:
        pod = bound(deleting=30, status=running())
        known = record(pod, Presence.PRESENT, reported=running(), delete_grace=0)
        last = NOW + timedelta(seconds=30) + lifecycle.KILL_PATIENCE
        assert decide(known, NOW) == Wait(last)
        assert decide(known, last) == REMOVE

    def test_is_deleted_again_when_its_grace_is_shortened(self) -> None:
        assert decide(record(bound(deleting=5), Presence.PRESENT, delete_grace=30), NOW) == Delete(5)

    def test_goes_at_once_when_its_containers_have_ended(self) -> None:
        known = record(bound(deleting=30), Presence.PRESENT, reported=ended(), delete_grace=30)
        status = reported(decide(known, NOW))
        assert status["phase"] == "Succeeded"
        known.pod = {**known.pod, "status": status}
        assert decide(known, NOW) == REMOVE

    def test_tells_an_end_that_nobody_saw_as_137(self) -> None:
        known = record(bound(deleting=30, status=running()), Presence.ABSENT, delete_grace=30)
        status = reported(decide(known, NOW))
        assert status["phase"] == "Failed"
        assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137

    def test_is_cleaned_up_at_the_provider_even_if_it_ended_by_itself(self) -> None:
        pod = bound(deleting=30, status=ended())
        assert decide(record(pod, Presence.PRESENT, reported=ended()), NOW) == Delete(30)

    def test_rests_once_it_is_removed_though_finalizers_hold_it(self) -> None:
        assert decide(record(bound(deleting=0, status=ended()), removed=True), NOW) == IDLE


class TestAPodTheApiHasForgotten:
    def test_is_killed_at_the_provider(self) -> None:
        assert decide(record(bound(), Presence.PRESENT, in_api=False), NOW) == Delete(0)

    def test_is_killed_though_it_had_been_given_time(self) -> None:
        assert decide(record(bound(), Presence.PRESENT, in_api=False, delete_grace=30, delete_asked_at=NOW), NOW) == (
            Delete(0)
        )

    def test_may_be_there_after_a_create_without_an_answer(self) -> None:
        assert decide(record(bound(), Presence.MAYBE, in_api=False), NOW) == Delete(0)

    def test_is_forgotten_when_it_is_gone(self) -> None:
        assert decide(record(bound(), Presence.ABSENT, in_api=False), NOW) == FORGET

    def test_is_forgotten_when_all_of_it_has_ended(self) -> None:
        known = record(bound(), Presence.PRESENT, in_api=False, reported=ended(), delete_grace=30, delete_asked_at=NOW)
        assert decide(known, NOW) == FORGET

    def test_is_killed_again_when_the_cloud_takes_too_long(self) -> None:
        known = record(bound(), Presence.PRESENT, in_api=False, delete_grace=0, delete_asked_at=NOW)
        assert decide(known, NOW) == Wait(NOW + lifecycle.DELETION_PATIENCE)
        assert decide(known, NOW + lifecycle.DELETION_PATIENCE) == Delete(0)


class TestWhatTheProviderShowed:
    def test_an_image_changed_while_the_runner_was_away_is_an_update(self) -> None:
        pod = bound()
        known = record(pod, Presence.UNKNOWN)
        old = {**pod, "spec": {"containers": [{"name": "main", "image": "old:1"}]}, "status": running()}
        lifecycle.found(known, old)
        assert decide(known, NOW) == UPDATE

    def test_a_pod_without_a_spec_is_believed(self) -> None:
        pod = bound(status=running())
        known = record(pod, Presence.UNKNOWN)
        lifecycle.found(known, {"metadata": pod["metadata"], "status": running()})
        assert decide(known, NOW) == IDLE

    def test_a_deletion_timestamp_means_eviction(self) -> None:
        pod = bound()
        known = record(pod, Presence.PRESENT)
        metadata = {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        lifecycle.found(known, {"metadata": metadata, "status": running()})
        assert decide(known, NOW) == EVICT
