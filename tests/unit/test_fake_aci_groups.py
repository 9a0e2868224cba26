"""The life of a container group on the fake Azure, as a client sees it."""

from datetime import timedelta

import pytest

from fakes.aci.life import instant
from tests.unit.aci_setting import BEGAN, GROUPS, Azure, code, container, group, instance, scripted


@pytest.fixture
def azure() -> Azure:
    return Azure()


def test_a_new_group_is_pending_and_tells_where_its_operation_can_be_polled(azure: Azure) -> None:
    response = azure.put()
    assert response.status == 201
    assert response.json()["properties"]["provisioningState"] == "Pending"
    assert response.json()["properties"]["instanceView"] == {"events": [], "state": "Pending"}
    polled = azure.ask("GET", response.headers["Azure-AsyncOperation"]).json()
    assert polled["status"] == "Pending"
    assert polled["id"] == response.json()["id"]


def test_provisioning_goes_on_as_time_passes(azure: Azure) -> None:
    azure.put()
    seen = []
    for _ in range(5):
        azure.passes(4)
        properties = azure.get()["properties"]
        seen.append((properties["provisioningState"], properties["instanceView"]["state"]))
    assert seen == [("Creating", "Pending")] * 4 + [("Succeeded", "Running")]


def test_a_container_that_runs_has_a_start_and_events(azure: Azure) -> None:
    view = instance(azure.running())
    started = instant(BEGAN + timedelta(seconds=20))
    assert view["currentState"] == {"state": "Running", "startTime": started, "detailStatus": ""}
    assert view["restartCount"] == 0
    assert "previousState" not in view
    assert [each["name"] for each in view["events"]] == ["Pulling", "Pulled", "Started"]


def test_a_waiting_container_has_no_start_time(azure: Azure) -> None:
    azure.put()
    azure.passes(8)
    assert instance(azure.get())["currentState"] == {"state": "Waiting", "detailStatus": ""}


def test_a_group_whose_containers_have_not_been_seen_yet_has_no_instance_view_of_them(azure: Azure) -> None:
    azure.put()
    assert "instanceView" not in azure.get()["properties"]["containers"][0]["properties"]


@pytest.mark.parametrize(
    ("policy", "exit_code", "state"),
    [
        ("Never", 0, "Succeeded"),
        ("Never", 3, "Failed"),
        ("OnFailure", 0, "Succeeded"),
        ("OnFailure", 3, "Running"),
        ("Always", 0, "Running"),
    ],
)
def test_the_group_s_state_follows_from_exit_code_and_restart_policy(
    azure: Azure, policy: str, exit_code: int, state: str
) -> None:
    azure.running(body=group(scripted(run_for=5, exit_code=exit_code), restartPolicy=policy))
    azure.passes(6)
    assert azure.get()["properties"]["instanceView"]["state"] == state


def test_an_ended_container_tells_its_exit_code_and_times(azure: Azure) -> None:
    azure.running(body=group(scripted(run_for=5, exit_code=3), restartPolicy="Never"))
    azure.passes(6)
    assert instance(azure.get())["currentState"] == {
        "state": "Terminated",
        "startTime": instant(BEGAN + timedelta(seconds=20)),
        "exitCode": 3,
        "finishTime": instant(BEGAN + timedelta(seconds=25)),
        "detailStatus": "Error",
    }


def test_a_crashing_container_is_restarted_with_growing_pauses(azure: Azure) -> None:
    azure.running(body=group(scripted(run_for=5, exit_code=1)))
    azure.passes(6)
    view = instance(azure.get())
    assert (view["restartCount"], view["currentState"]["state"]) == (1, "Running")
    assert view["previousState"]["finishTime"] == view["currentState"]["startTime"]
    assert view["previousState"]["exitCode"] == 1
    azure.passes(5)
    view = instance(azure.get())
    assert view["currentState"]["state"] == "Waiting"
    assert view["currentState"]["detailStatus"].startswith("CrashLoopBackOff")
    azure.passes(10)
    assert instance(azure.get())["restartCount"] == 2
    assert instance(azure.get())["currentState"]["state"] == "Running"
    azure.passes(3600)
    assert 10 < instance(azure.get())["restartCount"] < 20


def test_a_container_that_cannot_be_pulled_waits_until_provisioning_fails(azure: Azure) -> None:
    azure.put(body=group(scripted(never_starts="ImagePullBackOff")))
    azure.passes(60)
    found = azure.get()
    assert found["properties"]["provisioningState"] == "Creating"
    assert instance(found)["currentState"]["state"] == "Waiting"
    assert [each["name"] for each in instance(found)["events"]] == ["Pulling", "Failed", "BackOff"]
    azure.passes(1800)
    assert azure.get()["properties"]["provisioningState"] == "Failed"
    assert azure.get()["properties"]["instanceView"]["state"] == "Pending"


def test_init_containers_run_one_after_the_other_before_the_rest(azure: Azure) -> None:
    first = {"name": "first", "properties": {"image": "busybox", "command": ["sleep", "5"]}}
    second = {"name": "second", "properties": {"image": "busybox", "command": ["sleep", "5"]}}
    azure.running(body=group(initContainers=[first, second]))
    states = []
    for _ in range(3):
        found = azure.get()["properties"]
        everyone = [*found["initContainers"], *found["containers"]]
        states.append([each["properties"]["instanceView"]["currentState"]["state"] for each in everyone])
        azure.passes(5)
    assert states == [
        ["Running", "Waiting", "Waiting"],
        ["Terminated", "Running", "Waiting"],
        ["Terminated", "Terminated", "Running"],
    ]


def test_an_init_container_that_fails_for_good_fails_the_group(azure: Azure) -> None:
    init = {"name": "init", "properties": {"image": "busybox", "command": ["sh", "-c", "exit 4"]}}
    azure.running(body=group(initContainers=[init], restartPolicy="Never"))
    properties = azure.get()["properties"]
    assert (properties["instanceView"]["state"], properties["provisioningState"]) == ("Failed", "Failed")
    assert instance(azure.get())["currentState"]["state"] == "Waiting"


def test_a_command_that_is_understood_decides_how_long_the_container_runs(azure: Azure) -> None:
    command = ["sh", "-c", "echo hello; sleep 15; exit 2"]
    azure.running(body=group(container(command=command), restartPolicy="Never"))
    azure.passes(14)
    assert instance(azure.get())["currentState"]["state"] == "Running"
    azure.passes(2)
    assert instance(azure.get())["currentState"]["exitCode"] == 2
    assert azure.ask("GET", f"{GROUPS}/web/containers/main/logs").json() == {"content": "hello\n"}


def test_secrets_never_come_back(azure: Azure) -> None:
    body = group(
        container(
            environmentVariables=[{"name": "PASSWORD", "secureValue": "hush"}],
            volumeMounts=[{"name": "files", "mountPath": "/s"}, {"name": "share", "mountPath": "/m"}],
        ),
        imageRegistryCredentials=[{"server": "me.azurecr.io", "username": "me", "password": "hush"}],
        volumes=[
            {"name": "files", "secret": {"key": "aHVzaA=="}},
            {
                "name": "share",
                "azureFile": {"shareName": "s", "storageAccountName": "a", "storageAccountKey": "hush"},
            },
        ],
        diagnostics={"logAnalytics": {"workspaceId": "w", "workspaceKey": "aHVzaA=="}},
        extensions=[
            {"name": "e", "properties": {"extensionType": "kube-proxy", "version": "1.0", "protectedSettings": "hush"}}
        ],
    )
    created = azure.put(body=body)
    azure.passes(20)
    listed = azure.ask("GET", GROUPS)
    for answer in (created.body, azure.ask("GET", f"{GROUPS}/web").body, listed.body):
        assert b"hush" not in answer
        assert b"aHVzaA==" not in answer
    assert azure.get()["properties"]["volumes"][0] == {"name": "files", "secret": {}}
    assert azure.get()["properties"]["containers"][0]["properties"]["environmentVariables"] == [{"name": "PASSWORD"}]


def test_a_list_has_no_instance_views(azure: Azure) -> None:
    azure.running()
    (listed,) = azure.ask("GET", GROUPS).json()["value"]
    assert listed["properties"]["provisioningState"] == "Succeeded"
    assert "instanceView" not in listed["properties"]
    assert "instanceView" not in listed["properties"]["containers"][0]["properties"]


def test_a_long_list_comes_in_pages_that_bear_deletions_in_between(azure: Azure) -> None:
    azure.cloud.groups.page_size = 2
    for number in range(5):
        azure.running(f"web-{number}")
    first = azure.ask("GET", GROUPS).json()
    assert azure.ask("DELETE", f"{GROUPS}/web-1").status == 200
    second = azure.ask("GET", first["nextLink"]).json()
    third = azure.ask("GET", second["nextLink"]).json()
    names = [each["name"] for page in (first, second, third) for each in page["value"]]
    assert names == [f"web-{number}" for number in range(5)]
    assert "nextLink" not in third


def test_a_list_that_just_fits_is_one_page(azure: Azure) -> None:
    azure.cloud.groups.page_size = 2
    for number in range(2):
        azure.put(f"web-{number}")
    assert "nextLink" not in azure.ask("GET", GROUPS).json()


def test_a_group_in_change_refuses_further_changes(azure: Azure) -> None:
    azure.put()
    for method, path in (("PUT", ""), ("DELETE", ""), ("POST", "/stop"), ("POST", "/start"), ("POST", "/restart")):
        body = group() if method == "PUT" else None
        response = azure.ask(method, f"{GROUPS}/web{path}", body)
        assert code(response) == (409, "ContainerGroupTransitioning")
    azure.passes(11)
    assert azure.ask("DELETE", f"{GROUPS}/web").status == 202


def test_a_group_that_runs_is_deleted_at_once(azure: Azure) -> None:
    azure.running()
    response = azure.ask("DELETE", f"{GROUPS}/web")
    assert response.status == 200
    assert response.json()["name"] == "web"
    assert code(azure.ask("GET", f"{GROUPS}/web")) == (404, "ResourceNotFound")
    assert azure.ask("DELETE", f"{GROUPS}/web").status == 204


def test_a_group_deleted_while_it_is_provisioned_takes_a_while_to_go(azure: Azure) -> None:
    azure.put()
    azure.passes(11)
    response = azure.ask("DELETE", f"{GROUPS}/web")
    assert response.status == 202
    assert azure.get()["properties"]["provisioningState"] == "Deleting"
    assert azure.ask("GET", response.headers["Location"]).status == 202
    assert code(azure.put()) == (409, "ContainerGroupTransitioning")
    azure.passes(10)
    assert azure.ask("GET", response.headers["Location"]).status == 204
    assert azure.ask("GET", f"{GROUPS}/web").status == 404


def test_an_operation_on_a_group_that_was_deleted_is_canceled(azure: Azure) -> None:
    creating = azure.put().headers["Azure-AsyncOperation"]
    azure.passes(11)
    deleting = azure.ask("DELETE", f"{GROUPS}/web").headers["Location"].replace("operationresults", "operations")
    assert azure.ask("GET", deleting).json()["status"] == "Deleting"
    azure.passes(11)
    assert azure.ask("GET", creating).json()["status"] == "Canceled"
    assert azure.ask("GET", deleting).json()["status"] == "Succeeded"
    assert code(azure.ask("GET", deleting.replace("operations/", "operations/0"))) == (404, "OperationNotFound")


def test_a_delete_can_be_answered_and_forgotten(azure: Azure) -> None:
    azure.running()
    azure.cloud.groups.trouble.ignored_deletes = 1
    assert azure.ask("DELETE", f"{GROUPS}/web").status == 200
    assert azure.get()["properties"]["instanceView"]["state"] == "Running"
    assert azure.ask("DELETE", f"{GROUPS}/web").status == 200
    assert azure.ask("GET", f"{GROUPS}/web").status == 404


def test_a_stopped_group_tells_no_exit_codes(azure: Azure) -> None:
    azure.running()
    assert azure.ask("POST", f"{GROUPS}/web/stop").status == 204
    found = azure.get()
    assert found["properties"]["instanceView"]["state"] == "Stopped"
    state = instance(found)["currentState"]
    assert state["state"] == "Terminated"
    assert "exitCode" not in state
    assert state["detailStatus"] == "Container stopped per client request"
    assert instance(found)["previousState"]["state"] == "Running"


def test_containers_that_need_time_to_end_are_stopped_after_it(azure: Azure) -> None:
    azure.running(body=group(scripted(ends_after=8)))
    azure.ask("POST", f"{GROUPS}/web/stop")
    azure.passes(7)
    assert azure.get()["properties"]["instanceView"]["state"] == "Running"
    azure.passes(2)
    assert azure.get()["properties"]["instanceView"]["state"] == "Stopped"


def test_a_stopped_group_can_be_started_again(azure: Azure) -> None:
    azure.running()
    azure.ask("POST", f"{GROUPS}/web/stop")
    response = azure.ask("POST", f"{GROUPS}/web/start")
    assert response.status == 202
    assert "Retry-After" in response.headers
    assert azure.ask("GET", response.headers["Location"]).status == 202
    azure.passes(20)
    assert azure.ask("GET", response.headers["Location"]).status == 204
    assert azure.get()["properties"]["instanceView"]["state"] == "Running"


def test_a_restart_starts_the_containers_anew(azure: Azure) -> None:
    azure.running()
    response = azure.ask("POST", f"{GROUPS}/web/restart")
    assert response.status == 204
    assert azure.get()["properties"]["provisioningState"] == "Updating"
    azure.passes(5)
    view = instance(azure.get())
    assert view["currentState"]["startTime"] == instant(BEGAN + timedelta(seconds=25))
    assert {each["name"]: each["count"] for each in view["events"]}["Started"] == 2
    assert azure.ask("GET", response.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"


def test_a_group_is_replaced_in_place(azure: Azure) -> None:
    azure.running()
    response = azure.put(body=group(container(image="nginx:2")))
    assert response.status == 200
    assert response.json()["properties"]["provisioningState"] == "Pending"
    azure.passes(20)
    assert azure.get()["properties"]["containers"][0]["properties"]["image"] == "nginx:2"


@pytest.mark.parametrize(
    "change",
    [
        group(restartPolicy="Never"),
        group(osType="Windows"),
        group(container(resources={"requests": {"cpu": 2.0, "memoryInGB": 1.5}})),
    ],
)
def test_what_cannot_change_is_refused(azure: Azure, change: dict[str, object]) -> None:
    azure.running()
    assert code(azure.put(body=change)) == (400, "InvalidContainerGroupUpdate")


def test_a_group_that_has_ended_is_deployed_as_new(azure: Azure) -> None:
    azure.running(body=group(scripted(run_for=1), restartPolicy="Never"))
    azure.passes(2)
    assert azure.put(body=group()).status == 200


def test_a_patch_changes_only_tags(azure: Azure) -> None:
    azure.running()
    response = azure.ask("PATCH", f"{GROUPS}/web", {"tags": {"team": "blue"}})
    assert response.status == 200
    assert azure.get()["tags"] == {"team": "blue"}
    assert azure.get()["properties"]["instanceView"]["state"] == "Running"
    assert azure.ask("GET", GROUPS).json()["value"][0]["tags"] == {"team": "blue"}
    properties = {"properties": {"osType": "Windows"}}
    assert code(azure.ask("PATCH", f"{GROUPS}/web", properties)) == (400, "InvalidRequestContent")


def test_an_evicted_group_stops(azure: Azure) -> None:
    azure.running()
    (found,) = azure.cloud.groups.store
    found.evict(azure.time)
    properties = azure.get()["properties"]
    assert properties["instanceView"]["state"] == "Stopped"
    assert properties["instanceView"]["events"][0]["name"] == "Evicted"


def test_a_group_on_a_broken_machine_is_repaired(azure: Azure) -> None:
    azure.running()
    (found,) = azure.cloud.groups.store
    found.repair(azure.time, 60)
    assert azure.get()["properties"]["provisioningState"] == "Unhealthy"
    azure.passes(31)
    assert azure.get()["properties"]["provisioningState"] == "Repairing"
    azure.passes(30)
    assert azure.get()["properties"]["provisioningState"] == "Succeeded"
    assert azure.get()["properties"]["instanceView"]["state"] == "Running"


def test_the_log_is_that_of_the_last_run(azure: Azure) -> None:
    azure.running(body=group(scripted(run_for=10, log_every=2, log="up", exit_code=1)))
    path = f"{GROUPS}/web/containers/main/logs"
    azure.passes(5)
    assert azure.ask("GET", path).json()["content"] == "up\nline 1\nline 2\n"
    assert azure.ask("GET", f"{path}?tail=1").json()["content"] == "line 2\n"
    stamped = azure.ask("GET", f"{path}?tail=1&timestamps=true").json()["content"]
    assert stamped == "2026-03-01T12:00:24.000000000Z line 2\n"
    azure.passes(6)
    assert azure.ask("GET", path).json()["content"] == "up\n"
    azure.passes(10)
    assert azure.ask("GET", path).json()["content"].splitlines() == ["up", *(f"line {n}" for n in range(1, 6))]


def test_there_is_no_log_before_the_container_ran(azure: Azure) -> None:
    azure.put()
    path = f"{GROUPS}/web/containers/main/logs"
    assert code(azure.ask("GET", path)) == (409, "ContainerGroupTransitioning")
    assert code(azure.ask("GET", f"{GROUPS}/web/containers/other/logs")) == (404, "ContainerNotFound")


def test_the_log_of_an_ended_container_is_cut(azure: Azure) -> None:
    azure.running(body=group(scripted(run_for=2000, log_every=1), restartPolicy="Never"))
    azure.passes(1999)
    path = f"{GROUPS}/web/containers/main/logs"
    assert len(azure.ask("GET", path).json()["content"].splitlines()) == 2000
    azure.passes(2)
    assert len(azure.ask("GET", path).json()["content"].splitlines()) == 1000


def test_a_create_may_take_long_and_fail_a_few_times(azure: Azure) -> None:
    body = group(scripted(create_takes=20, create_error="retryable", create_errors=2))
    assert code(azure.put(body=body)) == (409, "RegistryErrorResponse")
    assert code(azure.put(body=body)) == (409, "RegistryErrorResponse")
    response = azure.put(body=body)
    assert (response.status, response.takes) == (201, 20)
    assert azure.cloud.groups.starts[response.json()["id"].lower()] == 1


def test_a_create_may_time_out_and_be_done_all_the_same(azure: Azure) -> None:
    response = azure.put(body=group(scripted(create_error="timeout", create_errors=1)))
    assert code(response) == (503, "ServerTimeout")
    azure.passes(20)
    assert azure.get()["properties"]["instanceView"]["state"] == "Running"


def test_a_delete_may_fail_a_few_times(azure: Azure) -> None:
    azure.running(body=group(scripted(delete_errors=2)))
    answers = [azure.ask("DELETE", f"{GROUPS}/web").status for _ in range(3)]
    assert answers == [409, 409, 200]


def test_a_group_has_an_address_when_it_asks_for_one(azure: Azure) -> None:
    ports = [{"port": 80, "protocol": "TCP"}]
    body = group(container(ports=ports), ipAddress={"type": "Public", "ports": ports, "dnsNameLabel": "hello"})
    assert "ip" not in azure.put(body=body).json()["properties"]["ipAddress"]
    azure.passes(20)
    address = azure.get()["properties"]["ipAddress"]
    assert address["ip"]
    assert address["fqdn"] == "hello.westeurope.azurecontainer.io"
    azure.running("plain")
    assert "ipAddress" not in azure.get("plain")["properties"]
