"""Azure's own libraries against the fake Azure, over HTTPS with a certificate authority of its own, sync and async."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from azure.mgmt.containerinstance import ContainerInstanceManagementClient
from azure.mgmt.containerinstance.aio import ContainerInstanceManagementClient as AsyncClient
from azure.mgmt.containerinstance.models import (
    Container,
    ContainerExecRequest,
    ContainerGroup,
    EnvironmentVariable,
    ResourceRequests,
    ResourceRequirements,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from fakes.aci import defaults
from fakes.aci.principals import Application, Certificate, Federated, ManagedIdentity, Principals
from fakes.cloud.settings import Fault, FaultKind, Latency
from tests.contract.aci_https import Served, in_thread, served

GROUP = defaults.RESOURCE_GROUP
CLIENT, SECRET = "44444444-4444-4444-4444-444444444444", "opensesame"
SCOPE = "https://management.azure.com/.default"


class Static:
    """A credential whose token was given out beforehand."""

    def __init__(self, at: Served) -> None:
        self.token = at.cloud.tokens.issue(at.now)

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self.token, 2**33)


def client(at: Served, credential: Any = None, **options: Any) -> ContainerInstanceManagementClient:
    return ContainerInstanceManagementClient(
        credential or Static(at), defaults.SUBSCRIPTION, at.url, connection_verify=at.ca, **options
    )


def model(*command: str) -> ContainerGroup:
    requests = ResourceRequirements(requests=ResourceRequests(cpu=1.0, memory_in_gb=1.5))
    variables = [EnvironmentVariable(name="A", value="b"), EnvironmentVariable(name="C", secure_value="d")]
    main = Container(
        name="main", image="nginx", command=list(command) or None, resources=requests, environment_variables=variables
    )
    return ContainerGroup(location=defaults.REGION, containers=[main], os_type="Linux", restart_policy="Never")


def play(scene: Callable[[Served], Awaitable[None]], folder: Path, **options: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(30), served(folder, **options) as at:
            await scene(at)

    asyncio.run(main())


def test_the_synchronous_library_takes_a_group_through_its_life(tmp_path: Path) -> None:
    def work(at: Served) -> None:
        with client(at) as azure:
            poller = azure.container_groups.begin_create_or_update(GROUP, "web", model(), polling_interval=0.1)
            created = poller.result()
            assert created.provisioning_state == "Succeeded"
            assert created.containers[0].instance_view.current_state.state == "Running"
            assert created.containers[0].environment_variables[1].secure_value is None
            assert [each.name for each in azure.container_groups.list_by_resource_group(GROUP)] == ["web"]
            assert [each.name for each in azure.container_groups.list()] == ["web"]
            assert azure.containers.list_logs(GROUP, "web", "main", tail=5).content == "main started\n"
            azure.container_groups.stop(GROUP, "web")
            assert azure.container_groups.get(GROUP, "web").instance_view.state == "Stopped"
            azure.container_groups.begin_start(GROUP, "web", polling_interval=0.1).result()
            azure.container_groups.begin_restart(GROUP, "web", polling_interval=0.1).result()
            updated = azure.container_groups.update(GROUP, "web", {"location": "", "tags": {"team": "blue"}})
            assert updated.tags == {"team": "blue"}
            usages = {each.name.value: each.current_value for each in azure.location.list_usage(defaults.REGION)}
            assert usages["ContainerGroups"] == 1
            assert next(iter(azure.location.list_capabilities(defaults.REGION))).capabilities.max_cpu == 4.0
            assert next(iter(azure.location.list_cached_images(defaults.REGION))).os_type == "Linux"
            assert azure.container_groups.get_outbound_network_dependencies_endpoints(GROUP, "web") == []
            assert [each.name for each in azure.operations.list()]
            deleted = azure.container_groups.begin_delete(GROUP, "web", polling_interval=0.1).result()
            assert deleted.name == "web"
            with pytest.raises(ResourceNotFoundError) as refused:
                azure.container_groups.get(GROUP, "web")
            assert refused.value.error is not None
            assert refused.value.error.code == "ResourceNotFound"

    async def scene(at: Served) -> None:
        await in_thread(lambda: work(at))

    play(scene, tmp_path)


def test_the_library_polls_until_provisioning_is_over(tmp_path: Path) -> None:
    def work(at: Served) -> None:
        with client(at) as azure:
            poller = azure.container_groups.begin_create_or_update(GROUP, "web", model(), polling_interval=0.1)
            assert not poller.done()
            assert poller.result().provisioning_state == "Succeeded"
            assert at.cloud.model.counts["poll", "ok"] > 1

    async def scene(at: Served) -> None:
        await in_thread(lambda: work(at))

    play(scene, tmp_path, latencies={"provision": Latency(0.5)})


def test_a_long_list_is_followed_to_its_end(tmp_path: Path) -> None:
    def work(at: Served) -> None:
        at.cloud.groups.page_size = 2
        with client(at) as azure:
            for number in range(5):
                azure.container_groups.begin_create_or_update(GROUP, f"web-{number}", model(), polling=False)
            assert len(list(azure.container_groups.list_by_resource_group(GROUP))) == 5
            assert at.cloud.model.counts["list", "ok"] == 3

    async def scene(at: Served) -> None:
        await in_thread(lambda: work(at))

    play(scene, tmp_path)


def test_the_asynchronous_library_runs_a_command(tmp_path: Path) -> None:
    async def scene(at: Served) -> None:
        credential = AsyncClientSecretCredential(
            defaults.TENANT,
            CLIENT,
            SECRET,
            authority=at.url,
            disable_instance_discovery=True,
            connection_verify=at.ca,
        )
        async with (
            credential,
            AsyncClient(
                credential, defaults.SUBSCRIPTION, at.url, connection_verify=at.ca, credential_scopes=[SCOPE]
            ) as azure,
        ):
            body = orjson.dumps(model().serialize())
            await azure.container_groups.begin_create_or_update(
                GROUP, "web", body, polling=False, content_type="application/json"
            )
            session = await azure.containers.execute_command(
                GROUP, "web", "main", ContainerExecRequest(command="/bin/sh")
            )
            assert await spoken(at, session, b"echo $A $C\n", b"exit\n") == "/ # echo $A $C\r\nb d\r\n/ # exit\r\n"
            attached = await azure.containers.attach(GROUP, "web", "main")
            await azure.container_groups.stop(GROUP, "web")
            assert await spoken(at, attached) == ""
            await (await azure.container_groups.begin_delete(GROUP, "web", polling_interval=0.1)).result()
            assert [each async for each in azure.container_groups.list_by_resource_group(GROUP)] == []

    play(scene, tmp_path, principals=Principals((Application(CLIENT, SECRET),)))


async def spoken(at: Served, session: Any, *lines: bytes) -> str:
    """What a WebSocket says until it is closed."""
    trusted = ssl.create_default_context(cafile=at.ca)
    output = b""
    async with aiohttp.ClientSession() as http, http.ws_connect(session.web_socket_uri, ssl=trusted) as socket:
        await socket.send_str(session.password)
        for line in lines:
            await socket.send_bytes(line)
        async for message in socket:
            output += message.data
    return output.decode()


def test_refusals_become_the_library_s_errors(tmp_path: Path) -> None:
    def work(at: Served) -> None:
        with client(at, retry_total=0) as azure:
            bad = model()
            bad.containers[0].resources.requests.cpu = 99.0
            with pytest.raises(HttpResponseError) as refused:
                azure.container_groups.begin_create_or_update(GROUP, "web", bad, polling=False)
            assert refused.value.status_code == 400
            assert refused.value.error is not None
            assert refused.value.error.code == "ResourceRequestsExceedLimit"
            with pytest.raises(HttpResponseError) as throttled:
                azure.location.list_usage(defaults.REGION).next()
            assert throttled.value.status_code == 429
            assert throttled.value.response is not None
            assert throttled.value.response.headers["Retry-After"] == "30"
            with pytest.raises((ServiceRequestError, ServiceResponseError)):
                azure.container_groups.begin_create_or_update(GROUP, "lost", model(), polling=False)
            assert azure.container_groups.get(GROUP, "lost").name == "lost"

    async def scene(at: Served) -> None:
        await in_thread(lambda: work(at))

    lost = Fault(FaultKind.LOST_ANSWER, ("create",), ("*/lost",))
    play(scene, tmp_path, faults=(lost, Fault(FaultKind.THROTTLED, ("usages",))))


def test_an_unknown_token_is_refused(tmp_path: Path) -> None:
    def work(at: Served) -> None:
        credential = Static(at)
        credential.token = "made.up.token"
        with client(at, credential) as azure, pytest.raises(ClientAuthenticationError):
            azure.container_groups.get(GROUP, "web")

    async def scene(at: Served) -> None:
        await in_thread(lambda: work(at))

    play(scene, tmp_path)


def test_a_secret_buys_a_token(tmp_path: Path) -> None:
    def work(at: Served) -> None:
        def credential(secret: str, tenant: str = defaults.TENANT, client_id: str = CLIENT) -> ClientSecretCredential:
            return ClientSecretCredential(
                tenant,
                client_id,
                secret,
                authority=at.url,
                disable_instance_discovery=True,
                connection_verify=at.ca,
            )

        assert at.cloud.tokens.find(bought(credential(SECRET)), at.now)
        for wrong, number in (
            (credential("guess"), 7000215),
            (credential(SECRET, client_id="55555555-5555-5555-5555-555555555555"), 700016),
        ):
            with pytest.raises(ClientAuthenticationError, match=f"AADSTS{number}"):
                bought(wrong)

    async def scene(at: Served) -> None:
        await in_thread(lambda: work(at))

    play(scene, tmp_path, principals=Principals((Application(CLIENT, SECRET),)))


def test_a_certificate_buys_a_token(tmp_path: Path) -> None:
    pem = certificate()
    other = certificate()
    application = Application(CLIENT, certificates=(Certificate(pem),))

    def work(at: Served) -> None:
        def credential(data: bytes) -> CertificateCredential:
            return CertificateCredential(
                defaults.TENANT,
                CLIENT,
                certificate_data=data,
                authority=at.url,
                disable_instance_discovery=True,
                connection_verify=at.ca,
            )

        assert at.cloud.tokens.find(bought(credential(pem)), at.now)
        with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
            bought(credential(other))

    async def scene(at: Served) -> None:
        await in_thread(lambda: work(at))

    play(scene, tmp_path, principals=Principals((application,)))


def test_a_service_account_s_token_buys_a_token(tmp_path: Path) -> None:
    import jwt  # noqa: PLC0415  (comes with azure-identity, and is needed only here)

    issuer, subject = "https://cluster.example", "system:serviceaccount:kube-system:vk"
    application = Application(CLIENT, federated=(Federated(issuer, subject),))

    def work(at: Served) -> None:
        def credential(who: str) -> WorkloadIdentityCredential:
            expires = int(at.now.timestamp()) + 600
            claims = {"iss": issuer, "sub": who, "aud": ["api://AzureADTokenExchange"], "exp": expires}
            file = tmp_path / "token"
            file.write_text(jwt.encode(claims, "x" * 32, "HS256"))
            return WorkloadIdentityCredential(
                tenant_id=defaults.TENANT,
                client_id=CLIENT,
                token_file_path=str(file),
                authority=at.url,
                disable_instance_discovery=True,
                connection_verify=at.ca,
            )

        assert at.cloud.tokens.find(bought(credential(subject)), at.now)
        with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
            bought(credential("somebody"))

    async def scene(at: Served) -> None:
        await in_thread(lambda: work(at))

    play(scene, tmp_path, principals=Principals((application,)))


def test_a_machine_has_identities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(at: Served) -> None:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", at.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", at.ca)
        assert found(at, bought(ManagedIdentityCredential())) == "first"
        assert found(at, bought(ManagedIdentityCredential(client_id="second"))) == "second"
        by_resource = ManagedIdentityCredential(identity_config={"resource_id": "/my/identity"})
        assert found(at, bought(by_resource)) == "second"
        with pytest.raises(Exception, match="Identity not found"):
            bought(ManagedIdentityCredential(client_id="nobody"))

    async def scene(at: Served) -> None:
        await in_thread(lambda: work(at))

    identities = (ManagedIdentity("first"), ManagedIdentity("second", resource_id="/my/identity"))
    play(scene, tmp_path, principals=Principals(managed=identities))


def bought(credential: Any) -> str:
    """The token that a credential gets."""
    with credential:
        token: str = credential.get_token(SCOPE).token
        return token


def found(at: Served, token: str) -> str:
    known = at.cloud.tokens.find(token, at.now)
    assert known is not None
    return known.subject


def certificate() -> bytes:
    """A self-signed certificate and its key, as PEM."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vk")])
    began = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + made.public_bytes(serialization.Encoding.PEM)
