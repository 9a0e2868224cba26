"""A container group as the pod it stands for."""

from typing import Any

import pytest

from providers.eci import status
from providers.pods import PodRef

REF = PodRef("shop", "web", "u-1")
RUNNING = {"State": "Running", "StartTime": "2026-01-01T00:00:10Z"}


def ended(code: int = 0, **more: Any) -> dict[str, Any]:
    times = {"StartTime": "2026-01-01T00:00:10Z", "FinishTime": "2026-01-01T00:01:00Z"}
    return {"State": "Terminated", "ExitCode": code, **times, **more}


def a_group(state: str = "Running", current: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    container = {
        "Name": "main",
        "Image": "app:1",
        "Ready": current is None,
        "RestartCount": 0,
        "CurrentState": current or RUNNING,
    }
    return {
        "ContainerGroupId": "eci-1",
        "Status": state,
        "CreationTime": "2026-01-01T00:00:00Z",
        "IntranetIp": "10.0.0.7",
        "Containers": [container],
        **fields,
    }


def of(group: dict[str, Any]) -> Any:
    return status.status_of(group)


def conditions(group: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in of(group)["conditions"]}


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("Scheduling", "Pending"),
        ("Pending", "Pending"),
        ("Running", "Running"),
        ("Restarting", "Running"),
        ("Updating", "Running"),
        ("Terminating", "Running"),
        ("Succeeded", "Succeeded"),
        ("Failed", "Failed"),
        ("ScheduleFailed", "Failed"),
        ("StartingFailed", "Failed"),
        ("Expired", "Failed"),
        ("Something", "Unknown"),
    ],
)
def test_each_state_has_its_phase(state: str, phase: str):
    assert of(a_group(state))["phase"] == phase


def test_a_running_group_is_a_ready_pod_with_its_private_address():
    group = a_group(InternetIp="1.2.3.4", Ipv6Address="fd00::7")
    assert of(group)["podIP"] == "10.0.0.7"
    assert of(group)["podIPs"] == [{"ip": "10.0.0.7"}, {"ip": "fd00::7"}]
    assert conditions(group) == dict.fromkeys(("PodScheduled", "Initialized", "ContainersReady", "Ready"), "True")


def test_a_containers_end_is_told_exactly():
    (container,) = of(a_group("Failed", ended(137, Reason="OOMKilled", Signal=9)))["containerStatuses"]
    assert container["state"]["terminated"] == {
        "exitCode": 137,
        "reason": "OOMKilled",
        "signal": 9,
        "containerID": "eci://eci-1/main",
        "startedAt": "2026-01-01T00:00:10Z",
        "finishedAt": "2026-01-01T00:01:00Z",
    }


def test_restarts_and_the_run_before_are_told():
    group = a_group()
    group["Containers"][0] |= {"RestartCount": 3, "PreviousState": ended(1)}
    (container,) = of(group)["containerStatuses"]
    assert container["restartCount"] == 3
    assert container["lastState"]["terminated"]["exitCode"] == 1


def test_a_waiting_container_says_why():
    group = a_group("Pending", {"State": "Waiting", "Reason": "ImagePullBackOff", "Message": "no such image"})
    (container,) = of(group)["containerStatuses"]
    assert container["state"] == {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    assert "containerID" not in container
    assert conditions(group)["Ready"] == "False"


def test_the_states_of_2018_are_understood():
    (container,) = of(a_group("Succeeded", {"State": "Succeeded"}))["containerStatuses"]
    assert container["state"]["terminated"]["exitCode"] == 0
    (container,) = of(a_group("Failed", {"State": "Failed"}))["containerStatuses"]
    assert container["state"]["terminated"]["exitCode"] == 1


def test_a_container_that_has_ended_is_not_ready_and_an_init_container_is():
    group = a_group()
    group["Containers"][0] |= {"Ready": True, "CurrentState": ended(0)}
    group["InitContainers"] = [
        {"Name": "prepare", "CurrentState": ended(0)},
        {"Name": "broken", "CurrentState": ended(1)},
    ]
    assert [each["ready"] for each in of(group)["containerStatuses"]] == [False]
    assert [each["ready"] for each in of(group)["initContainerStatuses"]] == [True, False]


def test_a_pod_is_not_ready_before_it_runs():
    assert conditions(a_group("Pending"))["Ready"] == "False"


def test_a_group_without_containers_has_a_status():
    assert of(a_group("Scheduling", Containers=None))["containerStatuses"] == []


def test_a_sidecar_is_an_init_container_again():
    group = a_group()
    variables = [{"Key": "ECI_CONTAINER_TYPE", "Value": "sidecar"}]
    group["Containers"].append({"Name": "proxy", "CurrentState": RUNNING, "EnvironmentVars": variables})
    assert [each["name"] for each in of(group)["containerStatuses"]] == ["main"]
    assert [each["name"] for each in of(group)["initContainerStatuses"]] == ["proxy"]
    assert [each["name"] for each in status.pod_of(group, REF)["spec"]["containers"]] == ["main"]


def test_a_pod_that_could_not_be_placed_says_why():
    event = {"Type": "Warning", "Reason": "NoStock", "Message": "sold out", "LastTimestamp": "2026-01-01T00:00:02Z"}
    seen = of(a_group("ScheduleFailed", {"State": "Waiting"}, Events=[event]))
    assert (seen["reason"], seen["message"]) == ("NoStock", "sold out")
    assert seen["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


def test_a_reclaimed_pod_is_one_that_the_cloud_has_evicted():
    group = a_group("Expired", ExpiredTime="2026-01-01T01:00:00Z")
    pod = status.pod_of(group, REF)
    assert pod["metadata"]["deletionTimestamp"] == "2026-01-01T01:00:00Z"
    assert of(group)["reason"] == "Preempted"


def test_a_pod_without_an_address_has_none():
    assert "podIP" not in of(a_group(IntranetIp=""))
