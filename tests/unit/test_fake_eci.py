"""The fake Elastic Container Instance as a state machine: what becomes of groups, what is refused, what is kept."""

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Latency, Rate
from fakes.eci.service import EciService, Response

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
QUICK = {"schedule": Latency(1), "start": Latency(2), "update": Latency(3)}


class Cloud:
    """A fake, and its time."""

    def __init__(self, **settings: Any) -> None:
        self.now = EPOCH
        self.service = EciService(lambda: self.now, Random(1), CloudSettings(**{"latencies": QUICK, **settings}))

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def call(self, action: str, **flat: str) -> Response:
        return self.service.call(action, {"RegionId": "cn-hangzhou", **flat})

    def create(self, name: str = "web", script: dict[str, Any] | None = None, **flat: str) -> str:
        response = self.call("CreateContainerGroup", **group(name, script), **flat)
        assert response.status == 200, response.body
        return str(response.body["ContainerGroupId"])

    def refused(self, action: str, **flat: str) -> str:
        response = self.call(action, **flat)
        assert response.status >= 400, response.body
        assert {"Code", "Message", "RequestId", "HostId"} <= set(response.body)
        return str(response.body["Code"])

    def groups(self, **flat: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.call("DescribeContainerGroups", **flat).body["ContainerGroups"]
        return rows

    def seen(self, group_id: str) -> dict[str, Any]:
        (row,) = self.groups(ContainerGroupIds=json.dumps([group_id]))
        return row

    def status(self, group_id: str) -> str:
        return str(self.seen(group_id)["Status"])

    def container(self, group_id: str, index: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.seen(group_id)["Containers"][index]
        return found

    def log(self, group_id: str, **flat: str) -> str:
        found = self.call("DescribeContainerLog", ContainerGroupId=group_id, ContainerName="main", **flat)
        return str(found.body["Content"])


def group(name: str = "web", script: dict[str, Any] | None = None) -> dict[str, str]:
    flat = {"ContainerGroupName": name, "Container.1.Name": "main", "Container.1.Image": "app:1"}
    if script is not None:
        flat |= {
            "Container.1.EnvironmentVar.1.Key": "VKSIM_SCRIPT",
            "Container.1.EnvironmentVar.1.Value": json.dumps(script),
        }
    return flat


# --- the life of a group --------------------------------------------------------------------------------------------


def test_a_group_is_scheduled_then_pending_then_running():
    cloud = Cloud()
    web = cloud.create()
    assert (cloud.status(web), cloud.seen(web)["IntranetIp"]) == ("Scheduling", "")
    cloud.passes(1)
    assert cloud.status(web) == "Pending"
    cloud.passes(2)
    assert cloud.status(web) == "Running"
    assert cloud.seen(web)["IntranetIp"].startswith("10.")
    assert cloud.container(web)["CurrentState"]["State"] == "Running"


@pytest.mark.parametrize(("code", "status"), [(0, "Succeeded"), (3, "Failed")])
def test_a_group_whose_containers_end_is_over(code: int, status: str):
    cloud = Cloud()
    job = cloud.create(script={"run_for": 10, "exit_code": code}, RestartPolicy="Never")
    cloud.passes(20)
    assert cloud.status(job) == status
    ended = cloud.container(job)["CurrentState"]
    assert (ended["State"], ended["ExitCode"], ended["FinishTime"]) == ("Terminated", code, "2026-01-01T00:00:13Z")


def test_a_container_that_ends_is_restarted_later_and_later():
    cloud = Cloud()
    web = cloud.create(script={"run_for": 5, "exit_code": 1})
    cloud.passes(9)
    waiting = cloud.container(web)
    assert waiting["CurrentState"]["Reason"] == "CrashLoopBackOff"
    assert waiting["PreviousState"]["ExitCode"] == 1
    cloud.passes(10)
    assert (cloud.container(web)["RestartCount"], cloud.container(web)["CurrentState"]["State"]) == (1, "Running")
    cloud.passes(15)
    assert cloud.container(web)["CurrentState"]["State"] == "Waiting"
    cloud.passes(10)
    assert cloud.container(web)["RestartCount"] == 2


def test_on_failure_restarts_failures_only():
    cloud = Cloud()
    good = cloud.create("good", {"run_for": 5}, RestartPolicy="OnFailure")
    bad = cloud.create("bad", {"run_for": 5, "exit_code": 1}, RestartPolicy="OnFailure")
    cloud.passes(30)
    assert (cloud.status(good), cloud.status(bad)) == ("Succeeded", "Running")


def test_a_deleted_group_ends_by_itself_within_its_grace_and_is_gone():
    cloud = Cloud()
    web = cloud.create(script={"ends_after": 5}, TerminationGracePeriodSeconds="30")
    cloud.passes(10)
    cloud.call("DeleteContainerGroup", ContainerGroupId=web)
    assert cloud.status(web) == "Terminating"
    cloud.passes(5)
    assert cloud.groups() == []


def test_a_group_that_does_not_end_is_killed_after_its_grace():
    cloud = Cloud()
    web = cloud.create(script={"ends_after": 600}, TerminationGracePeriodSeconds="30")
    cloud.passes(10)
    cloud.call("DeleteContainerGroup", ContainerGroupId=web)
    cloud.passes(29)
    assert cloud.status(web) == "Terminating"
    cloud.passes(1)
    assert cloud.groups() == []


def test_a_group_that_has_not_begun_goes_at_once():
    cloud = Cloud()
    web = cloud.create()
    cloud.call("DeleteContainerGroup", ContainerGroupId=web)
    assert cloud.groups() == []
    assert cloud.refused("DeleteContainerGroup", ContainerGroupId=web) == "InvalidContainerGroup.NotFound"


def test_a_group_that_cannot_start_waits_and_says_why():
    cloud = Cloud()
    web = cloud.create(script={"never_starts": "ImagePullBackOff"})
    cloud.passes(3600)
    assert cloud.status(web) == "Pending"
    assert cloud.container(web)["CurrentState"]["Reason"] == "ImagePullBackOff"
    cloud.passes(4 * 3600)
    assert cloud.status(web) == "StartingFailed"


def test_a_group_that_cannot_be_placed_says_why():
    cloud = Cloud()
    web = cloud.create(script={"schedule_fails": "NoStock"})
    cloud.passes(2)
    assert cloud.status(web) == "ScheduleFailed"
    assert cloud.seen(web)["Events"][-1]["Reason"] == "NoStock"


def test_an_update_changes_images_and_begins_again():
    cloud = Cloud()
    web = cloud.create()
    cloud.passes(10)
    cloud.call(
        "UpdateContainerGroup", ContainerGroupId=web, **{"Container.1.Name": "main", "Container.1.Image": "app:2"}
    )
    assert (cloud.status(web), cloud.container(web)["Image"]) == ("Updating", "app:2")
    cloud.passes(3)
    assert (cloud.status(web), cloud.container(web)["RestartCount"]) == ("Running", 1)


def test_only_a_running_or_pending_group_can_be_restarted():
    cloud = Cloud()
    job = cloud.create(script={"run_for": 10}, RestartPolicy="Never")
    cloud.passes(5)
    assert cloud.call("RestartContainerGroup", ContainerGroupId=job).status == 200
    assert cloud.status(job) == "Restarting"
    cloud.passes(60)
    assert cloud.refused("RestartContainerGroup", ContainerGroupId=job) == "IncorrectStatus"


def test_init_containers_run_first_and_a_failing_one_holds_the_group_back():
    cloud = Cloud()
    initial = {"InitContainer.1.Name": "prepare", "InitContainer.1.Image": "p:1"}
    web = cloud.create(**initial)
    cloud.passes(5)
    assert cloud.seen(web)["InitContainers"][0]["CurrentState"]["State"] == "Terminated"
    variable = {"InitContainer.1.EnvironmentVar.1.Key": "VKSIM_SCRIPT"}
    script = {"InitContainer.1.EnvironmentVar.1.Value": '{"run_for": 5, "exit_code": 1}'}
    job = cloud.create("job", RestartPolicy="Never", **initial, **variable, **script)
    cloud.passes(10)
    assert cloud.status(job) == "Failed"


def test_a_sidecar_is_not_waited_for():
    cloud = Cloud()
    flat = {"Container.2.Name": "proxy", "Container.2.Image": "p:1"}
    flat |= {"Container.2.EnvironmentVar.1.Key": "ECI_CONTAINER_TYPE", "Container.2.EnvironmentVar.1.Value": "sidecar"}
    job = cloud.create(script={"run_for": 5}, RestartPolicy="Never", **flat)
    cloud.passes(5)
    assert cloud.container(job, 1)["CurrentState"]["State"] == "Running"
    cloud.passes(5)
    assert cloud.status(job) == "Succeeded"
    assert cloud.container(job, 1)["CurrentState"]["State"] == "Terminated"


def test_spare_capacity_can_be_taken_back():
    cloud = Cloud()
    spot = cloud.create("spot", SpotStrategy="SpotAsPriceGo")
    kept = cloud.create("kept")
    cloud.passes(10)
    assert cloud.service.region.interrupt(1.0) == 1
    assert (cloud.status(spot), cloud.status(kept)) == ("Expired", "Running")


@pytest.mark.parametrize("over", ["reclaimed", "past its deadline"])
def test_a_group_that_is_over_goes_at_once_when_it_is_deleted(over: str):
    cloud = Cloud()
    web = cloud.create(script={"ends_after": 600}, ActiveDeadlineSeconds="60", SpotStrategy="SpotAsPriceGo")
    cloud.passes(10 if over == "reclaimed" else 70)
    if over == "reclaimed":
        cloud.service.region.interrupt(1.0)
    cloud.call("DeleteContainerGroup", ContainerGroupId=web)
    assert cloud.groups() == []


def test_a_restart_of_a_group_that_has_not_begun_does_not_hurry_it():
    cloud = Cloud(latencies={"schedule": Latency(1), "start": Latency(60), "update": Latency(3)})
    web = cloud.create()
    cloud.passes(2)
    cloud.call("RestartContainerGroup", ContainerGroupId=web)
    cloud.passes(30)
    assert cloud.status(web) == "Pending"
    cloud.passes(30)
    assert cloud.container(web)["CurrentState"]["StartTime"] == "2026-01-01T00:01:01Z"


def test_a_group_is_over_when_its_deadline_is():
    cloud = Cloud()
    web = cloud.create(ActiveDeadlineSeconds="60")
    cloud.passes(70)
    assert cloud.status(web) == "Failed"
    assert "DeadlineExceeded" in [each["Reason"] for each in cloud.seen(web)["Events"]]


# --- finding groups -------------------------------------------------------------------------------------------------


def tagged(**tags: str) -> dict[str, str]:
    pairs = enumerate(tags.items(), 1)
    return {f"Tag.{n}.{kind}": text for n, pair in pairs for kind, text in zip(("Key", "Value"), pair, strict=True)}


def test_groups_are_found_by_all_of_their_tags():
    cloud = Cloud()
    one = cloud.create("one", **tagged(node="a", team="x"))
    cloud.create("two", **tagged(node="a", team="y"))
    found = cloud.groups(**tagged(node="a", team="x"))
    assert [each["ContainerGroupId"] for each in found] == [one]
    assert cloud.groups(**tagged(node="b")) == []


def test_groups_come_in_pages_of_twenty_even_while_some_go():
    cloud = Cloud()
    made = [cloud.create(f"web-{n}") for n in range(45)]
    first = cloud.call("DescribeContainerGroups").body
    cloud.call("DeleteContainerGroup", ContainerGroupId=first["ContainerGroups"][-1]["ContainerGroupId"])
    seen, token = [each["ContainerGroupId"] for each in first["ContainerGroups"]], first["NextToken"]
    while token:
        page = cloud.call("DescribeContainerGroups", NextToken=token).body
        seen, token = seen + [each["ContainerGroupId"] for each in page["ContainerGroups"]], page["NextToken"]
    assert seen == made
    assert cloud.refused("DescribeContainerGroups", Limit="21") == "InvalidParameter.Limit"


def test_at_most_twenty_ids_are_asked_for_at_once():
    ids = json.dumps([f"eci-{n}" for n in range(21)])
    assert Cloud().refused("DescribeContainerGroups", ContainerGroupIds=ids) == "InvalidParameter.LimitExceeded"


def test_statuses_come_in_pages_of_two_hundred():
    cloud = Cloud()
    for number in range(205):
        cloud.create(f"web-{number}")
    page = cloud.call("DescribeContainerGroupStatus").body
    assert len(page["Data"]) == 200
    assert len(cloud.call("DescribeContainerGroupStatus", NextToken=page["NextToken"]).body["Data"]) == 5


def test_one_can_ask_for_what_has_changed_lately():
    cloud = Cloud()
    cloud.create("old")
    cloud.passes(100)
    new = cloud.create("new")
    rows = cloud.call("DescribeContainerGroupStatus", SinceSecond="10").body["Data"]
    assert [each["ContainerGroupId"] for each in rows] == [new]


def test_all_that_is_over_is_kept_for_an_hour_then_the_newest_hundred():
    cloud = Cloud()
    for number in range(105):
        cloud.create(f"job-{number}", {"run_for": number + 1.0}, RestartPolicy="Never")
    cloud.passes(3600)
    assert len(cloud.service.region.select([])) == 105
    cloud.passes(200)
    left = cloud.service.region.select([])
    assert len(left) == 100
    assert "job-0" not in [each.parameters["ContainerGroupName"] for each in left]


# --- once, and within limits ----------------------------------------------------------------------------------------


def test_a_known_token_gives_the_first_answer():
    cloud = Cloud()
    assert cloud.create(ClientToken="t") == cloud.create(ClientToken="t")
    assert len(cloud.groups()) == 1


def test_a_known_token_with_other_parameters_is_refused():
    cloud = Cloud()
    cloud.create(ClientToken="t")
    assert cloud.refused("CreateContainerGroup", **group("other"), ClientToken="t") == "IdempotentParameterMismatch"


def test_a_token_is_known_even_when_its_group_is_gone():
    cloud = Cloud()
    web = cloud.create(ClientToken="t")
    cloud.service.region.lose(web)
    assert cloud.create(ClientToken="t") == web
    assert cloud.groups() == []


def test_a_lost_answer_is_done_and_a_lost_request_is_not():
    cloud = Cloud(faults=(Fault(FaultKind.LOST_ANSWER, resources=("one",)), Fault(FaultKind.LOST_REQUEST)))
    assert not cloud.call("CreateContainerGroup", **group("one")).heard
    assert not cloud.call("CreateContainerGroup", **group("two")).heard
    assert [each.parameters["ContainerGroupName"] for each in cloud.service.region.select([])] == ["one"]


def test_too_many_calls_are_refused_by_their_own_rate():
    cloud = Cloud(rates={"delete": Rate(burst=1, per_second=1)})
    codes = [cloud.call("DeleteContainerGroup", ContainerGroupId="eci-x").body["Code"] for _ in range(2)]
    assert codes == ["InvalidContainerGroup.NotFound", "Throttling.User"]
    assert cloud.call("DescribeContainerGroups").status == 200


def test_quotas_count_what_runs_and_give_it_back():
    cloud = Cloud(quotas={"ContainerGroups": 1})
    web = cloud.create()
    assert cloud.refused("CreateContainerGroup", **group("two")) == "QuotaExceeded"
    cloud.call("DeleteContainerGroup", ContainerGroupId=web)
    cloud.create("two")


def test_a_zone_without_stock_is_passed_over():
    cloud = Cloud(faults=(Fault(FaultKind.NO_CAPACITY, resources=("cn-hangzhou-b",)),))
    web = cloud.create(VSwitchId="vsw-b,vsw-h")
    assert cloud.seen(web)["ZoneId"] == "cn-hangzhou-h"
    assert cloud.refused("CreateContainerGroup", **group("two"), VSwitchId="vsw-b") == "NoStock"


def test_sizes_are_rounded_up_to_what_is_offered():
    cloud = Cloud()
    web = cloud.create(**{"Container.1.Cpu": "1.5", "Container.1.Memory": "9"})
    assert (cloud.seen(web)["Cpu"], cloud.seen(web)["Memory"]) == (2.0, 16.0)


MOUNT = {"Container.1.VolumeMount.1.Name": "v", "Container.1.VolumeMount.1.MountPath": "/"}


@pytest.mark.parametrize(
    ("flat", "code"),
    [
        ({"ContainerGroupName": "Big_Name"}, "InvalidParameter.ContainerGroupName"),
        ({"ContainerGroupName": ""}, "MissingParameter"),
        ({"Container.1.Image": ""}, "MissingParameter"),
        ({"Container.1.Cpu": "many"}, "InvalidParameter.Cpu"),
        ({"Container.1.Gpu": "1"}, "InvalidParameter.Container.Gpu"),
        ({"Container.1.Cpu": "65"}, "InvalidParameter.LimitExceeded"),
        (
            {"Container.1.VolumeMount.1.Name": "v", "Container.1.VolumeMount.1.MountPath": "/"},
            "InvalidParameter.VolumeMount.Name",
        ),
        ({"Volume.1.Name": "v", "Volume.1.Type": "HostPathVolume"}, "InvalidParameter.Volume.Type"),
        ({"Volume.1.Name": "v", "Volume.1.Type": "NFSVolume"}, "MissingParameter"),
        ({"RestartPolicy": "Sometimes"}, "InvalidParameter.RestartPolicy"),
        ({"InstanceType": "ecs.none"}, "InvalidParameter.InstanceType"),
        ({"SpotStrategy": "SpotWithPriceLimit"}, "MissingParameter"),
        ({"ClientToken": "x" * 65}, "InvalidParameter.ClientToken"),
        ({"DryRun": "true"}, "DryRunOperation"),
        ({f"Tag.{n}.Key": f"k{n}" for n in range(1, 22)}, "InvalidParameter.LimitExceeded"),
        ({"RegionId": "cn-nowhere"}, "InvalidRegionId.NotFound"),
    ],
)
def test_what_the_api_does_not_take_is_refused(flat: dict[str, str], code: str):
    cloud = Cloud()
    assert cloud.refused("CreateContainerGroup", **{**group(), **flat}) == code
    assert cloud.groups() == []


def test_secrets_can_be_written_and_not_read():
    cloud = Cloud()
    web = cloud.create(
        script={},
        **{
            "Container.1.EnvironmentVarHide": "True",
            "ImageRegistryCredential.1.Server": "r",
            "ImageRegistryCredential.1.UserName": "me",
            "ImageRegistryCredential.1.Password": "s3cret",
        },
    )
    shown = cloud.seen(web)
    assert "s3cret" not in json.dumps(shown)
    assert shown["Containers"][0]["EnvironmentVars"] == [{"Key": "VKSIM_SCRIPT", "Value": ""}]


# --- what goes on in a group ----------------------------------------------------------------------------------------


def test_a_log_has_lines_with_their_times():
    cloud = Cloud()
    web = cloud.create(script={"log_every": 10})
    cloud.passes(30)
    assert cloud.log(web) == "main started\nmain line 1\nmain line 2\n"
    assert cloud.log(web, Tail="1", Timestamps="true") == "2026-01-01T00:00:23.000000000Z main line 2\n"
    assert cloud.log(web, StartTime="2026-01-01T00:00:13Z") == "main line 1\nmain line 2\n"
    assert cloud.log(web, SinceSeconds="8") == "main line 2\n"
    assert cloud.log(web, LimitBytes="4") == "main"


def test_the_log_of_the_run_before_is_kept():
    cloud = Cloud()
    web = cloud.create(script={"run_for": 5, "exit_code": 1, "log": "hello"})
    assert (
        cloud.refused("DescribeContainerLog", ContainerGroupId=web, ContainerName="other")
        == "InvalidContainer.NotFound"
    )
    cloud.passes(20)
    assert cloud.log(web, LastTime="true") == "hello\n"


def test_a_command_can_be_run_in_one_call():
    cloud = Cloud()
    web = cloud.create()
    command = {"ContainerGroupId": web, "ContainerName": "main", "Command": '["echo", "hello"]'}
    assert cloud.refused("ExecContainerCommand", **command) == "IncorrectStatus"
    cloud.passes(10)
    assert cloud.call("ExecContainerCommand", **command, Sync="true").body["SyncResponse"] == "hello\n"
    assert cloud.call("ExecContainerCommand", **command).body["WebSocketUri"].startswith("wss://")
    assert cloud.refused("ExecContainerCommand", **command, Sync="true", TTY="true") == "InvalidParameter.Sync"


def test_use_is_measured_while_a_group_runs():
    cloud = Cloud()
    web = cloud.create()
    assert cloud.call("DescribeContainerGroupMetric", ContainerGroupId=web).body["Records"] == []
    cloud.passes(13)
    ids = json.dumps([web, "eci-unknown"])
    (data,) = cloud.call("DescribeMultiContainerGroupMetric", ContainerGroupIds=ids).body["MonitorDatas"]
    assert data["Records"][0]["CPU"]["UsageCoreNanoSeconds"] == 100_000_000


# --- the region -----------------------------------------------------------------------------------------------------


def test_zones_stock_prices_and_usage_can_be_asked_for():
    cloud = Cloud(faults=(Fault(FaultKind.NO_CAPACITY, resources=("*-b",)),), quotas={"vCPU": 100})
    cloud.create(**{"Container.1.Cpu": "4"})
    assert "cn-hangzhou-h" in cloud.call("DescribeRegions", RegionId="cn-hangzhou").body["Regions"][0]["Zones"]
    zones = cloud.call("DescribeAvailableResource", **{"DestinationResource.Category": "InstanceType"}).body
    stock = {
        each["ZoneId"]: each["AvailableResources"]["AvailableResource"][0]["SupportedResources"]["SupportedResource"][0]
        for each in zones["AvailableZones"]["AvailableZone"]
    }
    assert stock["cn-hangzhou-b"]["StatusCategory"] == "WithoutStock"
    assert stock["cn-hangzhou-h"]["StatusCategory"] == "WithStock"
    assert cloud.call("ListUsage").body["Attributes"]["UsedCpu"] == 4
    price = cloud.call("DescribeContainerGroupPrice", SpotStrategy="SpotAsPriceGo").body["PriceInfo"]["Price"]
    assert price["TradePrice"] < price["OriginalPrice"]


def test_an_image_cache_is_made_found_and_dropped():
    cloud = Cloud(latencies={"image-cache": Latency(60)})
    made = cloud.call("CreateImageCache", ImageCacheName="c", **{"Image.1": "app:1"}).body["ImageCacheId"]

    def status() -> str:
        return str(cloud.call("DescribeImageCaches", ImageCacheId=made).body["ImageCaches"][0]["Status"])

    assert status() == "Creating"
    cloud.passes(60)
    assert status() == "Ready"
    cloud.call("DeleteImageCache", ImageCacheId=made)
    assert cloud.refused("DeleteImageCache", ImageCacheId=made) == "InvalidImageCache.NotFound"


def test_unknown_operations_and_missing_regions_are_refused():
    cloud = Cloud()
    assert cloud.refused("DescribeMultiContainerGroups") == "InvalidAction.NotFound"
    assert cloud.service.call("DescribeContainerGroups", {}).body["Code"] == "MissingParameter"
