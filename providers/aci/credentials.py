"""Who the provider is to Azure: a credential of azure-identity for each way in which Virtual Kubelet's users log in."""

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from providers.aci.config import AciConfig
from providers.errors import InvalidConfig

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

AuthenticationPolicy = AsyncARMChallengeAuthenticationPolicy | SansIOHTTPPolicy[Any, Any]


def credential(config: AciConfig) -> "AsyncTokenCredential":
    """The credential that the configuration means; without any, that of the Azure CLI.

    Raises:
        InvalidConfig: something that goes with it is missing.
    """
    from azure.identity import aio  # noqa: PLC0415  (slow to import, and not needed where tokens come from elsewhere)

    given = config.credential
    if given.managed:
        return (
            aio.ManagedIdentityCredential(client_id=given.client) if given.client else aio.ManagedIdentityCredential()
        )
    common: dict[str, Any] = {"authority": config.cloud.authority}
    if config.cloud.ca_bundle:
        common |= {"connection_verify": config.cloud.ca_bundle, "disable_instance_discovery": True}
    if not given.client:
        return aio.AzureCliCredential(tenant_id=given.tenant)
    if not given.tenant:
        raise InvalidConfig("the service principal has no tenant; set AZURE_TENANT_ID")
    if given.secret:
        return aio.ClientSecretCredential(given.tenant, given.client, given.secret, **common)
    if given.certificate:
        if not Path(given.certificate).is_file():
            raise InvalidConfig(f"AZURE_CLIENT_CERTIFICATE_PATH: {given.certificate}: no such file")
        return aio.CertificateCredential(given.tenant, given.client, given.certificate, **common)
    return aio.WorkloadIdentityCredential(
        tenant_id=given.tenant, client_id=given.client, token_file_path=given.token_file, **common
    )


def policy(config: AciConfig, own: "AsyncTokenCredential") -> AuthenticationPolicy:
    """What puts a token on each request."""
    return AsyncARMChallengeAuthenticationPolicy(own, f"{config.cloud.audience}/.default")


def trusted(config: AciConfig) -> ssl.SSLContext | bool:
    """Whose certificates to trust: the usual ones, or those of the configured file."""
    return ssl.create_default_context(cafile=config.cloud.ca_bundle) if config.cloud.ca_bundle else True
