"""Steps about what a pod refers to: volumes, tokens, Services, registry logins."""

import base64
import json
from typing import Any

from pytest_bdd import given, parsers, then, when

from features.world import World
from providers.data import PodData
from runner import kube


def _add_volume(world: World, name: str, **source: Any) -> None:
    spec = world.draft["spec"]
    spec["volumes"] = [*spec.get("volumes", []), {"name": name, **source}]
    container = spec["containers"][0]
    container["volumeMounts"] = [*container.get("volumeMounts", []), {"name": name, "mountPath": f"/{name}"}]


@given(parsers.parse("a volume {name} of ConfigMap {config_map}"))
def a_config_map_volume(world: World, name: str, config_map: str) -> None:
    _add_volume(world, name, configMap={"name": config_map})


@given(parsers.parse("a volume {name} of ConfigMap {config_map} with {key} as {path}"))
def a_config_map_volume_with_items(world: World, name: str, config_map: str, key: str, path: str) -> None:
    items = [{"key": key, "path": path, "mode": 0o400}]
    _add_volume(world, name, configMap={"name": config_map, "items": items})


@given(parsers.parse("a volume {name} of Secret {secret}"))
def a_secret_volume(world: World, name: str, secret: str) -> None:
    _add_volume(world, name, secret={"secretName": secret})


@given(parsers.parse("a volume {name} of optional Secret {secret}"))
def an_optional_secret_volume(world: World, name: str, secret: str) -> None:
    _add_volume(world, name, secret={"secretName": secret, "optional": True})


@given(parsers.parse("a volume {name} with the field {path}"))
def a_downward_volume(world: World, name: str, path: str) -> None:
    _add_volume(world, name, downwardAPI={"items": [{"path": "it", "fieldRef": {"fieldPath": path}}]})


@given(parsers.parse("a volume {name} with a token for {audience} of {seconds:d} s"))
def a_token_volume(world: World, name: str, audience: str, seconds: int) -> None:
    token = {"path": "token", "audience": audience, "expirationSeconds": seconds}
    _add_volume(world, name, projected={"sources": [{"serviceAccountToken": token}]})


@given(parsers.parse("a container with the variable {name} from resource {resource}"))
def a_resource_variable(world: World, name: str, resource: str) -> None:
    container = world.draft["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "250m"}, "limits": {"memory": "64Mi"}}
    source = {"resourceFieldRef": {"resource": resource, "divisor": "1m" if "cpu" in resource else "1Mi"}}
    container["env"] = [{"name": name, "valueFrom": source}]


@given(parsers.parse("a Service {name} with port {port:d}"))
def a_service(world: World, name: str, port: int) -> None:
    spec = {"selector": {"app": name}, "ports": [{"port": port, "protocol": "TCP"}]}
    world.do(world.api.create(kube.SERVICES, {"metadata": {"name": name}, "spec": spec}, world.namespace))


@given("the pod wants no variables of Services")
def no_service_links(world: World) -> None:
    world.draft["spec"]["enableServiceLinks"] = False


@given(parsers.parse("a registry login {name} for {server}"))
def a_registry_login(world: World, name: str, server: str) -> None:
    logins = json.dumps({"auths": {server: {"username": "me", "password": "s3cret"}}})
    data = {".dockerconfigjson": base64.b64encode(logins.encode()).decode()}
    secret = {"metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson", "data": data}
    world.do(world.api.create(kube.SECRETS, secret, world.namespace))


@given(parsers.parse("the pod pulls with {name}"))
def the_pod_pulls_with(world: World, name: str) -> None:
    world.draft["spec"]["imagePullSecrets"] = [{"name": name}]


@when(parsers.parse("the ConfigMap {name} is changed to {key}={value}"))
def the_config_map_is_changed(world: World, name: str, key: str, value: str) -> None:
    patch = {"data": {key: value}}
    world.do(world.api.patch(kube.CONFIG_MAPS, name, patch, world.namespace, patch_type=kube.PatchType.MERGE))


def _data(world: World) -> PodData:
    return world.do(world.stage.data(world.pod()["metadata"]["uid"]))


def _files(world: World, volume: str) -> dict[str, bytes]:
    return {file.path: file.data for file in _data(world).files[volume]}


@then(parsers.parse("the volume {name} has the file {path} with {content}"))
def the_volume_has(world: World, name: str, path: str, content: str) -> None:
    assert _files(world, name) == {path: content.encode()}


@then(parsers.parse("the volume {name} is empty"))
def the_volume_is_empty(world: World, name: str) -> None:
    assert _files(world, name) == {}


@then(parsers.parse("within {duration:g} s the volume {name} has the file {path} with {content}"))
def the_volume_comes_to_have(world: World, duration: float, name: str, path: str, content: str) -> None:
    async def check() -> bool:
        data = await world.stage.data(uid)
        return {file.path: file.data for file in data.files[name]} == {path: content.encode()}

    uid = world.pod()["metadata"]["uid"]
    world.eventually(f"volume {name} has {path}", check, within=duration)


@then(parsers.parse("the volume {name} is secret"))
def the_volume_is_secret(world: World, name: str) -> None:
    assert name in _data(world).secret_volumes


@then(parsers.parse("the variable {name} is secret"))
def the_variable_is_secret(world: World, name: str) -> None:
    assert ("main", name) in _data(world).secret_env


@then(parsers.parse("the volume {name} has a token"))
def the_volume_has_a_token(world: World, name: str) -> None:
    world.notes["token"] = _files(world, name)["token"]
    assert world.notes["token"]


@then(parsers.parse("the volume {name} has another token"))
def the_volume_has_another_token(world: World, name: str) -> None:
    assert _files(world, name)["token"] != world.notes["token"]


@then(parsers.parse("the provider was given a login for {server}"))
def the_provider_was_given_a_login(world: World, server: str) -> None:
    (login,) = _data(world).registries
    assert (login.server, login.username, login.password) == (server, "me", "s3cret")


@then(parsers.parse("the provider was given the pod's address as {name}"))
def the_provider_was_given_the_address(world: World, name: str) -> None:
    pod = world.pod()
    given_pod = world.do(world.stage.pods())[pod["metadata"]["uid"]]
    values = {each["name"]: each.get("value") for each in given_pod["spec"]["containers"][0]["env"]}
    assert values[name] == pod["status"]["podIP"]
