"""What Virtual Kubelet's own provider for Fargate got wrong, each fault with the test that shows it absent.

The faults are those of its sources of 2018 and 2019; docs/fargate.md has them in a table.
"""

import asyncio
import json
from typing import Any

import pytest

from fakes.cloud.settings import FaultKind
from providers import pods
from providers.errors import Invalid, NotFound, ProviderError, Retryable
from providers.fargate import config as configuration
from providers.fargate import names
from tests.unit.fargate_setting import a_pod, built, main_of
from tests.unit.test_fargate_provider import Setting, in_virtual_time, scripted

# --- what became of a pod -------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_container_that_failed_has_not_succeeded(setting: Setting):
    pod = scripted(run_for=1, exit_code=7)
    await setting.running(pod)
    status = await setting.status(pod)
    assert status["phase"] == "Failed"
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 7


@in_virtual_time
async def test_a_pod_that_has_ended_is_not_ready_and_not_forgotten_by_another_process(setting: Setting):
    pod = scripted(run_for=1)
    await setting.running(pod)
    (found,) = await setting.new_provider().get_pods()
    conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
    assert (found["status"]["phase"], conditions["Ready"]) == ("Succeeded", "False")


@in_virtual_time
async def test_a_container_that_has_ended_well_is_not_ready(setting: Setting):
    pod = scripted(run_for=1)
    await setting.running(pod)
    assert (await setting.status(pod))["containerStatuses"][0]["ready"] is False


@in_virtual_time
async def test_a_missing_exit_code_is_not_0(setting: Setting):
    pod = scripted(never_starts="ImagePullBackOff")
    await setting.provider.create_pod(pod)
    await asyncio.sleep(35)
    task = next(iter(setting.account.tasks.values())).described(setting.clock.now())
    assert "exitCode" not in task["containers"][0]
    assert "waiting" in (await setting.status(pod))["containerStatuses"][0]["state"]


@in_virtual_time
async def test_a_launch_that_fails_leaves_no_definition_of_its_own_behind(setting: Setting):
    heal = setting.fail(FaultKind.OUTAGE, "create")
    for number in range(3):
        with pytest.raises(Retryable):
            await setting.provider.create_pod(a_pod(f"web-{number}"))
    heal()
    assert setting.calls("register") == 1


@in_virtual_time
async def test_pods_are_described_in_hundreds_not_one_by_one(setting: Setting):
    await asyncio.gather(*(setting.provider.create_pod(a_pod(f"web-{number}")) for number in range(200)))
    before = setting.calls("status")
    await setting.new_provider().get_pods()
    assert setting.calls("status") - before == 2


@in_virtual_time
async def test_the_log_of_one_container_is_not_that_of_another_whose_name_begins_alike(setting: Setting):
    pod = a_pod()
    pod["spec"]["containers"].append({"name": "main-2", "image": "b:1"})
    await setting.running(pod)
    assert await setting.log(pod, "main") == b"main started\n"
    assert await setting.log(pod, "main-2", tail_lines=1) == b"main-2 started\n"
    assert await setting.log(pod, "main", tail_lines=0) == b""


@in_virtual_time
async def test_identity_outlives_the_tags(setting: Setting):
    pod = scripted(ends_after=20)
    await setting.running(pod)
    await setting.provider.delete_pod(pod)
    (task,) = setting.backend.tasks()
    assert task.constant["tags"] == []
    whose = names.identity(task.constant)
    assert whose is not None
    assert whose.ref == pods.ref(pod)


@in_virtual_time
async def test_a_deleted_pod_is_gone_and_its_definition_stays(setting: Setting):
    pod = a_pod()
    await setting.running(pod)
    await setting.provider.delete_pod(pod)
    await asyncio.sleep(10)
    with pytest.raises(NotFound):
        await setting.provider.delete_pod(pod)
    assert setting.calls("deregister") == 0


def test_a_pods_name_with_dots_makes_a_legal_startedby_and_names_stay_different():
    assert names.started_by("a.b") != names.started_by("a_b")
    assert len(names.started_by("n" * 300)) == 128
    assert set(names.started_by("a.b")) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-/")


@in_virtual_time
async def test_a_task_on_its_way_down_is_not_of_unknown_phase(setting: Setting):
    pod = scripted(ends_after=20)
    await setting.running(pod)
    await setting.provider.delete_pod(pod)
    phases = set()
    for _ in range(25):
        phases.add((await setting.status(pod))["phase"])
        await asyncio.sleep(1)
    assert phases <= {"Running", "Failed"}


@in_virtual_time
async def test_the_pods_address_is_not_taken_for_the_hosts(setting: Setting):
    pod = a_pod()
    await setting.running(pod)
    status = await setting.status(pod)
    assert status["podIP"].startswith("10.")
    assert "hostIP" not in status


@in_virtual_time
async def test_a_container_began_when_its_task_did_not_when_somebody_looked(setting: Setting):
    pod = a_pod()
    await setting.running(pod)
    await asyncio.sleep(100)
    task = next(iter(setting.account.tasks.values()))
    (status,) = (await setting.new_provider().get_pods())[0]["status"]["containerStatuses"]
    assert status["state"]["running"]["startedAt"] == f"{task.running_at:%Y-%m-%dT%H:%M:%SZ}"


@in_virtual_time
async def test_a_pods_resources_are_not_told_in_other_units(setting: Setting):
    pod = a_pod(container={"resources": {"limits": {"cpu": "250m"}}})
    await setting.running(pod)
    found = await setting.provider.get_pod(pods.ref(pod))
    assert "256" not in json.dumps(found["spec"])


@in_virtual_time
async def test_another_image_is_rolled_out(setting: Setting):
    pod = a_pod()
    await setting.running(pod)
    spec = {**pod["spec"], "containers": [{**pod["spec"]["containers"][0], "image": "registry.example/app:2"}]}
    await setting.provider.update_pod({**pod, "spec": spec})
    await asyncio.sleep(10)
    (status,) = (await setting.status(pod))["containerStatuses"]
    assert status["image"] == "registry.example/app:2"
    assert len(setting.backend.tasks()) == 1


@in_virtual_time
async def test_a_log_longer_than_a_page_is_read_to_its_end(setting: Setting):
    pod = scripted(run_for=2600, log_every=0.25)
    await setting.running(pod)
    await asyncio.sleep(2700)
    assert len((await setting.log(pod, "main")).splitlines()) == 10_401


@in_virtual_time
async def test_pods_on_spot_capacity_are_found_again(setting: Setting):
    await setting.provider.close()
    setting.provider = setting.new_provider(CapacityProvider="FARGATE_SPOT")
    await setting.provider.start()
    await setting.running(a_pod())
    assert len(await setting.new_provider().get_pods()) == 1


@in_virtual_time
async def test_the_node_is_not_well_when_the_cluster_is_gone(setting: Setting):
    await setting.provider.ping()
    del setting.account.clusters["default"]
    with pytest.raises(ProviderError, match="the cluster default is MISSING"):
        await setting.provider.ping()


@in_virtual_time
async def test_pods_alike_take_one_definition(setting: Setting):
    for number in range(20):
        await setting.provider.create_pod(a_pod(f"web-{number}"))
    assert setting.calls("register") == 1


# --- what was made of a pod -----------------------------------------------------------------------------------------


def test_a_long_pod_name_with_dots_has_a_legal_family():
    family = built(a_pod("a.b-" * 60)).definition["family"]
    assert len(family) <= 255
    assert set(family) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")


def test_five_containers_without_wishes_do_not_cost_two_cores():
    pod = a_pod()
    pod["spec"]["containers"] = [{"name": f"c{number}", "image": "a"} for number in range(5)]
    assert (built(pod).definition["cpu"], built(pod).definition["memory"]) == ("256", "512")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "hostPath"),
        ({"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}]}, "hostAliases"),
    ],
)
def test_what_cannot_be_had_is_refused_and_not_left_out(spec: dict[str, Any], field: str):
    with pytest.raises(Invalid, match=field):
        built(a_pod(**spec))


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"lifecycle": {"preStop": {"exec": {"command": ["a"]}}}}, "lifecycle"),
        ({"livenessProbe": {"httpGet": {"port": 80}}}, "livenessProbe"),
    ],
)
def test_what_is_left_out_is_told(container: dict[str, Any], told: str):
    assert any(told in each for each in built(a_pod(container=container)).approximations)


def test_ports_init_containers_and_users_are_handed_on():
    container = {"ports": [{"containerPort": 80}], "securityContext": {"runAsUser": 7}}
    pod = a_pod(container=container, initContainers=[{"name": "first", "image": "i"}])
    main = main_of(pod)
    assert main["portMappings"] == [{"containerPort": 80, "protocol": "tcp"}]
    assert (main["user"], main["dependsOn"][0]["containerName"]) == ("7", "first")


def test_a_role_may_still_be_given_by_the_annotation_of_2018():
    pod = a_pod()
    pod["metadata"]["annotations"] = {"iam.amazonaws.com/role": "arn:aws:iam::1:role/pod"}
    assert built(pod).definition["taskRoleArn"] == "arn:aws:iam::1:role/pod"


# --- what was made of the configuration -----------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["ap-southeast-3", "eu-isoe-west-1", "us-gov-east-1"])
def test_any_region_will_do(region: str):
    given = {"Region": region, "Subnets": ["subnet-a"]}
    assert configuration.parse(given, source="f.toml").region == region


def test_a_clusters_name_may_have_an_underscore():
    given = {"ClusterName": "my_cluster", "Subnets": ["subnet-a"]}
    assert configuration.parse(given, source="f.toml").cluster == "my_cluster"


@in_virtual_time
async def test_storage_is_offered_and_not_only_read(setting: Setting):
    assert (await setting.new_provider(Storage="7Gi").capacity())["ephemeral-storage"] == "7Gi"
