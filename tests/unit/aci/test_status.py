"""What ACI tells of a container group, in a kubelet's words."""

from collections.abc import Mapping
from typing import Any

import pytest

from providers.aci import status

START, END = "2026-01-01T00:00:10.123Z", "2026-01-01T00:01:00.5Z"
STARTED, ENDED = "2026-01-01T00:00:10Z", "2026-01-01T00:01:00Z"
RUNNING = {"state": "Running", "startTime": START, "detailStatus": ""}


def terminated(code: int | None, detail: str = "") -> dict[str, Any]:
    state = {"state": "Terminated", "startTime": START, "finishTime": END, "detailStatus": detail}
    return state if code is None else {**state, "exitCode": code}


def waiting(detail: str = "") -> dict[str, Any]:
    return {"state": "Waiting", "startTime": None, "detailStatus": detail}


def container(current: Mapping[str, Any] | None, name: str = "main", **view: Any) -> dict[str, Any]:
    shown = {} if current is None else {"instanceView": {"restartCount": 0, "currentState": current, **view}}
    return {"name": name, "properties": {"image": "app:1", **shown}}


def group(
    *containers: Mapping[str, Any], state: str = "Running", provisioning: str = "Succeeded", **properties: Any
) -> dict[str, Any]:
    view = {"instanceView": {"state": state, "events": properties.pop("events", [])}} if state else {}
    return {
        "id": "/subscriptions/sub/resourceGroups/vk/providers/Microsoft.ContainerInstance/containerGroups/g",
        "name": "g",
        "tags": {"PodName": "web", "Namespace": "shop", "UID": "1", "NodeName": "vk"} | properties.pop("tags", {}),
        "properties": {
            "provisioningState": provisioning,
            "containers": [*containers],
            "restartPolicy": "Always",
            **view,
            **properties,
        },
    }


def of(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return status.status(given, "192.0.2.1")


def first(given: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = of(given)["containerStatuses"][0]
    return found


def ready(given: Mapping[str, Any]) -> str:
    return next(each["status"] for each in of(given)["conditions"] if each["type"] == "Ready")


def test_a_running_group() -> None:
    given = group(container(RUNNING), ipAddress={"ip": "10.0.0.4", "type": "Private"})
    shown = of(given)
    assert shown["phase"] == "Running"
    assert shown["podIPs"] == [{"ip": shown["podIP"]}] == [{"ip": "10.0.0.4"}]
    assert shown["hostIP"] == "192.0.2.1"
    assert shown["startTime"] == STARTED
    assert shown["containerStatuses"][0]["state"] == {"running": {"startedAt": STARTED}}
    assert shown["containerStatuses"][0]["ready"] is shown["containerStatuses"][0]["started"] is True
    assert ready(given) == "True"


@pytest.mark.parametrize(
    ("policy", "state", "code", "phase"),
    [
        ("Never", "Succeeded", 0, "Succeeded"),
        ("Never", "Failed", 3, "Failed"),
        ("OnFailure", "Succeeded", 0, "Succeeded"),
        ("OnFailure", "Running", 3, "Running"),
        ("Always", "Running", 0, "Running"),
        ("Always", "Running", 3, "Running"),
        ("Always", "Stopped", 137, "Running"),
        ("Never", "Stopped", 0, "Failed"),
    ],
)
def test_the_phase_of_a_pod_whose_container_ended(policy: str, state: str, code: int, phase: str) -> None:
    given = group(container(terminated(code)), state=state, restartPolicy=policy)
    assert of(given)["phase"] == phase
    assert ready(given) == "False"


def test_an_exit_code_is_told_as_it_is() -> None:
    given = group(container(terminated(3, "Error")), state="Failed", restartPolicy="Never")
    end = first(given)["state"]["terminated"]
    assert (end["exitCode"], end["reason"]) == (3, "Error")
    assert (end["startedAt"], end["finishedAt"]) == (STARTED, ENDED)


def test_one_container_of_two_that_ended_leaves_the_pod_running_and_not_ready() -> None:
    given = group(container(RUNNING), container(terminated(0), "two"), restartPolicy="Never")
    assert of(given)["phase"] == "Running"
    assert ready(given) == "False"


def test_a_container_that_was_killed_for_its_memory_says_so() -> None:
    given = group(container(terminated(137, "OOMKilled")), state="Failed", restartPolicy="Never")
    assert first(given)["state"]["terminated"]["reason"] == "OOMKilled"


def test_an_end_without_a_code_is_not_called_a_success() -> None:
    given = group(container(terminated(None, "Container stopped per client request")), state="Stopped")
    end = first(given)["state"]["terminated"]
    assert end["exitCode"] == 137
    assert end["message"] == "Container stopped per client request"


def test_a_waiting_container_without_a_start_time_says_why_it_waits() -> None:
    given = group(container(waiting("CrashLoopBackOff: Back-off restarting failed")), state="Running")
    assert first(given)["state"]["waiting"] == {"reason": "CrashLoopBackOff", "message": "Back-off restarting failed"}


def test_a_crashed_container_shows_its_restarts_and_its_last_end() -> None:
    given = group(container(waiting("CrashLoopBackOff: x"), previousState=terminated(1, "Error"), restartCount=4))
    assert first(given)["restartCount"] == 4
    assert first(given)["lastState"]["terminated"]["exitCode"] == 1
    assert of(given)["phase"] == "Running"


def test_a_container_that_never_ended_has_no_last_state() -> None:
    assert "lastState" not in first(group(container(RUNNING)))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"name": "Failed", "message": "Failed to pull image x: denied"}, "ErrImagePull"),
        ({"name": "BackOff", "message": "Back-off pulling image x"}, "ImagePullBackOff"),
        ({"name": "BackOff", "message": "Back-off restarting failed container"}, "CrashLoopBackOff"),
        ({"name": "Pulling", "message": "pulling image x"}, "ContainerCreating"),
    ],
)
def test_what_a_container_waits_for_shows_in_its_events(event: Mapping[str, str], reason: str) -> None:
    events = [
        {"name": "Pulling", "lastTimestamp": "2026-01-01T00:00:00Z"},
        {**event, "lastTimestamp": "2026-01-02T00:00:00Z"},
    ]
    given = group(container(waiting(), events=events), state="Pending", provisioning="Creating")
    assert first(given)["state"]["waiting"]["reason"] == reason
    assert of(given)["phase"] == "Pending"


@pytest.mark.parametrize("current", [None, {}, {"state": "Pending"}, waiting()])
def test_missing_data_means_waiting(current: Mapping[str, Any] | None) -> None:
    given = group(container(current), state="Pending", provisioning="Pending")
    assert "waiting" in first(given)["state"]
    assert of(given)["phase"] == "Pending"
    assert "startTime" not in of(given)


def test_a_year_one_is_no_time() -> None:
    given = group(container({"state": "Running", "startTime": "0001-01-01T00:00:00Z"}))
    assert first(given)["state"] == {"running": {}}


def test_a_group_that_could_not_be_provisioned_failed_and_says_why() -> None:
    events = [{"name": "FailedMount", "type": "Warning", "message": "no such share", "lastTimestamp": START}]
    given = group(container(waiting()), state="Pending", provisioning="Failed", events=events)
    assert of(given)["phase"] == "Failed"
    assert of(given)["message"] == "no such share"


def test_a_failed_operation_on_a_group_that_runs_does_not_fail_the_pod() -> None:
    assert of(group(container(RUNNING), provisioning="Failed"))["phase"] == "Running"


@pytest.mark.parametrize("provisioning", ["Repairing", "Unhealthy", "Updating", "Deleting", "NotAccessible"])
def test_what_azure_does_meanwhile_does_not_change_the_phase(provisioning: str) -> None:
    assert of(group(container(RUNNING), provisioning=provisioning))["phase"] == "Running"


def test_init_containers_are_told() -> None:
    init = [container(terminated(0), "prepare")]
    given = group(container(waiting()), state="Pending", initContainers=init)
    shown = of(given)["initContainerStatuses"][0]
    assert shown["state"]["terminated"]["exitCode"] == 0
    conditions = {each["type"]: each for each in of(given)["conditions"]}
    assert conditions["Initialized"]["status"] == "True"


def test_an_init_container_that_runs_holds_the_pod_back() -> None:
    given = group(container(waiting()), state="Pending", initContainers=[container(terminated(1), "prepare")])
    conditions = {each["type"]: each for each in of(given)["conditions"]}
    assert conditions["Initialized"]["message"] == "containers with incomplete status: [prepare]"
    assert first(given)["state"]["waiting"]["reason"] == "PodInitializing"


def test_a_sidecar_is_shown_where_the_pod_has_it() -> None:
    given = group(container(RUNNING, "proxy"), container(RUNNING), tags={"Sidecars": "proxy"})
    assert [each["name"] for each in of(given)["initContainerStatuses"]] == ["proxy"]
    assert [each["name"] for each in of(given)["containerStatuses"]] == ["main"]


def test_an_evicted_group_is_a_pod_to_be_deleted() -> None:
    events = [{"name": "Evicted", "message": "x", "lastTimestamp": "2026-01-01T00:02:00Z"}]
    given = group(container(terminated(137)), state="Stopped", priority="Spot", events=events)
    shown = status.pod(given, "")
    assert shown is not None
    assert shown["metadata"]["deletionTimestamp"] == "2026-01-01T00:02:00Z"


def test_a_listed_group_is_a_pod_without_a_status() -> None:
    shown = status.pod(group(container(None), state=""), "")
    assert shown is not None
    assert shown["status"] == {}
    assert shown["metadata"]["uid"] == "1"
    assert shown["spec"]["nodeName"] == "vk"


def test_a_group_without_a_pods_tags_is_no_pod() -> None:
    assert status.pod({"name": "x", "tags": {"team": "blue"}}, "") is None
    assert status.pod({"name": "x"}, "") is None


def test_the_creation_time_of_virtual_kubelet_is_understood() -> None:
    shown = status.pod(group(tags={"CreationTimestamp": "2024-01-02 03:04:05 +0000 UTC"}), "")
    assert shown is not None
    assert shown["metadata"]["creationTimestamp"] == "2024-01-02T03:04:05Z"


def test_the_same_group_gives_the_same_status() -> None:
    assert of(group(container(RUNNING))) == of(group(container(RUNNING)))
