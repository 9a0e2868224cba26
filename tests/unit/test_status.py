"""How a provider's report and the API's status become one (``runner.status``)."""

from datetime import UTC, datetime
from typing import Any

from features.factories import BoundPodFactory, ended, running
from runner import status

NOW = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)


def pod(**api_status: Any) -> dict[str, Any]:
    return BoundPodFactory(status={"phase": "Pending", "qosClass": "Burstable", **api_status})


def test_what_the_provider_does_not_speak_of_stays() -> None:
    merged = status.merged(pod(nominatedNodeName="n1"), running(), NOW)
    assert (merged["qosClass"], merged["nominatedNodeName"]) == ("Burstable", "n1")


def test_no_report_changes_nothing() -> None:
    before = pod(phase="Running")
    assert status.merged(before, {}, NOW) == before["status"]


def test_an_old_reason_goes_when_the_provider_no_longer_gives_it() -> None:
    merged = status.merged(pod(reason="ProviderFailed", message="no capacity"), running(), NOW)
    assert "reason" not in merged
    assert "message" not in merged


def test_the_start_time_never_moves() -> None:
    merged = status.merged(pod(startTime="2025-12-31T23:59:59Z"), running(), NOW)
    assert merged["startTime"] == "2025-12-31T23:59:59Z"


def test_the_ip_stays_when_a_report_is_silent_about_it() -> None:
    report = {key: value for key, value in running().items() if key not in ("podIP", "podIPs")}
    assert status.merged(pod(podIP="10.0.0.9"), report, NOW)["podIP"] == "10.0.0.9"


def test_others_conditions_survive() -> None:
    gate = {"type": "example.com/gate", "status": "True"}
    merged = status.merged(pod(conditions=[gate]), running(), NOW)
    assert [each["type"] for each in merged["conditions"]] == ["example.com/gate", "Ready"]


def test_a_condition_that_stays_the_same_keeps_its_time() -> None:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"}
    merged = status.merged(pod(conditions=[ready]), running(), NOW)
    assert merged["conditions"] == [ready]


def test_merging_the_same_report_twice_changes_nothing_more() -> None:
    once = {**pod(), "status": status.merged(pod(), running(), NOW)}
    assert status.merged(once, running(), datetime(2027, 1, 1, tzinfo=UTC)) == once["status"]


def test_a_patch_names_only_what_differs() -> None:
    before = {**pod(), "status": running()}
    patch = status.patch(before, {**running(), "reason": "Evicted"})
    assert patch == {"metadata": {"uid": before["metadata"]["uid"]}, "status": {"reason": "Evicted"}}


def test_a_patch_removes_what_is_gone_by_null() -> None:
    patch = status.patch({**pod(), "status": {**running(), "reason": "x"}}, running())
    assert patch is not None
    assert patch["status"] == {"reason": None}


def test_a_patch_replaces_addresses_instead_of_adding_to_them() -> None:
    changed = {**running(), "podIPs": [{"ip": "10.0.0.2"}]}
    patch = status.patch({**pod(), "status": running()}, changed)
    assert patch is not None
    assert patch["status"]["podIPs"] == [{"ip": "10.0.0.2"}, {"$patch": "replace"}]


def test_no_difference_needs_no_patch() -> None:
    assert status.patch({**pod(), "status": running()}, running()) is None


def test_a_pod_without_the_config_it_needs_looks_as_on_a_kubelet() -> None:
    shown = status.failed(pod(), 'configmap "x" not found', final=False, config_error=True)
    assert shown["phase"] == "Pending"
    assert shown["containerStatuses"][0]["state"]["waiting"] == {
        "reason": "CreateContainerConfigError",
        "message": 'configmap "x" not found',
    }


def test_a_vanished_pod_keeps_when_its_containers_began() -> None:
    shown = status.vanished({**pod(), "status": running()}, NOW)
    terminated = shown["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["startedAt"], terminated["finishedAt"]) == ("2026-01-01T00:00:05Z", "2026-01-01T00:02:00Z")


def test_a_deleted_pod_that_ended_well_succeeded() -> None:
    report = {**ended(), "phase": "Running"}
    assert status.ended({**pod(), "status": running()}, report, NOW)["phase"] == "Succeeded"


def test_a_deleted_pod_is_not_ready_any_more() -> None:
    shown = status.ended({**pod(), "status": running()}, {}, NOW)
    assert {each["type"]: each["status"] for each in shown["conditions"]}["Ready"] == "False"


def test_a_condition_loses_the_reason_that_no_longer_holds() -> None:
    waiting = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": "x"}
    before = pod(conditions=[waiting])
    new = status.merged(before, running(), NOW)
    assert "reason" not in new["conditions"][0]
    patch = status.patch(before, new)
    assert patch is not None
    assert patch["status"]["conditions"][0]["reason"] is None


def test_a_null_probe_time_is_no_difference() -> None:
    ready = {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": "2026-01-01T00:00:05Z"}
    before = {**pod(), "status": {**running(), "conditions": [ready]}}
    assert status.patch(before, status.merged(before, running(), NOW)) is None


def test_what_the_api_server_fills_in_is_no_difference() -> None:
    reported = running()
    [container] = reported["containerStatuses"]
    filled_in = {**container, "lastState": {}, "state": {"running": {"startedAt": "2026-01-01T00:00:05Z"}}}
    there = BoundPodFactory(status={**reported, "containerStatuses": [filled_in]})
    bare = {key: value for key, value in container.items() if key not in ("lastState", "restartCount")}
    assert status.patch(there, {**reported, "containerStatuses": [bare]}) is None
    assert status.patch(there, {**reported, "containerStatuses": [{**bare, "restartCount": 1}]}) is not None
