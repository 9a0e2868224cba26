"""What Resource Manager does around each request: who comes in, what is served, how much of it, what goes wrong."""

import re

import pytest

from fakes.aci import defaults
from fakes.aci.messages import Request
from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Latency, Rate
from tests.unit.aci_setting import GROUPS, ORIGIN, REGION, Azure, code, group

MAIN = f"{GROUPS}/web/containers/main"


@pytest.fixture
def azure() -> Azure:
    return Azure()


def test_without_a_token_nobody_comes_in(azure: Azure) -> None:
    response = azure.cloud.handle(Request("GET", f"{ORIGIN}{GROUPS}?api-version=2023-05-01"))
    assert code(response) == (401, "InvalidAuthenticationToken")
    assert "authorization_uri" in response.headers["WWW-Authenticate"]


def test_a_token_for_somebody_else_is_refused(azure: Azure) -> None:
    azure.token = azure.cloud.tokens.issue(azure.time, audience="https://vault.azure.net")
    refused = azure.ask("GET", GROUPS)
    assert code(refused) == (401, "InvalidAuthenticationToken")
    assert "wrong audience" in refused.json()["error"]["message"]
    azure.token = azure.cloud.tokens.issue(azure.time, audience="https://management.core.windows.net/")
    assert azure.ask("GET", GROUPS).status == 200


def test_a_token_expires(azure: Azure) -> None:
    azure.passes(24 * 3600)
    assert code(azure.ask("GET", GROUPS)) == (401, "InvalidAuthenticationToken")


def test_what_no_role_allows_is_forbidden(azure: Azure) -> None:
    azure.cloud.denied.add("Microsoft.ContainerInstance/containerGroups/write")
    refused = azure.put()
    assert code(refused) == (403, "AuthorizationFailed")
    assert "'Microsoft.ContainerInstance/containerGroups/write'" in refused.json()["error"]["message"]
    assert azure.ask("GET", GROUPS).status == 200


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("POST", f"{GROUPS}/web/stop", "Microsoft.ContainerInstance/containerGroups/stop/action"),
        ("DELETE", f"{GROUPS}/web", "Microsoft.ContainerInstance/containerGroups/delete"),
        (
            "POST",
            f"{GROUPS}/web/containers/main/exec",
            "Microsoft.ContainerInstance/containerGroups/containers/exec/action",
        ),
        ("GET", f"{REGION}/usages", "Microsoft.ContainerInstance/locations/usages/read"),
        ("GET", GROUPS.partition("/providers")[0], "Microsoft.Resources/subscriptions/resourceGroups/read"),
    ],
)
def test_roles_name_what_is_done(azure: Azure, method: str, path: str, action: str) -> None:
    azure.cloud.denied.add(action)
    assert code(azure.ask(method, path)) == (403, "AuthorizationFailed")


def test_the_api_version_must_be_there_and_be_known(azure: Azure) -> None:
    assert code(azure.ask("GET", GROUPS, version=None)) == (400, "MissingApiVersionParameter")
    assert code(azure.ask("GET", GROUPS, version="2099-01-01")) == (400, "NoRegisteredProviderFound")
    assert azure.ask("GET", GROUPS, version="2021-09-01").status == 200


def test_fixed_parts_of_a_path_may_be_in_any_case(azure: Azure) -> None:
    azure.running()
    path = f"{GROUPS}/web".replace("resourceGroups", "RESOURCEGROUPS").replace("containerGroups", "containergroups")
    assert azure.ask("GET", path).status == 200
    assert azure.ask("GET", path.replace("/vksim/", "/VkSim/")).status == 200


def test_what_is_not_there_is_not_found(azure: Azure) -> None:
    other = GROUPS.replace(defaults.SUBSCRIPTION, "33333333-3333-3333-3333-333333333333")
    assert code(azure.ask("GET", other)) == (404, "SubscriptionNotFound")
    assert code(azure.ask("GET", GROUPS.replace("/vksim/", "/nowhere/"))) == (404, "ResourceGroupNotFound")
    assert code(azure.ask("GET", f"{GROUPS}/nothing")) == (404, "ResourceNotFound")
    assert azure.ask("GET", "/something/else").status == 404
    assert code(azure.ask("POST", GROUPS)) == (405, "MethodNotAllowed")


def test_every_answer_can_be_traced(azure: Azure) -> None:
    headers = azure.ask("GET", GROUPS, headers={"x-ms-correlation-request-id": "mine"}).headers
    assert headers["x-ms-correlation-request-id"] == "mine"
    assert re.fullmatch(r"westeurope:[-0-9a-f]{36}", headers["x-ms-request-id"])
    assert headers["x-ms-routing-request-id"] == "WESTEUROPE:20260301T120000Z:mine"


def test_answers_tell_what_is_left_of_the_limits(azure: Azure) -> None:
    headers = azure.put().headers
    assert headers["x-ms-ratelimit-remaining-subscription-writes"] == "1199"
    assert headers["x-ms-ratelimit-remaining-subscription-resource-requests-pt5m"] == "99"
    assert headers["x-ms-ratelimit-remaining-subscription-resource-requests-pt1h"] == "299"
    assert azure.ask("GET", GROUPS).headers["x-ms-ratelimit-remaining-subscription-reads"] == "11999"


def test_the_service_throttles_creates(azure: Azure) -> None:
    answers = [azure.put(f"web-{number}") for number in range(101)]
    assert [each.status for each in answers[:100]] == [201] * 100
    assert code(answers[100]) == (429, "TooManyRequests")
    assert answers[100].headers["Retry-After"] == "3"
    assert azure.ask("GET", GROUPS).status == 200


def test_resource_manager_throttles_reads() -> None:
    slow = {"subscription-reads": Rate(2, 0.1, ("subscription-reads", "get", "list"))}
    azure = Azure(CloudSettings(rates=slow))
    assert [azure.ask("GET", GROUPS).status for _ in range(2)] == [200, 200]
    throttled = azure.ask("GET", GROUPS)
    assert code(throttled) == (429, "SubscriptionRequestsThrottled")
    assert throttled.headers["Retry-After"] == "10"
    assert throttled.headers["x-ms-ratelimit-remaining-subscription-reads"] == "0"


def test_quotas_are_kept_and_given_back() -> None:
    azure = Azure(CloudSettings(quotas={"StandardCores": 1}))
    azure.running()
    refused = azure.put("second")
    assert code(refused) == (400, "ContainerGroupQuotaReached")
    assert refused.json()["error"]["message"] == (
        "Resource type 'Microsoft.ContainerInstance/containerGroups' container group quota 'StandardCores' exceeded in "
        "region 'westeurope'. Limit: '1', Usage: '1' Requested: '1'."
    )
    azure.ask("DELETE", f"{GROUPS}/web")
    assert azure.put("second").status == 201


def test_the_usage_of_quotas_can_be_read(azure: Azure) -> None:
    azure.put()
    usages = {each["name"]["value"]: each for each in azure.ask("GET", f"{REGION}/usages").json()["value"]}
    assert (usages["ContainerGroups"]["currentValue"], usages["ContainerGroups"]["limit"]) == (1, 100)
    assert usages["StandardCores"]["id"].endswith("/usages/standardCores")


def test_a_region_tells_what_it_can(azure: Azure) -> None:
    capabilities = azure.ask("GET", f"{REGION}/capabilities").json()["value"]
    assert capabilities[0]["capabilities"] == {"maxMemoryInGB": 16.0, "maxCpu": 4.0, "maxGpuCount": 0}
    assert azure.ask("GET", f"{REGION}/cachedImages").json()["value"]
    other = REGION.replace("westeurope", "mars")
    assert code(azure.ask("GET", f"{other}/usages")) == (400, "LocationNotAvailableForResourceType")


def faulty(kind: FaultKind, *operations: str, delay: Latency | None = None, resources: tuple[str, ...] = ()) -> Azure:
    return Azure(CloudSettings(faults=(Fault(kind, operations, resources, delay=delay),)))


def test_an_outage_does_nothing() -> None:
    azure = faulty(FaultKind.OUTAGE, "create")
    assert code(azure.put()) == (503, "ServiceUnavailable")
    assert azure.ask("GET", f"{GROUPS}/web").status == 404


def test_a_full_region_refuses_new_groups_and_nothing_else() -> None:
    azure = faulty(FaultKind.NO_CAPACITY)
    assert code(azure.put()) == (409, "ServiceUnavailable")
    assert azure.ask("GET", GROUPS).status == 200


def test_a_throttled_client_is_told_to_wait() -> None:
    response = faulty(FaultKind.THROTTLED).ask("GET", GROUPS)
    assert code(response) == (429, "TooManyRequests")
    assert response.headers["Retry-After"] == "30"


def test_an_answer_may_get_lost_after_the_deed() -> None:
    azure = faulty(FaultKind.LOST_ANSWER, "create")
    assert not azure.put().heard
    assert azure.ask("GET", f"{GROUPS}/web").status == 200


def test_a_request_may_get_lost_before_the_deed() -> None:
    azure = faulty(FaultKind.LOST_REQUEST, "create")
    assert not azure.put().heard
    assert azure.ask("GET", f"{GROUPS}/web").status == 404


def test_an_answer_may_be_late() -> None:
    response = faulty(FaultKind.SLOW, delay=Latency(60.0)).put()
    assert response.status == 201
    assert response.takes > 60


def test_a_fault_may_be_about_some_groups_only() -> None:
    azure = faulty(FaultKind.OUTAGE, resources=("westeurope/vksim/bad-*",))
    assert azure.put("bad-one").status == 503
    assert azure.put("good-one").status == 201


def test_a_group_must_be_where_the_service_is(azure: Azure) -> None:
    assert code(azure.put(body={**group(), "location": "mars"})) == (400, "LocationNotAvailableForResourceType")
    assert azure.put(body={**group(), "location": "West Europe"}).json()["location"] == "westeurope"
    assert code(azure.put(body={"properties": group()["properties"]})) == (400, "LocationRequired")
