"""The door of the fake Azure for synchronous clients in the same process: Azure's own library, without a socket."""

from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.containerinstance import ContainerInstanceManagementClient

from fakes.aci import defaults
from fakes.aci.mocked import mocked
from fakes.aci.principals import Application, Principals
from fakes.cloud import elapsed
from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Latency
from tests.unit.aci_setting import Azure, container, group

CLIENT, SECRET = "44444444-4444-4444-4444-444444444444", "opensesame"


@pytest.fixture
def azure() -> Azure:
    latencies = {"write": Latency(2.0), "read": Latency(0.5), "delete": Latency(3.0)}
    faults = (Fault(FaultKind.LOST_ANSWER, ("create",), ("*/lost",)),)
    principals = Principals((Application(CLIENT, SECRET),))
    return Azure(CloudSettings(latencies=latencies, faults=faults), principals=principals)


@pytest.fixture
def client(azure: Azure) -> Iterator[ContainerInstanceManagementClient]:
    credential = ClientSecretCredential(defaults.TENANT, CLIENT, SECRET)
    library = ContainerInstanceManagementClient(credential, defaults.SUBSCRIPTION, retry_total=0)
    with mocked(azure.cloud), credential, library:
        yield library


def test_the_library_logs_in_and_works_without_a_socket(
    azure: Azure, client: ContainerInstanceManagementClient
) -> None:
    groups = client.container_groups
    groups.begin_create_or_update(defaults.RESOURCE_GROUP, "web", group(container()), polling=False)
    azure.passes(20)
    assert groups.get(defaults.RESOURCE_GROUP, "web").instance_view.state == "Running"
    groups.begin_delete(defaults.RESOURCE_GROUP, "web", polling=False)
    with pytest.raises(ResourceNotFoundError):
        groups.get(defaults.RESOURCE_GROUP, "web")


def test_what_a_call_costs_is_told(client: ContainerInstanceManagementClient) -> None:
    list(client.container_groups.list())
    with elapsed.measured() as spent:
        list(client.container_groups.list())
    assert spent.seconds == 0.5


def test_a_lost_answer_is_a_broken_connection(azure: Azure, client: ContainerInstanceManagementClient) -> None:
    with elapsed.measured() as spent, pytest.raises(Exception, match="before the cloud answered") as broken:
        client.container_groups.begin_create_or_update(defaults.RESOURCE_GROUP, "lost", group(), polling=False)
    assert not isinstance(broken.value, HttpResponseError)
    assert spent.seconds == 6.0
    assert azure.get("lost")["name"] == "lost"
