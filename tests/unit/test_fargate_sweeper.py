"""What no pod needs any more is taken away: task definitions, and the secret values that only they named."""

import asyncio
from itertools import pairwise
from typing import Any

from fakes.cloud.settings import FaultKind
from providers import pods
from providers.data import PodData
from providers.fargate.client import FargateClient
from tests.unit.fargate_setting import a_pod
from tests.unit.test_fargate_provider import Setting, in_virtual_time, scripted
from vksim.loop import VirtualLoop

HOUR = 3600.0
SECRET = PodData(secret_env=frozenset({("main", "PASSWORD")}))


def with_image(image: str, **env: str) -> Any:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return a_pod(image.replace(":", "-"), container={"image": image, "env": variables})


async def started(setting: Setting, **config: Any) -> None:
    """The provider anew, with a place for secrets, and looking seldom, as these tests last for hours."""
    await setting.provider.close()
    setting.provider = setting.new_provider(SecretsPath="/vk", PollInterval="60s", **config)
    await setting.provider.start()


def families(setting: Setting) -> list[str]:
    return setting.account.definitions.families("vk-", "ACTIVE")


def parameters(setting: Setting) -> list[str]:
    asked = setting.backend.service.beside.ask("ssm", "GetParametersByPath", Path="/vk", Recursive=True)
    return [each["Name"] for each in asked["Parameters"]]


async def ended(setting: Setting, pod: Any) -> None:
    await setting.provider.delete_pod(pod)
    await asyncio.sleep(60)


@in_virtual_time
async def test_a_definition_goes_when_it_has_not_been_used_for_hours(setting: Setting):
    await started(setting)
    stays, goes = with_image("stays:1"), with_image("goes:1")
    await setting.running(stays)
    await setting.running(goes)
    await ended(setting, goes)
    await asyncio.sleep(5 * HOUR)
    assert len(families(setting)) == 2
    await asyncio.sleep(4 * HOUR)
    assert len(families(setting)) == 1
    assert (await setting.status(stays))["phase"] == "Running"


@in_virtual_time
async def test_a_definition_of_another_cluster_stays(setting: Setting):
    await started(setting)
    other = setting.new_provider(ClusterName="other")
    await other.start()
    pod = with_image("elsewhere:1")
    await other.create_pod(pod)
    await asyncio.sleep(10)
    await other.delete_pod(pod)
    await other.close()
    await asyncio.sleep(12 * HOUR)
    assert len(families(setting)) == 1


@in_virtual_time
async def test_a_secret_value_goes_after_the_definition_that_named_it(setting: Setting):
    await started(setting)
    pod = with_image("secret:1", PASSWORD="x")
    await setting.provider.create_pod(pod, SECRET)
    await asyncio.sleep(10)
    assert len(parameters(setting)) == 1
    await asyncio.sleep(6 * HOUR)
    assert len(parameters(setting)) == 1, "the pod runs"
    await ended(setting, pod)
    await asyncio.sleep(12 * HOUR)
    assert (families(setting), parameters(setting)) == ([], [])


@in_virtual_time
async def test_a_value_that_was_stored_by_a_create_that_failed_goes_too(setting: Setting):
    await started(setting)
    pod = with_image("secret:1", PASSWORD="x")
    setting.backend.service.beside.ask("ssm", "PutParameter", Name="/vk/default/old", Value="x", Type="SecureString")
    setting.backend.service.beside.ask("ssm", "PutParameter", Name="/vk/other/theirs", Value="x", Type="SecureString")
    await setting.provider.create_pod(pod, SECRET)
    await asyncio.sleep(3 * HOUR)
    assert sorted(each.rpartition("/")[2] == "theirs" for each in parameters(setting)) == [False, True]


@in_virtual_time
async def test_a_registrys_login_goes_too(setting: Setting):
    await started(setting)
    beside = setting.backend.service.beside
    beside.ask("secretsmanager", "CreateSecret", Name="/vk/default/old", SecretString="{}")
    beside.ask("secretsmanager", "CreateSecret", Name="/somebody/elses", SecretString="{}")
    await asyncio.sleep(3 * HOUR)
    left = [each["Name"] for each in beside.ask("secretsmanager", "ListSecrets")["SecretList"]]
    assert left == ["/somebody/elses"]


@in_virtual_time
async def test_a_pod_whose_definition_was_swept_has_it_again(setting: Setting):
    await started(setting)
    pod = with_image("secret:1", PASSWORD="x")
    await setting.provider.create_pod(pod, SECRET)
    await asyncio.sleep(10)
    await ended(setting, pod)
    definitions = setting.account.definitions
    definitions.deregister(families(setting)[0])
    setting.backend.service.beside.ask("ssm", "DeleteParameters", Names=parameters(setting))
    again = {**pod, "metadata": {**pod["metadata"], "uid": "another"}}
    await setting.provider.create_pod(again, SECRET)
    await asyncio.sleep(10)
    assert (await setting.status(again))["phase"] == "Running"
    assert len(parameters(setting)) == 1


@in_virtual_time
async def test_a_successor_runs_also_if_its_definition_was_swept(setting: Setting):
    pod = scripted(policy="Always", run_for=20, exit_code=1)
    await setting.running(pod)
    setting.account.definitions.deregister(families(setting)[0])
    await asyncio.sleep(60)
    assert (await setting.provider.get_pod(pods.ref(pod)))["status"]["containerStatuses"][0]["restartCount"] >= 1
    assert len(families(setting)) == 1


@in_virtual_time
async def test_definitions_go_slowly(setting: Setting):
    await started(setting)
    for number in range(12):
        pod = with_image(f"web:{number}")
        await setting.provider.create_pod(pod)
        await setting.provider.delete_pod(pod)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    gone: list[float] = []
    setting.backend.model.listeners.append(
        lambda call: gone.append(loop.time()) if call.operation == "deregister" else None
    )
    await asyncio.sleep(12 * HOUR)
    assert len(gone) == 12
    assert min(later - earlier for earlier, later in pairwise(gone)) >= 10


@in_virtual_time
async def test_a_cloud_that_does_not_answer_does_not_end_the_sweeping(setting: Setting):
    await started(setting)
    pod = with_image("goes:1")
    await setting.running(pod)
    await ended(setting, pod)
    heal = setting.fail(FaultKind.OUTAGE, "definition")
    await asyncio.sleep(3 * HOUR)
    heal()
    await asyncio.sleep(9 * HOUR)
    assert families(setting) == []


def test_more_than_ten_parameters_are_deleted_in_tens():
    calls: list[int] = []

    class Ssm:
        def delete_parameters(self, **given: Any) -> dict[str, Any]:
            calls.append(len(given["Names"]))
            return {}

    async def play() -> None:
        client: Any = FargateClient.__new__(FargateClient)

        async def call(_: str, function: Any, **given: Any) -> Any:
            return function(**given)

        client._services, client._call = type("S", (), {"ssm": Ssm()}), call
        await FargateClient.delete_parameters(client, [f"/p/{number}" for number in range(23)])

    asyncio.run(play())
    assert calls == [10, 10, 3]
