"""The shape of what clients send: a container group, its update, a command to run; as the REST specification has it.

A member that is not here is refused, as the service does. What only the service fills in may be sent and is not read.
"""

import re
from typing import Any, TypeVar

import msgspec

from fakes.aci import errors

ReadOnly = Any
"""A member that the service fills in; what a client sends there is ignored."""

S = TypeVar("S")


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Members in camelCase; null is as good as absent."""


class EnvironmentVariable(Shape, frozen=True):
    """With a value that everybody may see, or a secret one."""

    name: str
    value: str | None = None
    secure_value: str | None = None


class Port(Shape, frozen=True):
    """Of a container, or of the group's address."""

    port: int
    protocol: str | None = None


class Gpu(Shape, frozen=True):
    """How many of which."""

    count: int
    sku: str


class Amounts(Shape, frozen=True):
    """CPUs, memory and GPUs."""

    cpu: float | None = None
    memory: float | None = msgspec.field(default=None, name="memoryInGB")
    gpu: Gpu | None = None


class Resources(Shape, frozen=True):
    """What a container is given, and what it may take at most."""

    requests: Amounts
    limits: Amounts | None = None


class VolumeMount(Shape, frozen=True):
    """Where a volume is found in a container."""

    name: str
    mount_path: str
    read_only: bool | None = None


class HttpHeader(Shape, frozen=True):
    """Of a probe."""

    name: str | None = None
    value: str | None = None


class HttpGet(Shape, frozen=True):
    """A probe by a request."""

    port: int
    path: str | None = None
    scheme: str | None = None
    http_headers: tuple[HttpHeader, ...] | None = None


class Exec(Shape, frozen=True):
    """A probe by a command."""

    command: tuple[str, ...] | None = None


class Probe(Shape, frozen=True):
    """How it is seen whether a container lives, or is ready."""

    exec_: Exec | None = msgspec.field(default=None, name="exec")
    http_get: HttpGet | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    failure_threshold: int | None = None
    success_threshold: int | None = None
    timeout_seconds: int | None = None


class Capabilities(Shape, frozen=True):
    """Of the kernel, given or taken."""

    add: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None


class SecurityContext(Shape, frozen=True):
    """What a container's process may do."""

    privileged: bool | None = None
    allow_privilege_escalation: bool | None = None
    capabilities: Capabilities | None = None
    run_as_group: int | None = None
    run_as_user: int | None = None
    seccomp_profile: str | None = None


class ContainerProperties(Shape, frozen=True):
    """What a container runs."""

    image: str | None = None
    command: tuple[str, ...] | None = None
    ports: tuple[Port, ...] | None = None
    environment_variables: tuple[EnvironmentVariable, ...] | None = None
    resources: Resources | None = None
    volume_mounts: tuple[VolumeMount, ...] | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    security_context: SecurityContext | None = None
    instance_view: ReadOnly = None


class Container(Shape, frozen=True):
    """A container."""

    name: str
    properties: ContainerProperties


class InitContainerProperties(Shape, frozen=True):
    """What is run before the containers: no ports, no resources, no probes."""

    image: str | None = None
    command: tuple[str, ...] | None = None
    environment_variables: tuple[EnvironmentVariable, ...] | None = None
    volume_mounts: tuple[VolumeMount, ...] | None = None
    security_context: SecurityContext | None = None
    instance_view: ReadOnly = None


class InitContainer(Shape, frozen=True):
    """A container that is to end before the others start."""

    name: str
    properties: InitContainerProperties


class RegistryCredential(Shape, frozen=True):
    """How to log in at a registry."""

    server: str
    username: str | None = None
    password: str | None = None
    identity: str | None = None
    identity_url: str | None = None


class IpAddress(Shape, frozen=True):
    """How the group is reached."""

    type: str
    ports: tuple[Port, ...] | None = None
    ip: str | None = None
    dns_name_label: str | None = None
    auto_generated_domain_name_label_scope: str | None = None
    fqdn: ReadOnly = None


class AzureFile(Shape, frozen=True):
    """A share of Azure Files."""

    share_name: str
    storage_account_name: str
    storage_account_key: str | None = None
    read_only: bool | None = None


class GitRepo(Shape, frozen=True):
    """A repository that is cloned."""

    repository: str
    directory: str | None = None
    revision: str | None = None


class Volume(Shape, frozen=True):
    """One of four kinds."""

    name: str
    azure_file: AzureFile | None = None
    empty_dir: dict[str, Any] | None = None
    secret: dict[str, str] | None = None
    git_repo: GitRepo | None = None


class SubnetId(Shape, frozen=True):
    """A subnet, by its resource ID."""

    id: str
    name: str | None = None


class DnsConfig(Shape, frozen=True):
    """Name servers instead of Azure's."""

    name_servers: tuple[str, ...]
    search_domains: str | None = None
    options: str | None = None


class LogAnalytics(Shape, frozen=True):
    """Where logs are sent to."""

    workspace_id: str
    workspace_key: str
    log_type: str | None = None
    metadata: dict[str, str] | None = None
    workspace_resource_id: str | None = None


class Diagnostics(Shape, frozen=True):
    """The log's receiver."""

    log_analytics: LogAnalytics | None = None


class Encryption(Shape, frozen=True):
    """A key of one's own."""

    vault_base_url: str
    key_name: str
    key_version: str
    identity: str | None = None


class ExtensionProperties(Shape, frozen=True):
    """Which extension, and its settings."""

    extension_type: str
    version: str
    settings: Any = None
    protected_settings: Any = None


class Extension(Shape, frozen=True):
    """Of a group."""

    name: str
    properties: ExtensionProperties


class ConfidentialCompute(Shape, frozen=True):
    """The policy of a confidential group."""

    cce_policy: str | None = None


class Properties(Shape, frozen=True):
    """Of a group."""

    containers: tuple[Container, ...] | None = None
    os_type: str | None = None
    init_containers: tuple[InitContainer, ...] | None = None
    image_registry_credentials: tuple[RegistryCredential, ...] | None = None
    restart_policy: str | None = None
    ip_address: IpAddress | None = None
    volumes: tuple[Volume, ...] | None = None
    diagnostics: Diagnostics | None = None
    subnet_ids: tuple[SubnetId, ...] | None = None
    dns_config: DnsConfig | None = None
    sku: str | None = None
    encryption_properties: Encryption | None = None
    extensions: tuple[Extension, ...] | None = None
    confidential_compute_properties: ConfidentialCompute | None = None
    priority: str | None = None
    provisioning_state: ReadOnly = None
    instance_view: ReadOnly = None
    provisioning_timeout_in_seconds: ReadOnly = None
    is_custom_provisioning_timeout: ReadOnly = None


class UserAssignedIdentity(Shape, frozen=True):
    """Filled in by the service."""

    principal_id: ReadOnly = None
    client_id: ReadOnly = None


class Identity(Shape, frozen=True):
    """Who the containers are for other services."""

    type: str | None = None
    user_assigned_identities: dict[str, UserAssignedIdentity] | None = None
    principal_id: ReadOnly = None
    tenant_id: ReadOnly = None


class ContainerGroup(Shape, frozen=True):
    """The resource."""

    properties: Properties
    location: str | None = None
    tags: dict[str, str] | None = None
    zones: tuple[str, ...] | None = None
    identity: Identity | None = None
    id: ReadOnly = None
    name: ReadOnly = None
    type: ReadOnly = None


class Update(Shape, frozen=True):
    """What PATCH may change."""

    tags: dict[str, str] | None = None
    zones: tuple[str, ...] | None = None
    location: ReadOnly = None
    id: ReadOnly = None
    name: ReadOnly = None
    type: ReadOnly = None


class TerminalSize(Shape, frozen=True):
    """Characters."""

    rows: int | None = None
    cols: int | None = None


class ExecRequest(Shape, frozen=True):
    """A command to run: one string."""

    command: str | None = None
    terminal_size: TerminalSize | None = None


AnyContainer = Container | InitContainer


def containers(group: ContainerGroup) -> list[AnyContainer]:
    """All containers of a group, init containers first."""
    return [*(group.properties.init_containers or ()), *(group.properties.containers or ())]


def decode(body: bytes, shape: type[S]) -> S:
    """A body of that shape.

    Raises:
        ArmError: it is not JSON, or of another shape; the message names the member.
    """
    try:
        return msgspec.json.decode(body or b"null", type=shape)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at ")
        raise errors.undeserializable(_in_their_words(detail), path.strip("`").removeprefix("$").lstrip(".")) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.undeserializable(str(error), "") from None


def _in_their_words(detail: str) -> str:
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", detail)
    return f"Could not find member '{unknown[1]}' on object" if unknown else detail
