"""Entra's endpoints and the instance metadata service of the fake Azure, without a library."""

from typing import Any
from urllib.parse import urlencode

import pytest

from fakes.aci import defaults
from fakes.aci.messages import Request, Response
from fakes.aci.principals import Application, ManagedIdentity, Principals
from tests.unit.aci_setting import GROUPS, Azure

AUTHORITY = "https://login.microsoftonline.com"
METADATA = "http://169.254.169.254/metadata/identity/oauth2/token"
LOGIN = {
    "grant_type": "client_credentials",
    "client_id": "me",
    "client_secret": "hush",
    "scope": "https://management.azure.com/.default",
}


@pytest.fixture
def azure() -> Azure:
    identities = (ManagedIdentity("first", object_id="1"), ManagedIdentity("second", "/my/Identity", "2"))
    return Azure(principals=Principals((Application("me", "hush"),), identities))


def login(azure: Azure, tenant: str = defaults.TENANT, **changes: str) -> Response:
    body = urlencode({name: value for name, value in {**LOGIN, **changes}.items() if value}).encode()
    return azure.cloud.handle(Request("POST", f"{AUTHORITY}/{tenant}/oauth2/v2.0/token", {}, body))


def metadata(azure: Azure, headers: dict[str, str] | None = None, **query: str) -> Response:
    given = {"api-version": "2018-02-01", "resource": "https://management.azure.com/", **query}
    url = f"{METADATA}?{urlencode({name: value for name, value in given.items() if value})}"
    return azure.cloud.handle(Request("GET", url, {"Metadata": "true"} if headers is None else headers))


def test_a_token_that_was_bought_lets_in(azure: Azure) -> None:
    bought = login(azure).json()
    assert (bought["token_type"], bought["expires_in"]) == ("Bearer", 86400)
    azure.token = bought["access_token"]
    assert azure.ask("GET", GROUPS).status == 200


def test_a_tenant_tells_where_its_endpoints_are(azure: Azure) -> None:
    path = "v2.0/.well-known/openid-configuration"
    told = azure.cloud.handle(Request("GET", f"{AUTHORITY}/{defaults.TENANT}/{path}")).json()
    assert told["token_endpoint"] == f"{AUTHORITY}/{defaults.TENANT}/oauth2/v2.0/token"
    assert azure.cloud.handle(Request("GET", f"{AUTHORITY}/nobody/{path}")).status == 400


def test_an_instance_is_discovered(azure: Azure) -> None:
    url = f"{AUTHORITY}/common/discovery/instance?api-version=1.1&authorization_endpoint=x"
    told = azure.cloud.handle(Request("GET", url)).json()
    assert told["tenant_discovery_endpoint"].startswith(f"{AUTHORITY}/{defaults.TENANT}/v2.0")
    assert told["metadata"][0]["preferred_network"] == "login.microsoftonline.com"


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"tenant": "nobody"}, 400, "invalid_request", 90002),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"client_id": "stranger"}, 400, "unauthorized_client", 700016),
        ({"client_secret": "guess"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"scope": "https://management.azure.com/"}, 400, "invalid_scope", 1002012),
    ],
)
def test_a_bad_login_is_refused_in_entra_s_words(
    azure: Azure, changes: dict[str, str], status: int, error: str, number: int
) -> None:
    refused = login(azure, **changes)
    told = refused.json()
    assert (refused.status, told["error"], told["error_codes"]) == (status, error, [number])
    assert told["error_description"].startswith(f"AADSTS{number}: ")


@pytest.mark.parametrize("assertion", ["", "a.b", "a.b.c", "!.!.!", "e30.e30.e30", "W10.W10.W10"])
def test_a_broken_assertion_is_refused(azure: Azure, assertion: str) -> None:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    refused = login(azure, client_secret="", client_assertion_type=kind, client_assertion=assertion)
    assert refused.status == 401


@pytest.mark.parametrize(
    ("query", "client"),
    [
        ({}, "first"),
        ({"client_id": "second"}, "second"),
        ({"msi_res_id": "/My/identity"}, "second"),
        ({"object_id": "2"}, "second"),
    ],
)
def test_a_machine_gets_the_token_of_its_identity(azure: Azure, query: dict[str, str], client: str) -> None:
    told = metadata(azure, **query).json()
    assert told["client_id"] == client
    azure.token = told["access_token"]
    assert azure.ask("GET", GROUPS).status == 200


@pytest.mark.parametrize(
    "question",
    [
        {"headers": {}},
        {"resource": ""},
        {"api-version": "2001-01-01"},
        {"client_id": "nobody"},
        {"msi_res_id": "/nothing"},
    ],
)
def test_a_bad_question_to_the_metadata_service_is_refused(azure: Azure, question: dict[str, Any]) -> None:
    refused = metadata(azure, **question)
    assert (refused.status, refused.json()["error"]) == (400, "invalid_request")


def test_a_machine_without_identities_gets_no_token() -> None:
    assert metadata(Azure(principals=Principals(managed=()))).json()["error_description"] == "Identity not found"
