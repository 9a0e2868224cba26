"""A pod as a container group: what goes where, what is only nearly so, what is refused."""

import json
from typing import Any

import pytest
from alibabacloud_eci20180808 import models

from providers.data import File, PodData, RegistryCredential
from providers.eci import group
from providers.eci.config import EciConfig
from providers.errors import Invalid, Unsupported
from tests.unit.eci_setting import a_pod, annotated, built, main_of

FULL = a_pod(
    container={
        "command": ["sh"],
        "args": ["-c", "true"],
        "workingDir": "/work",
        "imagePullPolicy": "Always",
        "tty": True,
        "stdin": True,
        "env": [{"name": "COLOUR", "value": "blue"}],
        "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 53, "protocol": "UDP"}],
        "resources": {
            "requests": {"cpu": "250m", "memory": "1Gi", "ephemeral-storage": "35Gi"},
            "limits": {"cpu": "2", "nvidia.com/gpu": "1"},
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data", "subPathExpr": "of-$(COLOUR)", "readOnly": True}],
        "livenessProbe": {"httpGet": {"port": "http", "path": "/live"}, "periodSeconds": 5},
        "readinessProbe": {"exec": {"command": ["true"]}, "initialDelaySeconds": 3},
        "lifecycle": {"postStart": {"exec": {"command": ["hello"]}}, "preStop": {"httpGet": {"port": 80}}},
        "securityContext": {"runAsUser": 7, "readOnlyRootFilesystem": True, "capabilities": {"add": ["NET_ADMIN"]}},
    },
    initContainers=[
        {"name": "prepare", "image": "prepare:1"},
        {"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"},
    ],
    volumes=[{"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}],
    hostname="web",
    hostAliases=[{"ip": "10.1.1.1", "hostnames": ["db"]}],
    terminationGracePeriodSeconds=45,
    activeDeadlineSeconds=600,
    shareProcessNamespace=True,
    securityContext={
        "runAsGroup": 8,
        "runAsNonRoot": True,
        "sysctls": [
            {"name": "net.ipv4.ping_group_range", "value": "0 9"},
            {"name": "net.core.somaxconn", "value": "1024"},
        ],
    },
)


def test_the_sdk_knows_every_parameter_that_is_sent():
    pod = annotated(FULL, eci_with_eip="true", eip_bandwidth="10", eci_spot_strategy="SpotAsPriceGo")
    data = PodData(registries=(RegistryCredential("registry.example", "me", "s3cret"),), late_env=(("main", "MY_IP"),))
    parameters = built(pod, data).parameters
    assert _without_empty(models.CreateContainerGroupRequest().from_map(parameters).to_map()) == parameters


def _without_empty(value: Any) -> Any:
    """The SDK's models fill in empty lists, which are not sent."""
    if isinstance(value, dict):
        return {key: _without_empty(each) for key, each in value.items() if each != []}
    return [_without_empty(each) for each in value] if isinstance(value, list) else value


def test_a_container_keeps_its_command_environment_and_ports():
    main = main_of(FULL)
    assert (main["Command"], main["Arg"], main["WorkingDir"]) == (["sh"], ["-c", "true"], "/work")
    assert main["EnvironmentVar"] == [{"Key": "COLOUR", "Value": "blue"}]
    assert main["Port"] == [{"Port": 80, "Protocol": "TCP"}, {"Port": 53, "Protocol": "UDP"}]


def test_arguments_alone_leave_the_images_entry_point():
    assert "Command" not in main_of(a_pod(container={"args": ["--verbose"]}))


def test_limits_go_before_requests_and_memory_is_in_gib():
    main = main_of(FULL)
    assert (main["Cpu"], main["Memory"], main["Gpu"]) == (2.0, 1.0, 1)


def test_sizes_are_rounded_up_to_thousandths():
    main = main_of(a_pod(container={"resources": {"requests": {"cpu": "1u", "memory": "100Mi"}}}))
    assert (main["Cpu"], main["Memory"]) == (0.001, 0.098)


def test_a_container_without_sizes_leaves_them_to_the_cloud():
    assert not {"Cpu", "Memory"} & set(main_of(a_pod()))


def test_storage_beyond_the_free_part_is_asked_for():
    assert built(FULL).parameters["EphemeralStorage"] == 5


def test_named_ports_of_probes_become_numbers():
    main = main_of(FULL)
    assert main["LivenessProbe"] == {"PeriodSeconds": 5, "HttpGet": {"Path": "/live", "Port": 80, "Scheme": "HTTP"}}
    assert main["ReadinessProbe"] == {"InitialDelaySeconds": 3, "Exec": {"Command": ["true"]}}


def test_a_startup_probe_is_a_late_liveness_probe():
    probe = {"exec": {"command": ["true"]}}
    startup = {**probe, "periodSeconds": 10, "failureThreshold": 6}
    mapped = built(a_pod(container={"livenessProbe": probe, "startupProbe": startup}))
    assert mapped.parameters["Container"][0]["LivenessProbe"]["InitialDelaySeconds"] == 60
    assert "startupProbe" in mapped.approximations[0]


def test_hooks_are_mapped():
    main = main_of(FULL)
    assert main["LifecyclePostStartHandlerExec"] == ["hello"]
    assert (main["LifecyclePreStopHandlerHttpGetPath"], main["LifecyclePreStopHandlerHttpGetPort"]) == ("/", 80)


def test_the_pods_security_context_holds_where_the_container_says_nothing():
    main = main_of(FULL)
    assert main["SecurityContext"]["RunAsUser"] == 7
    assert (main["SecurityContextRunAsGroup"], main["SecurityContextRunAsNonRoot"]) == (8, True)


def test_safe_and_unsafe_sysctls_go_apart():
    parameters = built(FULL).parameters
    assert [each["Name"] for each in parameters["SecurityContext"]["Sysctl"]] == ["net.ipv4.ping_group_range"]
    assert [each["Name"] for each in parameters["HostSecurityContext"]["Sysctl"]] == ["net.core.somaxconn"]


def test_a_sidecar_is_a_container_that_the_cloud_knows_as_one():
    parameters = built(FULL).parameters
    assert [each["Name"] for each in parameters["InitContainer"]] == ["prepare"]
    proxy = parameters["Container"][1]
    assert proxy["Name"] == "proxy"
    assert {"Key": "ECI_CONTAINER_TYPE", "Value": "sidecar"} in proxy["EnvironmentVar"]


def test_a_sidecar_is_known_as_one_even_with_secrets_and_that_is_noted():
    sidecar = {"name": "proxy", "image": "p:1", "restartPolicy": "Always"}
    mapped = built(a_pod(initContainers=[sidecar]), PodData(secret_env=frozenset({("proxy", "PASSWORD")})))
    assert "EnvironmentVarHide" not in mapped.parameters["Container"][1]
    assert "can be read" in mapped.approximations[0]


def test_a_variable_of_the_pods_address_is_left_to_the_cloud():
    main = main_of(a_pod(), PodData(late_env=(("main", "MY_IP"),)))
    assert main["EnvironmentVar"] == [{"Key": "MY_IP", "FieldRef": {"FieldPath": "status.podIP"}}]


def test_an_environment_with_something_of_a_secret_is_hidden():
    assert main_of(a_pod(), PodData(secret_env=frozenset({("main", "PASSWORD")})))["EnvironmentVarHide"] is True
    assert "EnvironmentVarHide" not in main_of(a_pod())


def test_a_sub_path_may_have_variables_in_it():
    assert main_of(FULL)["VolumeMount"][0]["SubPath"] == "of-blue"


def test_files_are_whole_and_keep_their_modes():
    data = PodData(files={"config": (File("deep/a", 0o400, b"ab"),)})
    (volume,) = built(a_pod(volumes=[{"name": "config", "configMap": {"name": "c"}}]), data).parameters["Volume"]
    assert volume["ConfigFileVolume"]["ConfigFileToPath"] == [{"Path": "deep/a", "Content": "YWI=", "Mode": 256}]


def test_a_volume_without_files_is_an_empty_folder():
    mapped = built(a_pod(volumes=[{"name": "none", "secret": {"secretName": "s"}}]), PodData(files={"none": ()}))
    assert mapped.parameters["Volume"] == [{"Name": "none", "Type": "EmptyDirVolume"}]


@pytest.mark.parametrize(
    ("source", "mapped"),
    [
        (
            {"nfs": {"server": "s", "path": "/p", "readOnly": True}},
            {"Type": "NFSVolume", "NFSVolume": {"Server": "s", "Path": "/p", "ReadOnly": True}},
        ),
        (
            {"flexVolume": {"driver": "alicloud/disk", "fsType": "ext4", "options": {"volumeId": "d-1"}}},
            {
                "Type": "FlexVolume",
                "FlexVolume": {"Driver": "alicloud/disk", "FsType": "ext4", "Options": '{"volumeId": "d-1"}'},
            },
        ),
        (
            {"csi": {"driver": "diskplugin.csi.alibabacloud.com", "volumeAttributes": {"diskId": "d-1"}}},
            {"Type": "DiskVolume", "DiskVolume": {"DiskId": "d-1"}},
        ),
        (
            {"csi": {"driver": "nasplugin.csi.alibabacloud.com", "volumeAttributes": {"server": "s", "path": "/"}}},
            {"Type": "NFSVolume", "NFSVolume": {"Server": "s", "Path": "/", "ReadOnly": False}},
        ),
    ],
)
def test_file_systems_of_the_network_are_mounted(source: dict[str, Any], mapped: dict[str, Any]):
    assert built(a_pod(volumes=[{"name": "v", **source}])).parameters["Volume"] == [{"Name": "v", **mapped}]


def test_a_pod_goes_to_all_vswitches_in_their_order():
    parameters = built(a_pod()).parameters
    assert (parameters["VSwitchId"], parameters["ScheduleStrategy"]) == ("vsw-b,vsw-h", "VSwitchOrdered")


def test_one_vswitch_needs_no_strategy():
    assert "ScheduleStrategy" not in built(a_pod(), config=EciConfig(vswitches=("vsw-b",))).parameters


def test_annotations_go_before_the_configuration():
    pod = annotated(
        a_pod(),
        eci_vswitch="vsw-x",
        eci_use_specs="2-4Gi",
        eci_ram_role_name="role",
        eci_spot_strategy="SpotWithPriceLimit",
        eci_spot_price_limit="0.5",
        eci_image_cache="true",
        eci_extra_ephemeral_storage="50Gi",
        eci_enable_ipv6="true",
    )
    expected = {
        "VSwitchId": "vsw-x",
        "Cpu": 2.0,
        "Memory": 4.0,
        "RamRoleName": "role",
        "SpotStrategy": "SpotWithPriceLimit",
        "SpotPriceLimit": 0.5,
        "AutoMatchImageCache": True,
        "EphemeralStorage": 50,
        "Ipv6AddressCount": 1,
    }
    assert expected.items() <= built(pod).parameters.items()


def test_bandwidths_are_bits_a_second():
    pod = a_pod()
    pod["metadata"]["annotations"] = {"kubernetes.io/egress-bandwidth": "40M"}
    assert built(pod).parameters["EgressBandwidth"] == 40_000_000


def test_instance_types_of_the_pod_take_the_place_of_the_nodes():
    config = EciConfig(instance_types=("ecs.c6.large",))
    assert built(a_pod(), config=config).parameters["InstanceType"] == "ecs.c6.large"
    assert "InstanceType" not in built(annotated(a_pod(), eci_use_specs="2-4Gi"), config=config).parameters


def test_the_clusters_dns_is_asked_first():
    dns = built(a_pod(dnsConfig={"nameservers": ["8.8.8.8"], "options": [{"name": "ndots", "value": "2"}]})).parameters
    assert dns["DnsPolicy"] == "None"
    assert dns["DnsConfig"]["NameServer"] == ["172.21.0.10", "8.8.8.8"]
    assert dns["DnsConfig"]["Search"][0] == "default.svc.cluster.local"
    assert dns["DnsConfig"]["Option"] == [{"Name": "ndots", "Value": "2"}]


def test_without_the_clusters_dns_the_vpcs_answers_and_that_is_noted():
    mapped = built(a_pod(), config=EciConfig())
    assert mapped.parameters["DnsPolicy"] == "Default"
    assert "ClusterDNS" in mapped.approximations[0]


def test_an_ordinary_pod_is_not_approximated():
    assert built(a_pod(container={"env": [{"name": "A", "value": "b"}]})).approximations == ()


@pytest.mark.parametrize(
    ("container", "told"),
    [
        (
            {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}},
            "does not enforce",
        ),
        ({"ports": [{"containerPort": 80, "hostPort": 8080}]}, "hostPort 8080"),
        ({"lifecycle": {"preStop": {"sleep": {"seconds": 3}}}}, "preStop: sleep"),
        ({"terminationMessagePolicy": "FallbackToLogsOnError"}, "terminationMessagePolicy"),
        ({"readinessProbe": {"httpGet": {"port": 80, "host": "elsewhere"}}}, "host and headers"),
    ],
)
def test_what_is_only_nearly_so_is_noted(container: dict[str, Any], told: str):
    assert told in built(a_pod(container=container)).approximations[0]


@pytest.mark.parametrize(
    ("pod", "told"),
    [
        (a_pod(hostNetwork=True), "hostNetwork"),
        (a_pod(hostPID=True), "hostPID"),
        (a_pod(container={"securityContext": {"privileged": True}}), "privileged"),
        (a_pod(container={"livenessProbe": {"grpc": {"port": 1}}}), "livenessProbe: ECI probes by"),
        (a_pod(container={"livenessProbe": {"tcpSocket": {"port": "http"}}}), "names no such port"),
        (a_pod(container={"ports": [{"containerPort": 1, "protocol": "SCTP"}]}), "SCTP"),
        (a_pod(container={"resources": {"limits": {"amd.com/gpu": "1"}}}), "amd.com/gpu"),
        (a_pod(container={"volumeDevices": [{"name": "v"}]}), "volumeDevices"),
        (a_pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "volume v: hostPath"),
        (a_pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]), "claim"),
        (a_pod(volumes=[{"name": "v", "gitRepo": {}}]), "knows no such kind"),
        (a_pod(volumes=[{"name": "v", "csi": {"driver": "other"}}]), "csi driver 'other'"),
        (a_pod(volumes=[{"name": f"v{n}", "emptyDir": {}} for n in range(21)]), "21 volumes"),
        (a_pod(os={"name": "windows"}), "windows"),
        (annotated(a_pod(), eci_use_specs="large"), "eci-use-specs"),
        (annotated(a_pod(), eci_spot_strategy="SpotWithPriceLimit"), "eci-spot-price-limit"),
        (annotated(a_pod(), eip_bandwidth="5"), "eci-with-eip"),
    ],
)
def test_what_the_cloud_cannot_do_is_refused_with_the_reason(pod: Any, told: str):
    with pytest.raises(Invalid, match=told):
        built(pod)


def test_a_daemons_pod_is_refused_and_not_skipped():
    pod = a_pod()
    pod["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "d"}]
    with pytest.raises(Invalid, match="DaemonSet"):
        built(pod)


def test_too_many_files_are_refused():
    data = PodData(files={"config": (File("a", 0o644, bytes(61 * 1024)),)})
    with pytest.raises(Invalid, match="at most 61440"):
        built(a_pod(volumes=[{"name": "config", "configMap": {"name": "c"}}]), data)


def test_an_update_names_containers_and_images():
    parameters = group.update(FULL, "eci-1", "cn-hangzhou")
    assert [each["Name"] for each in parameters["Container"]] == ["main", "proxy"]
    assert _without_empty(models.UpdateContainerGroupRequest().from_map(parameters).to_map()) == parameters


def test_a_pod_that_must_not_run_twice_is_not_updated():
    with pytest.raises(Unsupported, match="restartPolicy is Never"):
        group.update(a_pod(restartPolicy="Never"), "eci-1", "cn-hangzhou")


def test_options_of_flex_volumes_are_json():
    volume = {"name": "v", "flexVolume": {"driver": "alicloud/oss", "options": {"bucket": "b", "url": "u"}}}
    (mapped,) = built(a_pod(volumes=[volume])).parameters["Volume"]
    assert json.loads(mapped["FlexVolume"]["Options"]) == {"bucket": "b", "url": "u"}
