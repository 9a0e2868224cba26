"""Steps about pods: writing them, changing them, looking at them."""

import base64
from typing import Any

from pytest_bdd import given, parsers, then, when

from features.world import World, seconds
from runner import kube

TERMINAL = ("Succeeded", "Failed")

# --- writing a pod --------------------------------------------------------------------------------------------------


@given(parsers.re(r"a pod that runs for (?P<duration>\d+) s and exits with (?P<code>\d+)"))
def a_pod_that_runs(world: World, duration: str, code: str) -> None:
    world.write_pod(run_for=float(duration), exit_code=int(code))


@given(parsers.parse("a pod that never starts because of {reason}"))
def a_pod_that_never_starts(world: World, reason: str) -> None:
    world.write_pod(never_starts=reason)


@given(parsers.parse("a pod that takes {duration:g} s to end"))
def a_pod_that_takes_long_to_end(world: World, duration: float) -> None:
    world.write_pod(ends_after=duration)


@given(parsers.parse("a pod whose creation takes {duration:g} s"))
def a_pod_whose_creation_takes_long(world: World, duration: float) -> None:
    world.write_pod(create_takes=duration)


@given(parsers.re(r"a pod whose creation fails with an? (?P<kind>\w+) error (?P<times>\d+) times?"))
def a_pod_whose_creation_fails(world: World, kind: str, times: str) -> None:
    world.write_pod(create_error=kind, create_errors=int(times))


@given(parsers.parse("a pod whose deletion fails with a retryable error {times:d} times"))
def a_pod_whose_deletion_fails(world: World, times: int) -> None:
    world.write_pod(delete_errors=times)


@given(parsers.parse("its restart policy is {policy}"))
def its_restart_policy(world: World, policy: str) -> None:
    world.draft["spec"]["restartPolicy"] = policy


@given(parsers.parse("its grace period is {duration:d} s"))
def its_grace_period(world: World, duration: int) -> None:
    world.draft["spec"]["terminationGracePeriodSeconds"] = duration


@given(parsers.parse("the pod is called {name}"))
def the_pod_is_called(world: World, name: str) -> None:
    world.draft["metadata"]["name"] = name


@given("it has a finalizer")
def it_has_a_finalizer(world: World) -> None:
    world.draft["metadata"]["finalizers"] = ["example.com/hold"]


@given(parsers.parse("a pod with the variable {name} from key {key} of ConfigMap {config_map}"))
def a_pod_with_a_config_map_variable(world: World, name: str, key: str, config_map: str) -> None:
    world.write_pod()
    _add_variable(world, name, valueFrom={"configMapKeyRef": {"name": config_map, "key": key}})


@given(parsers.parse("a pod with the variable {name} from optional key {key} of Secret {secret}"))
def a_pod_with_an_optional_variable(world: World, name: str, key: str, secret: str) -> None:
    world.write_pod()
    _add_variable(world, name, valueFrom={"secretKeyRef": {"name": secret, "key": key, "optional": True}})


@given(parsers.parse("a pod with the variable {name} from field {path}"))
def a_pod_with_a_field_variable(world: World, name: str, path: str) -> None:
    world.write_pod()
    _add_variable(world, name, valueFrom={"fieldRef": {"fieldPath": path}})


@given(parsers.parse("the variable {name} from key {key} of Secret {secret}"))
def the_variable_from_a_secret(world: World, name: str, key: str, secret: str) -> None:
    _add_variable(world, name, valueFrom={"secretKeyRef": {"name": secret, "key": key}})


@given(parsers.parse('the variable {name} with the value "{value}"'))
def the_variable_with_a_value(world: World, name: str, value: str) -> None:
    _add_variable(world, name, value=value)


def _add_variable(world: World, name: str, **source: Any) -> None:
    container = world.draft["spec"]["containers"][0]
    container["env"] = [*container.get("env", []), {"name": name, **source}]


@given(parsers.parse("a ConfigMap {name} with {key}={value}"))
@when(parsers.parse("a ConfigMap {name} with {key}={value} appears"))
def a_config_map(world: World, name: str, key: str, value: str) -> None:
    world.do(world.api.create(kube.CONFIG_MAPS, {"metadata": {"name": name}, "data": {key: value}}, world.namespace))


@given(parsers.parse("a Secret {name} with {key}={value}"))
def a_secret(world: World, name: str, key: str, value: str) -> None:
    data = {key: base64.b64encode(value.encode()).decode()}
    world.do(world.api.create(kube.SECRETS, {"metadata": {"name": name}, "data": data}, world.namespace))


@given(parsers.parse("its active deadline is {duration:d} s"))
def its_active_deadline(world: World, duration: int) -> None:
    world.draft["spec"]["activeDeadlineSeconds"] = duration


@given(parsers.parse("an init container {name}"))
def an_init_container(world: World, name: str) -> None:
    _add_init_container(world, name)


@given(parsers.parse("a sidecar {name}"))
def a_sidecar(world: World, name: str) -> None:
    _add_init_container(world, name, restartPolicy="Always")


def _add_init_container(world: World, name: str, **more: str) -> None:
    spec = world.draft["spec"]
    container = {"name": name, "image": "registry.example/helper:1", **more}
    spec["initContainers"] = [*spec.get("initContainers", []), container]


# --- what its owner does --------------------------------------------------------------------------------------------


@when("a pod is created")
@when("the pod is created")
def the_pod_is_created(world: World) -> None:
    world.create_pod()


@when(parsers.parse("{count:d} pods are created"))
def pods_are_created(world: World, count: int) -> None:
    for _ in range(count):
        world.create_pod()


@when("a pod of the same name is created")
def a_namesake_is_created(world: World) -> None:
    world.create_pod(world.name)


@when(parsers.parse("its image is changed to {image}"))
def its_image_is_changed(world: World, image: str) -> None:
    world.patch_pod({"spec": {"containers": [{"name": "main", "image": image}]}})


@when(parsers.parse("it is labelled {key}={value}"))
def it_is_labelled(world: World, key: str, value: str) -> None:
    world.patch_pod({"metadata": {"labels": {key: value}}}, kube.PatchType.MERGE)


@when(parsers.parse("its active deadline is set to {duration:d} s"))
def its_active_deadline_is_set(world: World, duration: int) -> None:
    world.patch_pod({"spec": {"activeDeadlineSeconds": duration}})


@when(parsers.parse("somebody writes that the pod is {phase}"))
def somebody_writes_the_phase(world: World, phase: str) -> None:
    world.patch_pod({"status": {"phase": phase}}, kube.PatchType.MERGE, subresource="status")


@when(parsers.parse("somebody sets the condition {type_} on the pod"))
def somebody_sets_a_condition(world: World, type_: str) -> None:
    world.patch_pod({"status": {"conditions": [{"type": type_, "status": "True"}]}}, subresource="status")


@when("its finalizers are removed")
def its_finalizers_are_removed(world: World) -> None:
    world.patch_pod({"metadata": {"finalizers": None}}, kube.PatchType.MERGE)


@when("the pod is deleted")
def the_pod_is_deleted(world: World) -> None:
    world.do(world.api.delete(kube.PODS, world.name, world.namespace))


@when(parsers.parse("the pod is deleted with a grace of {grace:d} s"))
def the_pod_is_deleted_with_grace(world: World, grace: int) -> None:
    world.do(world.api.delete(kube.PODS, world.name, world.namespace, grace_period_seconds=grace))


@when("the pod is deleted by force")
def the_pod_is_deleted_by_force(world: World) -> None:
    world.do(world.api.delete(kube.PODS, world.name, world.namespace, grace_period_seconds=0))


@when(parsers.re(r"(?P<number>\d+) (?P<unit>s|min|h) pass"))
@then(parsers.re(r"(?P<number>\d+) (?P<unit>s|min|h) pass"))
def time_passes(world: World, number: str, unit: str) -> None:
    world.passes(seconds(number, unit))


# --- what becomes of it ---------------------------------------------------------------------------------------------


def _phase(pod: dict[str, Any] | None) -> str:
    return str((pod or {}).get("status", {}).get("phase", "gone"))


def _reaches(world: World, phase: str, name: str | None = None) -> dict[str, Any]:
    async def check() -> dict[str, Any] | None:
        pod = await world.find(name)
        return pod if _phase(pod) == phase else None

    return world.eventually(f"pod {name or world.name} {phase}", check)


@then(parsers.re(r"the pod becomes (?P<phase>\w+)"))
@when(parsers.re(r"the pod has become (?P<phase>\w+)"))
def the_pod_becomes(world: World, phase: str) -> None:
    _reaches(world, phase)


@then(parsers.re(r"the pod becomes (?P<phase>\w+) with the reason (?P<reason>\w+)"))
def the_pod_becomes_with_reason(world: World, phase: str, reason: str) -> None:
    async def check() -> bool:
        pod = await world.find()
        return _phase(pod) == phase and (pod or {})["status"].get("reason") == reason

    world.eventually(f"pod {world.name} {phase} because of {reason}", check)


@then(parsers.re(r"all pods become (?P<phase>\w+)"))
@when(parsers.re(r"all pods have become (?P<phase>\w+)"))
def all_pods_become(world: World, phase: str) -> None:
    for name in world.pods:
        _reaches(world, phase, name)


@then(parsers.re(r"the pod is (?P<phase>Pending|Running|Succeeded|Failed)"))
def the_pod_is(world: World, phase: str) -> None:
    assert _phase(world.pod()) == phase, world.describe()


@then(parsers.re(r"all pods are (?P<phase>\w+)"))
def all_pods_are(world: World, phase: str) -> None:
    assert {name: _phase(world.pod(name)) for name in world.pods} == dict.fromkeys(world.pods, phase)


@then("the phase of the pod is terminal")
def the_phase_is_terminal(world: World) -> None:
    assert _phase(world.pod()) in TERMINAL


@then(parsers.parse("the pod never left {phase}"))
def the_pod_never_left(world: World, phase: str) -> None:
    seen = world.phases[world.pod()["metadata"]["uid"]]
    assert seen[-1] == phase
    assert seen.count(phase) == 1


@then("the pod has no reason")
def the_pod_has_no_reason(world: World) -> None:
    assert "reason" not in world.pod()["status"]


def _ready(pod: dict[str, Any] | None) -> str:
    conditions = (pod or {}).get("status", {}).get("conditions") or []
    return next((each["status"] for each in conditions if each["type"] == "Ready"), "absent")


@then("the pod is Ready")
def the_pod_is_ready(world: World) -> None:
    assert _ready(world.pod()) == "True"


@then("the pod is not Ready")
def the_pod_is_not_ready(world: World) -> None:
    assert _ready(world.pod()) == "False"


@then(parsers.parse("the pod has the condition {type_}"))
def the_pod_has_the_condition(world: World, type_: str) -> None:
    assert type_ in [each["type"] for each in world.pod()["status"]["conditions"]]


@then(parsers.parse("the pod has the label {key}={value}"))
def the_pod_has_the_label(world: World, key: str, value: str) -> None:
    assert world.pod()["metadata"]["labels"].get(key) == value


@then("the pod is initialized")
def the_pod_is_initialized(world: World) -> None:
    assert ("Initialized", "True") in [(each["type"], each["status"]) for each in world.pod()["status"]["conditions"]]


def _init_container(world: World, name: str) -> dict[str, Any]:
    statuses = world.pod()["status"]["initContainerStatuses"]
    return next(each["state"] for each in statuses if each["name"] == name)


@then(parsers.parse("the init container {name} has ended with {code:d}"))
def the_init_container_has_ended(world: World, name: str, code: int) -> None:
    assert _init_container(world, name)["terminated"]["exitCode"] == code


@then(parsers.parse("the init container {name} is running"))
def the_init_container_is_running(world: World, name: str) -> None:
    assert "running" in _init_container(world, name)


@then(parsers.re(r"nothing is written to the pods for (?P<number>\d+) (?P<unit>s|min|h)"))
def nothing_is_written(world: World, number: str, unit: str) -> None:
    versions = [world.pod(name)["metadata"]["resourceVersion"] for name in world.pods]
    world.passes(seconds(number, unit))
    assert [world.pod(name)["metadata"]["resourceVersion"] for name in world.pods] == versions


@then("the pod has an IP of its own")
def the_pod_has_an_ip(world: World) -> None:
    status = world.pod()["status"]
    assert status["podIP"]
    assert status["podIPs"] == [{"ip": status["podIP"]}]


@then("all pods have different IPs")
def all_pods_have_different_ips(world: World) -> None:
    addresses = [world.pod(name)["status"]["podIP"] for name in world.pods]
    assert len(set(addresses)) == len(addresses)


def _container(pod: dict[str, Any] | None) -> dict[str, Any]:
    statuses = (pod or {}).get("status", {}).get("containerStatuses") or [{}]
    first: dict[str, Any] = statuses[0]
    return first


@then(parsers.parse("its container terminated with exit code {code:d}"))
def its_container_terminated(world: World, code: int) -> None:
    assert _container(world.pod())["state"]["terminated"]["exitCode"] == code


@then(parsers.parse("its container waits because of {reason}"))
@when(parsers.parse("its container waits because of {reason}"))
def its_container_waits(world: World, reason: str) -> None:
    async def check() -> bool:
        waiting = _container(await world.find()).get("state", {}).get("waiting") or {}
        return bool(waiting.get("reason") == reason)

    world.eventually(f"container waits because of {reason}", check)


@then(parsers.parse("its container is restarted at least {times:d} times"))
def its_container_is_restarted(world: World, times: int) -> None:
    async def check() -> bool:
        return bool(_container(await world.find()).get("restartCount", 0) >= times)

    world.eventually(f"container restarted {times} times", check)


@then("its container was never restarted")
def its_container_was_never_restarted(world: World) -> None:
    assert _container(world.pod())["restartCount"] == 0


@then("the pod still exists")
def the_pod_still_exists(world: World) -> None:
    assert world.pod()


@then(parsers.parse("the pod is gone within {duration:g} s"))
def the_pod_is_gone(world: World, duration: float) -> None:
    async def check() -> bool:
        return await world.find() is None

    world.eventually(f"pod {world.name} gone", check, within=duration)


@then(parsers.parse("there is an event {reason}"))
def there_is_an_event(world: World, reason: str) -> None:
    async def check() -> bool:
        listed = await world.api.list(kube.EVENTS, world.namespace, field_selector=f"involvedObject.name={world.name}")
        return any(each["reason"] == reason for each in listed["items"])

    told = [f"{each['reason']}: {each['message']}" for each in world.events()]
    world.eventually(f"event {reason}", check, see=f"the events at first were {told}")
