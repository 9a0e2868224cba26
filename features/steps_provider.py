"""Steps about the provider and its cloud, and about the runner's own life."""

from pytest_bdd import given, parsers, then, when

from features.world import World
from runner.config import Shutdown


@given("a virtual node")
@when("the runner starts again")
def a_runner(world: World) -> None:
    world.backend.start_runner()


@given(parsers.parse("a virtual node whose runner is told to {shutdown} it at its end"))
def a_runner_with_an_end(world: World, shutdown: str) -> None:
    world.backend.start_runner(Shutdown(shutdown))


@when("the runner ends")
def the_runner_ends(world: World) -> None:
    world.backend.end_runner()


@when("the runner crashes")
def the_runner_crashes(world: World) -> None:
    world.backend.crash_runner()


@when(parsers.parse("the runner crashes and starts again every {pause:g} s for {duration:g} s"))
def the_runner_crashes_often(world: World, pause: float, duration: float) -> None:
    until = world.backend.loop.time() + duration
    while world.backend.loop.time() < until:
        world.backend.crash_runner()
        world.backend.start_runner()
        world.passes(pause)


@given("the cloud is down")
@when("the cloud is down")
def the_cloud_is_down(world: World) -> None:
    world.stage.go_down()


@when("the cloud is back")
def the_cloud_is_back(world: World) -> None:
    world.stage.come_back()


@given("the API server is down for the runner")
def the_api_server_is_down(world: World) -> None:
    world.backend.cut_off(down=True)


@when("the API server is back for the runner")
def the_api_server_is_back(world: World) -> None:
    world.backend.cut_off(down=False)


@given(parsers.parse("the answers to the next {creates:d} creates are lost"))
def answers_are_lost(world: World, creates: int) -> None:
    world.stage.lose_answers(creates)


@when("the pod vanishes at the provider")
def the_pod_vanishes(world: World) -> None:
    world.stage.vanish(_uid(world))


@when("the cloud evicts the pod")
def the_cloud_evicts_the_pod(world: World) -> None:
    world.stage.evict(_uid(world))


def _uid(world: World, name: str | None = None) -> str:
    uid: str = world.pod(name)["metadata"]["uid"]
    return uid


@then("the provider does not have the pod")
def the_provider_does_not_have_the_pod(world: World) -> None:
    assert not world.do(_at_provider(world)), world.describe()


@then(parsers.parse("the provider does not have the pod within {duration:g} s"))
def the_provider_loses_the_pod(world: World, duration: float) -> None:
    async def check() -> bool:
        return not await _at_provider(world)

    world.eventually(f"pod {world.name} ended at the provider", check, within=duration)


async def _at_provider(world: World) -> bool:
    return any(pod["metadata"]["name"] == world.name for pod in (await world.stage.pods()).values())


@then(parsers.parse("the provider has exactly {count:d} pod"))
@then(parsers.parse("the provider has exactly {count:d} pods"))
def the_provider_has_exactly(world: World, count: int) -> None:
    assert len(world.do(world.stage.pods())) == count, world.describe()


@then("the pod was started exactly once")
@then("the pod was created at the provider exactly once")
def the_pod_was_started_once(world: World) -> None:
    assert world.do(world.stage.starts(_uid(world))) == 1


@then("each pod was started exactly once")
def each_pod_was_started_once(world: World) -> None:
    starts = {name: world.do(world.stage.starts(_uid(world, name))) for name in world.pods}
    assert starts == dict.fromkeys(world.pods, 1)


@then(parsers.parse("the provider runs the image {image}"))
def the_provider_runs_the_image(world: World, image: str) -> None:
    async def check() -> bool:
        pod = (await world.stage.pods())[uid]
        return bool(pod["spec"]["containers"][0]["image"] == image)

    uid = _uid(world)
    world.eventually(f"the provider runs {image}", check)


def _environment(world: World) -> dict[str, str]:
    pod = world.do(world.stage.pods())[_uid(world)]
    return {each["name"]: each["value"] for each in pod["spec"]["containers"][0].get("env") or []}


@then(parsers.re(r"the provider was given (?P<name>\w+)=(?P<value>.+)"))
def the_provider_was_given(world: World, name: str, value: str) -> None:
    assert _environment(world)[name] == value


@then(parsers.parse("the provider was not given {name}"))
def the_provider_was_not_given(world: World, name: str) -> None:
    assert name not in _environment(world)


@then(parsers.parse("the provider was given the node's name as {name}"))
def the_provider_was_given_the_node_name(world: World, name: str) -> None:
    assert _environment(world)[name] == world.node_name
