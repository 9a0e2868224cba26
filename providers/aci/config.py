"""What an operator decides about the ACI provider: Virtual Kubelet's TOML file and environment variables, parsed once.

A value's sources, the later one winning: the default, the AKS or Azure credential file, the provider's file, the
environment. Keys of the file are understood in any case, as Virtual Kubelet does.
"""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from providers import quantity
from providers.aci import authfiles
from providers.aci.authfiles import AuthFile
from providers.errors import InvalidConfig
from providers.types import ResourceList

OperatingSystem = Literal["Linux", "Windows"]


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Azure's clouds.

    Attributes:
        name: as Azure's tools write it.
        endpoint: of the Resource Manager.
        audience: what tokens for it are for.
        authority: who gives tokens.
        ca_bundle: a file with the certificates to trust; empty for the usual ones.
    """

    name: str
    endpoint: str
    audience: str
    authority: str
    ca_bundle: str = ""


_PUBLIC, _GOVERNMENT, _CHINA = (
    f"https://management.{domain}" for domain in ("azure.com", "usgovcloudapi.net", "chinacloudapi.cn")
)

CLOUDS = {
    each.name.lower(): each
    for each in (
        Cloud("AzurePublicCloud", _PUBLIC, _PUBLIC, "https://login.microsoftonline.com"),
        Cloud("AzureUSGovernmentCloud", _GOVERNMENT, _GOVERNMENT, "https://login.microsoftonline.us"),
        Cloud("AzureChinaCloud", _CHINA, _CHINA, "https://login.partner.microsoftonline.cn"),
    )
}


@dataclass(frozen=True, slots=True)
class Credential:
    """How to get a token. The first of these that is there: secret, certificate, federated token, identity, CLI.

    Attributes:
        tenant: the directory's ID.
        client: the service principal's or the user-assigned identity's ID.
        secret: the service principal's password.
        certificate: a file with its certificate.
        token_file: a file with a federated token (workload identity).
        managed: whether it is a managed identity; the system-assigned one if ``client`` is empty.
    """

    tenant: str = ""
    client: str = ""
    secret: str = field(default="", repr=False)
    certificate: str = ""
    token_file: str = ""
    managed: bool = False


@dataclass(frozen=True, slots=True)
class LogAnalytics:
    """The workspace that containers' output goes to.

    Attributes:
        workspace: its ID.
        key: its key.
        cluster: the cluster's ARM ID, for Container Insights; empty without.
    """

    workspace: str
    key: str = field(repr=False)
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls ACI and ARM take in an hour, and at once; the documented defaults. Support raises them.

    Attributes:
        reads: ARM's reads of a subscription.
        writes: ARM's writes, creates among them.
        creates: ACI's creates in a region.
        deletes: ACI's deletes in a region.
        burst: so many creates, and so many deletes, at once (documented for 5 minutes).
    """

    reads: int = 12_000
    writes: int = 1_200
    creates: int = 300
    deletes: int = 300
    burst: int = 100


@dataclass(frozen=True, slots=True)
class AciConfig:
    """The provider's configuration.

    Attributes:
        subscription: the subscription's ID.
        resource_group: where the groups are made.
        region: where they run, as ARM writes it (``westeurope``).
        operating_system: of all pods.
        capacity: what the operator says the node offers; what is not named comes from the subscription's quotas.
        cloud: which Azure.
        credential: who the provider is.
        subnet: the ARM ID of the subnet that pods get addresses of; empty for public addresses.
        dns_server: the cluster's DNS service, reachable only from a subnet; empty to leave names to Azure.
        cluster: told on each group, so that clusters may share a resource group; empty for none.
        former_nodes: nodes that are gone for good, whose groups this one takes over to end.
        log_analytics: where output goes; None for nowhere.
        kube_proxy: the kubeconfig, as JSON, of the extension that makes Services reachable by their cluster IP; empty
            for none.
        cluster_cidr: the cluster's addresses, for that extension.
        realtime_metrics: whether groups carry the extension that measures them.
        gpu_sku: which GPU a pod gets that does not say.
        zones: availability zones for pods that do not say.
        priority: ``Regular`` or ``Spot``, for pods that do not say.
        identities: user-assigned identities of all pods (ARM IDs).
        registry_identities: registry -> the user-assigned identity that pulls from it.
        limits: how many calls are allowed.
        user_agent: added to requests.
    """

    subscription: str
    resource_group: str
    region: str
    operating_system: OperatingSystem = "Linux"
    capacity: ResourceList = field(default_factory=dict)
    cloud: Cloud = CLOUDS["azurepubliccloud"]
    credential: Credential = Credential()
    subnet: str = ""
    dns_server: str = ""
    cluster: str = ""
    former_nodes: tuple[str, ...] = ()
    log_analytics: LogAnalytics | None = None
    kube_proxy: str = field(default="", repr=False)
    cluster_cidr: str = ""
    realtime_metrics: bool = False
    gpu_sku: str = "V100"
    zones: tuple[str, ...] = ()
    priority: str = "Regular"
    identities: tuple[str, ...] = ()
    registry_identities: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    user_agent: str = ""


_KEYS = {
    # Virtual Kubelet's
    "region": "Region",
    "resourcegroup": "ResourceGroup",
    "operatingsystem": "OperatingSystem",
    "cpu": "CPU",
    "memory": "Memory",
    "pods": "Pods",
    "subnetname": "SubnetName",
    "subnetcidr": "SubnetCIDR",
    # ours
    "subscriptionid": "SubscriptionID",
    "gpu": "GPU",
    "gpusku": "GPUSku",
    "vnetname": "VnetName",
    "vnetresourcegroup": "VnetResourceGroup",
    "kubednsip": "KubeDNSIP",
    "clustername": "ClusterName",
    "formernodes": "FormerNodes",
    "zones": "Zones",
    "priority": "Priority",
    "identities": "Identities",
    "registryidentities": "RegistryIdentities",
    "limits": "Limits",
    "kubeproxyconfig": "KubeProxyConfig",
    "clustercidr": "ClusterCIDR",
    "cloud": "Cloud",
    "managementendpoint": "ManagementEndpoint",
    "authority": "Authority",
    "cabundle": "CABundle",
}

_LIMITS = {
    "readsperhour": "reads",
    "writesperhour": "writes",
    "createsperhour": "creates",
    "deletesperhour": "deletes",
    "burst": "burst",
}


def parse(file: Mapping[str, Any], environ: Mapping[str, str], *, operating_system: str, source: str) -> AciConfig:
    """The configuration.

    Args:
        file: the provider's file, parsed.
        environ: the environment.
        operating_system: the node's, ``linux`` or ``windows``; used unless the file says.
        source: where the file came from.

    Raises:
        InvalidConfig: naming the source, the field and the remedy.
    """
    given = _File(file, source)
    auth = authfiles.from_environment(environ)
    region = environ.get("ACI_REGION") or given.text("Region") or auth.region
    cloud = _cloud(given, environ.get("AZURE_ENVIRONMENT") or given.text("Cloud") or auth.cloud)
    subscription = environ.get("AZURE_SUBSCRIPTION_ID") or given.text("SubscriptionID") or auth.subscription
    group = environ.get("ACI_RESOURCE_GROUP") or given.text("ResourceGroup") or auth.resource_group
    return AciConfig(
        subscription=_needed(subscription, source, "SubscriptionID", "AZURE_SUBSCRIPTION_ID"),
        resource_group=_needed(group, source, "ResourceGroup", "ACI_RESOURCE_GROUP"),
        region=_needed(region, source, "Region", "ACI_REGION").replace(" ", "").lower(),
        operating_system=_operating_system(given, operating_system),
        capacity=_capacity(given, environ),
        cloud=cloud,
        credential=_credential(auth, environ),
        subnet=_subnet(given, environ, auth, subscription, group),
        dns_server=_address(environ.get("KUBE_DNS_IP") or given.text("KubeDNSIP"), source, "KubeDNSIP"),
        cluster=environ.get("ACI_CLUSTER_NAME") or given.text("ClusterName"),
        former_nodes=given.texts("FormerNodes"),
        log_analytics=_log_analytics(environ),
        kube_proxy=_kube_proxy(given),
        cluster_cidr=environ.get("CLUSTER_CIDR") or given.text("ClusterCIDR") or "10.240.0.0/16",
        realtime_metrics=environ.get("ENABLE_REAL_TIME_METRICS", "").lower() == "true",
        gpu_sku=given.text("GPUSku") or "V100",
        zones=given.texts("Zones"),
        priority=given.choice("Priority", ("Regular", "Spot")),
        identities=given.texts("Identities"),
        registry_identities=given.table("RegistryIdentities"),
        limits=_limits(given),
        user_agent=environ.get("ACI_EXTRA_USER_AGENT", ""),
    )


class _File:
    """The file's fields, each asked for by its name and of the type that it must have."""

    def __init__(self, fields: Mapping[str, Any], source: str) -> None:
        self.source = source
        self._fields: dict[str, Any] = {}
        for key, value in fields.items():
            if key.lower() not in _KEYS:
                raise InvalidConfig(f"{source}: {key}: unknown field; there are: {', '.join(_KEYS.values())}")
            self._fields[_KEYS[key.lower()]] = value

    def get(self, name: str) -> Any:
        return self._fields.get(name)

    def text(self, name: str) -> str:
        value = self._fields.get(name)
        if value is None:
            return ""
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
        raise self.wrong(name, value, "a text")

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._fields.get(name)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise self.wrong(name, value, 'a list of texts, as in ["one", "two"]')

    def table(self, name: str) -> Mapping[str, str]:
        value = self._fields.get(name)
        if value is None:
            return {}
        if isinstance(value, Mapping) and all(isinstance(each, str) for each in value.values()):
            return dict(value)
        raise self.wrong(name, value, "a table from names to texts")

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name)
        for each in choices:
            if not value or value.lower() == each.lower():
                return each
        raise self.wrong(name, value, f"one of {', '.join(choices)}")

    def wrong(self, name: str, value: object, remedy: str) -> InvalidConfig:
        return InvalidConfig(f"{self.source}: {name}: {value!r} is not {remedy}")


def _needed(value: str, source: str, field_: str, variable: str) -> str:
    if value:
        return value
    raise InvalidConfig(f"{source}: {field_}: missing; write it there or set {variable}")


def _operating_system(given: _File, asked: str) -> OperatingSystem:
    named = given.choice("OperatingSystem", ("Linux", "Windows")) if given.get("OperatingSystem") else asked
    return "Windows" if named.lower() == "windows" else "Linux"


def _capacity(given: _File, environ: Mapping[str, str]) -> ResourceList:
    result: ResourceList = {}
    sources = {
        "cpu": ("CPU", "ACI_QUOTA_CPU"),
        "memory": ("Memory", "ACI_QUOTA_MEMORY"),
        "pods": ("Pods", "ACI_QUOTA_POD"),
        "nvidia.com/gpu": ("GPU", "ACI_QUOTA_GPU"),
    }
    for resource, (key, variable) in sources.items():
        value, where = environ.get(variable, ""), variable
        if not value:
            value, where = given.text(key), f"{given.source}: {key}"
        if not value:
            continue
        try:
            quantity.parse(value)
        except ValueError as error:
            raise InvalidConfig(f"{where}: {error}") from None
        result[resource] = value
    return result


def _cloud(given: _File, name: str) -> Cloud:
    found = CLOUDS.get((name or "AzurePublicCloud").lower())
    if found is None:
        known = ", ".join(each.name for each in CLOUDS.values())
        raise InvalidConfig(f"{given.source}: Cloud: {name!r} is not known; there are: {known}")
    endpoint = given.text("ManagementEndpoint") or found.endpoint
    if not endpoint.startswith("https://") and not _is_loopback(endpoint):
        raise InvalidConfig(f"{given.source}: ManagementEndpoint: {endpoint!r} would send tokens in clear; use https")
    authority = given.text("Authority") or found.authority
    return Cloud(found.name, endpoint.rstrip("/"), found.audience, authority.rstrip("/"), given.text("CABundle"))


def _is_loopback(endpoint: str) -> bool:
    host = endpoint.removeprefix("http://").partition("/")[0].partition(":")[0]
    return endpoint.startswith("http://") and host in ("localhost", "127.0.0.1")


def _credential(auth: AuthFile, environ: Mapping[str, str]) -> Credential:
    client = environ.get("AZURE_CLIENT_ID") or auth.client
    identity = environ.get("VIRTUALNODE_USER_IDENTITY_CLIENTID") or auth.identity
    secret = environ.get("AZURE_CLIENT_SECRET") or auth.secret
    certificate = environ.get("AZURE_CLIENT_CERTIFICATE_PATH", "")
    token_file = environ.get("AZURE_FEDERATED_TOKEN_FILE", "")
    principal = bool(client and (secret or certificate or token_file))
    managed = not principal and bool(identity or client or auth.managed)
    return Credential(
        tenant=environ.get("AZURE_TENANT_ID") or auth.tenant,
        client=client if principal else identity or client,
        secret=secret if principal else "",
        certificate=certificate if principal else "",
        token_file=token_file if principal else "",
        managed=managed,
    )


def _subnet(given: _File, environ: Mapping[str, str], auth: AuthFile, subscription: str, group: str) -> str:
    name = environ.get("ACI_SUBNET_NAME") or given.text("SubnetName")
    cidr = environ.get("ACI_SUBNET_CIDR") or given.text("SubnetCIDR")
    if not name:
        if cidr:
            raise InvalidConfig(f"{given.source}: SubnetCIDR: goes with SubnetName; write that, too")
        return ""
    if cidr:
        try:
            ipaddress.ip_network(cidr)
        except ValueError as error:
            raise InvalidConfig(f"{given.source}: SubnetCIDR: {error}; write e.g. 10.241.0.0/16") from None
    vnet = environ.get("ACI_VNET_NAME") or given.text("VnetName") or auth.vnet
    if not vnet:
        raise InvalidConfig(f"{given.source}: VnetName: missing beside SubnetName; write it there or set ACI_VNET_NAME")
    owner = environ.get("ACI_VNET_SUBSCRIPTION_ID") or subscription
    place = environ.get("ACI_VNET_RESOURCE_GROUP") or given.text("VnetResourceGroup") or auth.vnet_group or group
    network = f"/subscriptions/{owner}/resourceGroups/{place}/providers/Microsoft.Network/virtualNetworks/{vnet}"
    return f"{network}/subnets/{name}"


def _address(value: str, source: str, field_: str) -> str:
    try:
        return value and str(ipaddress.ip_address(value))
    except ValueError:
        raise InvalidConfig(f"{source}: {field_}: {value!r} is not an IP address") from None


def _log_analytics(environ: Mapping[str, str]) -> LogAnalytics | None:
    workspace, key = environ.get("LOG_ANALYTICS_ID", ""), environ.get("LOG_ANALYTICS_KEY", "")
    if path := environ.get("LOG_ANALYTICS_AUTH_LOCATION"):
        workspace, key = authfiles.log_analytics(path)
    if bool(workspace) != bool(key):
        raise InvalidConfig("LOG_ANALYTICS_ID and LOG_ANALYTICS_KEY go together; set both or neither")
    return LogAnalytics(workspace, key, environ.get("CLUSTER_RESOURCE_ID", "")) if workspace else None


def _kube_proxy(given: _File) -> str:
    path = given.text("KubeProxyConfig")
    if not path:
        return ""
    try:
        return json.dumps(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidConfig(f"{given.source}: KubeProxyConfig: {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise InvalidConfig(f"{given.source}: KubeProxyConfig: {path}: not a kubeconfig") from None


def _limits(given: _File) -> Limits:
    value = given.get("Limits")
    if value is None:
        return Limits()
    if not isinstance(value, Mapping):
        raise given.wrong("Limits", value, "a table")
    chosen: dict[str, int] = {}
    for key, number in value.items():
        name = _LIMITS.get(key.lower())
        if name is None:
            raise InvalidConfig(
                f"{given.source}: Limits.{key}: unknown field; there are: "
                "ReadsPerHour, WritesPerHour, CreatesPerHour, DeletesPerHour, Burst"
            )
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise given.wrong(f"Limits.{key}", number, "a number of at least 1")
        chosen[name] = number
    return Limits(**chosen)
