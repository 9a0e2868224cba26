"""A pod as Fargate's task definition and overrides."""

import dataclasses
from typing import Any

import pytest

from providers.data import File, PodData, RegistryCredential
from providers.errors import Invalid
from providers.fargate import files, names, sizes
from tests.unit.fargate_setting import CONFIG, a_pod, annotated, built, main_of


def _needs(cpu: str, memory: str) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu, "memory": memory}}}


def _override(pod: Any) -> dict[str, str]:
    first = built(pod).run["overrides"]["containerOverrides"][0]
    return {each["name"]: each["value"] for each in first["environment"]}


def test_pods_of_one_deployment_share_a_definition():
    one = a_pod("web-1", {"env": [{"name": "WHO", "value": "web-1"}]})
    two = a_pod("web-2", {"env": [{"name": "WHO", "value": "web-2"}]})
    assert built(one).definition == built(two).definition
    assert (_override(one)["WHO"], _override(two)["WHO"]) == ("web-1", "web-2")


def test_another_image_is_another_family():
    assert built(a_pod()).definition["family"] != built(a_pod(container={"image": "b:1"})).definition["family"]


def test_a_family_is_a_name_that_ecs_takes_whatever_the_pods_name():
    family = built(a_pod("a.pod_with.dots" * 10)).definition["family"]
    assert family.startswith("vk-")
    assert len(family) == 35
    assert "." not in family


def test_variables_that_are_too_long_for_overrides_go_into_the_definition():
    pod = a_pod(container={"env": [{"name": "LONG", "value": "x" * 9000}, {"name": "SHORT", "value": "y"}]})
    assert main_of(pod)["environment"] == [{"name": "LONG", "value": "x" * 9000}]
    assert _override(pod)["SHORT"] == "y"


@pytest.mark.parametrize(
    ("cpu", "memory", "size"),
    [
        ("100m", "64Mi", (256, 512)),
        ("250m", "3Gi", (512, 3072)),
        ("1", "1Gi", (1024, 2048)),
        ("5", "17Gi", (8192, 20480)),
        ("16", "120Gi", (16384, 122880)),
    ],
)
def test_a_size_is_the_smallest_that_fits(cpu: str, memory: str, size: tuple[int, int]):
    definition = built(a_pod(container=_needs(cpu, memory))).definition
    assert (definition["cpu"], definition["memory"]) == tuple(str(each) for each in size)


def test_rounding_up_is_told():
    assert any("0.25 vCPU and 0.5 GiB" in each for each in built(a_pod(container=_needs("0.1", "64Mi"))).approximations)


def test_a_pod_too_large_is_refused_with_the_largest_size():
    with pytest.raises(Invalid, match="16 vCPU and 120 GiB"):
        built(a_pod(container=_needs("17", "1Gi")))


def test_every_size_fits_itself():
    assert all(sizes.fitting(*each) == each for each in sizes.SIZES)


def test_init_containers_are_chained_and_the_containers_wait_for_them():
    initial = [{"name": "one", "image": "a"}, {"name": "proxy", "image": "b", "restartPolicy": "Always"}]
    main, one, proxy = built(a_pod(initContainers=initial)).definition["containerDefinitions"]
    assert not one["essential"]
    assert proxy["dependsOn"] == [{"containerName": "one", "condition": "SUCCESS"}]
    assert main["dependsOn"][-1] == {"containerName": "proxy", "condition": "START"}


def test_several_containers_are_kept_together_by_a_helper():
    pod = a_pod(restartPolicy="Never")
    pod["spec"]["containers"].append({"name": "other", "image": "b"})
    essential = {each["name"]: each["essential"] for each in built(pod).definition["containerDefinitions"]}
    assert essential == {"main": False, "other": False, names.KEEPER: True}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"hostPID": True}, "hostPID"),
        ({"hostAliases": [{"ip": "1.2.3.4"}]}, "hostAliases"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "hostPath"),
        ({"ephemeralContainers": [{"name": "d"}]}, "ephemeralContainers"),
        ({"initContainers": [{"name": f"i{n}", "image": "a"} for n in range(10)]}, "at most 10"),
    ],
)
def test_what_fargate_has_not_is_refused_by_name(spec: dict[str, Any], field: str):
    with pytest.raises(Invalid, match=field):
        built(a_pod(**spec))


@pytest.mark.parametrize(
    ("container", "field"),
    [
        ({"securityContext": {"privileged": True}}, "privileged"),
        ({"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}, "NET_ADMIN"),
        ({"ports": [{"containerPort": 80, "hostPort": 81}]}, "hostPort"),
        ({"ports": [{"containerPort": 80, "protocol": "SCTP"}]}, "SCTP"),
        ({"resources": {"limits": {"nvidia.com/gpu": "1"}}}, "nvidia.com/gpu"),
        ({"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a"}]}, "subPath"),
    ],
)
def test_what_a_container_cannot_have_is_refused_by_name(container: dict[str, Any], field: str):
    with pytest.raises(Invalid, match=field):
        built(a_pod(container=container))


def test_files_are_written_by_a_helper_that_runs_first():
    content = (File("etc/app.conf", 0o640, b"\x00 any bytes"),)
    pod = a_pod(
        container={"volumeMounts": [{"name": "conf", "mountPath": "/etc/app"}]},
        volumes=[{"name": "conf", "configMap": {"name": "c"}}],
    )
    made = built(pod, PodData(files={"conf": content}))
    assert made.definition["containerDefinitions"][0]["dependsOn"] == [
        {"containerName": names.FILES, "condition": "SUCCESS"}
    ]
    (variable,) = made.run["overrides"]["containerOverrides"][1]["environment"]
    assert files.unpacked(variable["value"]) == {"conf": content}


def test_secret_values_are_referred_to_where_there_is_a_path_for_them():
    pod = a_pod(container={"env": [{"name": "PASSWORD", "value": "hush"}]})
    config = CONFIG.__class__(**{**{f: getattr(CONFIG, f) for f in CONFIG.__slots__}, "secrets_path": "/vk"})
    data = PodData(
        secret_env=frozenset({("main", "PASSWORD")}),
        registries=(RegistryCredential("registry.example", "me", "pw"),),
    )
    made = built(pod, data, config)
    assert "hush" not in str(made.definition) + str(made.run)
    assert list(made.parameters.values()) == ["hush"]
    (hidden,) = made.definition["containerDefinitions"][0]["secrets"]
    assert hidden["valueFrom"] in made.parameters
    assert made.definition["containerDefinitions"][0]["repositoryCredentials"]["credentialsParameter"] in made.logins


def test_secret_values_in_the_open_are_told():
    pod = a_pod(container={"env": [{"name": "PASSWORD", "value": "hush"}]})
    told = built(pod, PodData(secret_env=frozenset({("main", "PASSWORD")}))).approximations
    assert any("SecretsPath" in each for each in told)


def test_annotations_decide_about_one_pod():
    pod = annotated(a_pod(), subnets="subnet-x, subnet-y", capacity_provider="FARGATE_SPOT", ephemeral_storage="50")
    made = built(pod)
    assert made.run["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["subnet-x", "subnet-y"]
    assert made.run["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    assert made.definition["ephemeralStorage"] == {"sizeInGiB": 50}


@pytest.mark.parametrize(
    "wrong", [{"ephemeral_storage": "20"}, {"public_ip": "yes"}, {"capacity_provider": "EC2"}, {"cpu": "one"}]
)
def test_a_wrong_annotation_is_named(wrong: dict[str, str]):
    with pytest.raises(Invalid, match=f"annotation fargate.virtual-kubelet.io/{next(iter(wrong)).replace('_', '-')}"):
        built(annotated(a_pod(), **wrong))


def test_efs_is_mounted_by_annotation_or_as_nfs():
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "d"}},
        {"name": "old", "nfs": {"server": "fs-1.efs.eu-west-1.amazonaws.com", "path": "/x"}},
    ]
    pod = a_pod(volumes=volumes)
    pod["metadata"]["annotations"] = {"fargate.virtual-kubelet.io/efs.data": "fs-2:fsap-3"}
    first, second = (each["efsVolumeConfiguration"] for each in built(pod).definition["volumes"])
    assert first["authorizationConfig"] == {"accessPointId": "fsap-3", "iam": "ENABLED"}
    assert (second["fileSystemId"], second["rootDirectory"]) == ("fs-1", "/x")


def test_the_grace_is_the_stop_timeout_up_to_what_fargate_gives():
    assert main_of(a_pod(terminationGracePeriodSeconds=45))["stopTimeout"] == 45
    assert main_of(a_pod(terminationGracePeriodSeconds=600))["stopTimeout"] == 120


def test_an_exec_probe_is_a_health_check_and_others_are_told():
    probe = {"exec": {"command": ["test", "-f", "/ok"]}, "periodSeconds": 1}
    check = main_of(a_pod(container={"readinessProbe": probe}))["healthCheck"]
    assert check["command"] == ["CMD", "test", "-f", "/ok"]
    assert check["interval"] == 5
    asked = a_pod(container={"livenessProbe": {"httpGet": {"port": 80}}})
    assert any("livenessProbe" in each for each in built(asked).approximations)


def test_ports_security_and_user_are_handed_on():
    pod = a_pod(
        container={
            "ports": [{"containerPort": 53, "protocol": "UDP"}],
            "securityContext": {"runAsUser": 10, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True},
        },
        securityContext={"runAsGroup": 20},
    )
    main = main_of(pod)
    assert main["portMappings"] == [{"containerPort": 53, "protocol": "udp"}]
    assert (main["user"], main["readonlyRootFilesystem"]) == ("10:20", True)
    assert main["linuxParameters"] == {"capabilities": {"drop": ["ALL"]}}


def test_arm_is_chosen_by_node_selector():
    pod = a_pod(nodeSelector={"kubernetes.io/arch": "arm64"})
    assert built(pod).definition["runtimePlatform"]["cpuArchitecture"] == "ARM64"


def _with_token(suffix: str) -> tuple[Any, PodData]:
    name = f"kube-api-access-{suffix}"
    mounts = [{"name": name, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]
    pod = a_pod(container={"volumeMounts": mounts}, volumes=[{"name": name, "projected": {"sources": []}}])
    files_ = {name: (File("token", 0o644, suffix.encode()),)}
    return pod, PodData(files=files_, secret_volumes=frozenset({name}))


def test_the_tokens_that_the_api_server_adds_do_not_make_pods_different():
    one, two = built(*_with_token("abcde")), built(*_with_token("fghij"))
    assert one.definition == two.definition
    assert len(one.definition["containerDefinitions"]) == 1


def test_a_token_is_handed_on_where_the_pod_asks_for_it():
    pod, data = _with_token("abcde")
    made = built(annotated(pod, service_account_token="true"), data)
    assert made.definition["volumes"] == [{"name": "kube-api-access"}]
    assert [each["name"] for each in made.definition["containerDefinitions"]] == ["main", names.FILES]


def test_a_container_that_takes_no_commands_is_told_where_commands_are_wanted():
    pod = a_pod(container={"securityContext": {"readOnlyRootFilesystem": True}})
    wanted = dataclasses.replace(CONFIG, enable_exec=True)
    assert any("ECS Exec" in each for each in built(pod, config=wanted).approximations)
    assert not any("ECS Exec" in each for each in built(pod).approximations)
