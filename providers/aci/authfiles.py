"""The credential files that Azure's tools write: the SDK's auth file, AKS' azure.json, the Log Analytics file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from providers.errors import InvalidConfig

_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
"""Byte order marks: PowerShell writes UTF-16."""


@dataclass(frozen=True, slots=True)
class AuthFile:
    """What such files say; empty where they say nothing.

    Attributes:
        managed: whether the node's managed identity is to be used.
        identity: the client ID of a user-assigned one.
    """

    cloud: str = ""
    subscription: str = ""
    tenant: str = ""
    client: str = ""
    secret: str = field(default="", repr=False)
    managed: bool = False
    identity: str = ""
    resource_group: str = ""
    region: str = ""
    vnet: str = ""
    vnet_group: str = ""


def from_environment(environ: Mapping[str, str]) -> AuthFile:
    """What the files say that the environment names; AKS' file wins, as in Virtual Kubelet.

    Raises:
        InvalidConfig: one of them cannot be read.
    """
    merged: dict[str, Any] = {}
    if path := environ.get("AZURE_AUTH_LOCATION"):
        merged.update(_known(_sdk_file(_read(path, "AZURE_AUTH_LOCATION"))))
    for variable in ("ACS_CREDENTIAL_LOCATION", "AKS_CREDENTIAL_LOCATION"):
        if path := environ.get(variable):
            merged.update(_known(_aks_file(_read(path, variable))))
    return AuthFile(**merged)


def log_analytics(path: str) -> tuple[str, str]:
    """The workspace and its key.

    Raises:
        InvalidConfig: the file cannot be read, or lacks one of them.
    """
    variable = "LOG_ANALYTICS_AUTH_LOCATION"
    data = _read(path, variable)
    workspace, key = data.get("workspaceID") or data.get("workspaceId"), data.get("workspaceKey")
    if not isinstance(workspace, str) or not isinstance(key, str):
        raise InvalidConfig(f"{variable}: {path}: workspaceID or workspaceKey is missing; write both")
    return workspace, key


def _sdk_file(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "client": data.get("clientId"),
        "secret": data.get("clientSecret"),
        "tenant": data.get("tenantId"),
        "subscription": data.get("subscriptionId"),
    }


def _aks_file(data: Mapping[str, Any]) -> dict[str, Any]:
    managed = data.get("aadClientId") == "msi" or bool(data.get("useManagedIdentityExtension"))
    return {
        "cloud": data.get("cloud"),
        "tenant": data.get("tenantId"),
        "subscription": data.get("subscriptionId"),
        "client": None if managed else data.get("aadClientId"),
        "secret": None if managed else data.get("aadClientSecret"),
        "managed": managed,
        "identity": data.get("userAssignedIdentityID"),
        "resource_group": data.get("resourceGroup"),
        "region": data.get("location"),
        "vnet": data.get("vnetName"),
        "vnet_group": data.get("vnetResourceGroup"),
    }


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _read(path: str, variable: str) -> Mapping[str, Any]:
    """The file's fields. No message shows its content: it has secrets."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise InvalidConfig(f"{variable}: {path}: {error.strerror}") from None
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        data = json.loads(raw.decode(encoding))
    except ValueError:
        raise InvalidConfig(f"{variable}: {path}: not JSON; write it again with the tool that made it") from None
    if not isinstance(data, Mapping):
        raise InvalidConfig(f"{variable}: {path}: holds no fields with names")
    return data
