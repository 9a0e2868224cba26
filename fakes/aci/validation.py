"""The rules that a container group must keep, beyond its shape. Pure; the first broken rule is told."""

import re
from collections.abc import Sequence

from fakes.aci import container_rules, defaults, shapes
from fakes.aci.errors import invalid
from fakes.aci.values import NAME, OS_TYPES, PRIORITIES, RESTART_POLICIES, SKUS, is_base64, same

_VOLUME = re.compile(r"[a-z0-9][-a-z0-9]{3,61}[a-z0-9]")
_LABEL = re.compile(r"[a-z0-9][-a-z0-9]{3,61}[a-z0-9]")
_TAG_MOST, _TAG_NAME, _TAG_VALUE = 50, 512, 256
"""Resource Manager's limits of tags."""

_SCOPES = ("Unsecure", "TenantReuse", "SubscriptionReuse", "ResourceGroupReuse", "Noreuse")
_LOG_TYPES = ("ContainerInsights", "ContainerInstanceLogs")
IDENTITIES = ("SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None")


def check(name: str, group: shapes.ContainerGroup) -> None:
    """Refuse a group of that name that breaks a rule.

    Raises:
        ArmError: the first broken rule.
    """
    group_name(name)
    tags(group.tags)
    properties = group.properties
    for member, given, known in (
        ("osType", properties.os_type or "", OS_TYPES),
        ("restartPolicy", properties.restart_policy, RESTART_POLICIES),
        ("sku", properties.sku, SKUS),
        ("priority", properties.priority, PRIORITIES),
    ):
        _member(name, member, given, known)
    _volumes(name, properties)
    container_rules.check(name, properties)
    _address(name, properties)
    _network(name, properties)
    _registries(name, properties)
    _identity(name, group.identity)
    _extras(name, properties)


def group_name(name: str) -> None:
    """Refuse a bad name of a group."""
    if not NAME.fullmatch(name) or "--" in name:
        raise invalid(
            "InvalidContainerGroupName",
            f"The container group name '{name}' is invalid. It must be 1 to 63 characters of lowercase letters, "
            "numbers and hyphens, without consecutive ones, and cannot start or end with a hyphen.",
        )


def tags(given: dict[str, str] | None) -> None:
    """Refuse tags beyond Resource Manager's limits."""
    if len(given or {}) > _TAG_MOST:
        raise invalid("InvalidTags", f"The number of tags '{len(given or {})}' exceeds the maximum of '{_TAG_MOST}'.")
    for name, value in (given or {}).items():
        if not name or len(name) > _TAG_NAME or any(sign in name for sign in "<>%&\\?/"):
            raise invalid("InvalidTagNameCharacters", f"The tag name '{name}' is too long or has reserved characters.")
        if len(value) > _TAG_VALUE:
            raise invalid("TagValueTooLong", f"The value of tag '{name}' exceeds {_TAG_VALUE} characters.")


def immutable(properties: shapes.Properties) -> tuple[object, ...]:
    """What cannot be changed once a group is there."""
    subnets = tuple(each.id.lower() for each in properties.subnet_ids or ())
    resources = tuple((each.name, each.properties.resources) for each in properties.containers or ())
    policy = same(properties.restart_policy, RESTART_POLICIES) or "Always"
    return same(properties.os_type, OS_TYPES), policy, subnets, resources


def _member(name: str, member: str, given: str | None, known: Sequence[str]) -> None:
    if given is None or same(given, known) is not None:
        return
    last = member.rpartition(".")[2]
    raise invalid(
        f"Invalid{last[0].upper()}{last[1:]}",
        f"The '{member}' for container group '{name}' is invalid. The value must be one of '{','.join(known)}'.",
    )


# --- volumes ----------------------------------------------------------------------------------------------------------


def _volumes(name: str, properties: shapes.Properties) -> None:
    volumes = properties.volumes or ()
    if len(volumes) > defaults.MAX_VOLUMES:
        raise invalid(
            "VolumeCountLimitExceeded",
            f"The number of volumes in container group '{name}' exceeds the maximum of '{defaults.MAX_VOLUMES}'.",
        )
    seen: set[str] = set()
    for each in volumes:
        if not _VOLUME.fullmatch(each.name):
            raise invalid(
                "InvalidVolumeName",
                f"The volume name '{each.name}' in container group '{name}' is invalid. It must be 5 to 63 characters "
                "of lowercase letters, numbers and hyphens, and cannot start or end with a hyphen.",
            )
        if each.name in seen:
            raise invalid("DuplicateVolumeName", f"The volume name '{each.name}' in '{name}' is not unique.")
        seen.add(each.name)
        _volume(name, each)


def _volume(name: str, volume: shapes.Volume) -> None:
    sources = (volume.azure_file, volume.empty_dir, volume.secret, volume.git_repo)
    if sum(each is not None for each in sources) != 1:
        raise invalid(
            "InvalidVolume",
            f"The volume '{volume.name}' in container group '{name}' must have exactly one of 'azureFile', "
            "'emptyDir', 'secret' and 'gitRepo'.",
        )
    for key, value in (volume.secret or {}).items():
        if not is_base64(value):
            raise invalid(
                "InvalidSecretVolumeValue",
                f"The value of '{key}' in the secret volume '{volume.name}' of '{name}' is not base64.",
            )
    if volume.azure_file is not None and not volume.azure_file.storage_account_key:
        raise invalid(
            "MissingStorageAccountKey",
            f"The storage account key of volume '{volume.name}' in container group '{name}' cannot be empty.",
        )
    if volume.git_repo is not None and ".." in (volume.git_repo.directory or ""):
        raise invalid("InvalidGitRepoDirectory", f"The directory of volume '{volume.name}' cannot contain '..'.")


# --- network ----------------------------------------------------------------------------------------------------------


def _address(name: str, properties: shapes.Properties) -> None:
    address = properties.ip_address
    if address is None:
        return
    _member(name, "ipAddress.type", address.type, ("Public", "Private"))
    is_private = same(address.type, ("Private",)) is not None
    if is_private and not properties.subnet_ids:
        raise invalid(
            "PrivateIPAddressNotSupported",
            f"IP Address type in container group '{name}' is invalid. Private IP address is only supported when "
            "network profile is defined.",
        )
    if not is_private and properties.subnet_ids:
        raise invalid(
            "PublicIPAddressNotSupported",
            f"IP Address type in container group '{name}' is invalid. IP Address type can't be public when network "
            "profile is set.",
        )
    _member(name, "autoGeneratedDomainNameLabelScope", address.auto_generated_domain_name_label_scope, _SCOPES)
    if address.dns_name_label is not None and (is_private or not _LABEL.fullmatch(address.dns_name_label)):
        raise invalid(
            "InvalidDnsNameLabel",
            f"The DNS name label '{address.dns_name_label}' of container group '{name}' is invalid.",
        )
    _address_ports(name, address.ports or (), properties)


def _address_ports(name: str, ports: Sequence[shapes.Port], properties: shapes.Properties) -> None:
    if not ports:
        raise invalid(
            "MissingIpAddressPorts", f"The ports in the 'ipAddress' of container group '{name}' cannot be empty."
        )
    if len(ports) > defaults.MAX_PORTS:
        raise invalid(
            "IpAddressPortCountLimitExceeded",
            f"The number of ports in the 'ipAddress' of container group '{name}' exceeds the maximum of "
            f"'{defaults.MAX_PORTS}'.",
        )
    given = [container_rules.port(name, each) for each in ports]
    exposed = {
        container_rules.port(name, each)
        for container in properties.containers or ()
        for each in container.properties.ports or ()
    }
    for each in given:
        if each not in exposed:
            raise invalid(
                "InvalidIpAddressPorts",
                f"The port '{each[0]}' in the 'ipAddress' of container group '{name}' is exposed by no container.",
            )
    if len(set(given)) < len(given):
        raise invalid("DuplicateIpAddressPorts", f"The ports in the 'ipAddress' of '{name}' are not unique.")


def _network(name: str, properties: shapes.Properties) -> None:
    if len(properties.subnet_ids or ()) > 1:
        raise invalid("SubnetIdsLimitExceeded", f"Container group '{name}' can be in one subnet only.")
    if properties.dns_config is None:
        return
    if not properties.subnet_ids:
        raise invalid("DnsConfigNotSupported", f"'dnsConfig' of container group '{name}' needs a subnet.")
    if not 1 <= len(properties.dns_config.name_servers) <= 3:
        raise invalid("InvalidDnsConfig", f"Container group '{name}' must have one to three name servers.")


# --- the rest ---------------------------------------------------------------------------------------------------------


def _registries(name: str, properties: shapes.Properties) -> None:
    servers: set[str] = set()
    for each in properties.image_registry_credentials or ():
        server = each.server.lower()
        if not server or "/" in server:
            raise invalid(
                "InvalidImageRegistryServer",
                f"The image registry server '{each.server}' of container group '{name}' is invalid. It must be without "
                "a protocol such as 'https://'.",
            )
        if server in servers:
            raise invalid(
                "DuplicateImageRegistryServer", f"There is more than one login at '{each.server}' in '{name}'."
            )
        servers.add(server)
        if each.identity is None and not (each.username and each.password):
            raise invalid(
                "InvalidImageRegistryCredentialType",
                f"The image registry credential for '{each.server}' of container group '{name}' must have a username "
                "and a password, or an identity.",
            )


def _identity(name: str, identity: shapes.Identity | None) -> None:
    if identity is None:
        return
    _member(name, "identity.type", identity.type, IDENTITIES)
    if "UserAssigned" in (same(identity.type, IDENTITIES) or "") and not identity.user_assigned_identities:
        raise invalid("LinkedInvalidPropertyId", f"The identity of container group '{name}' names no identities.")
    for each in identity.user_assigned_identities or {}:
        if "/providers/microsoft.managedidentity/userassignedidentities/" not in each.lower():
            raise invalid("LinkedInvalidPropertyId", f"Property id '{each}' at path 'identity' is invalid.")


def _extras(name: str, properties: shapes.Properties) -> None:
    analytics = properties.diagnostics.log_analytics if properties.diagnostics is not None else None
    if analytics is not None:
        _member(name, "logType", analytics.log_type, _LOG_TYPES)
        if not is_base64(analytics.workspace_key):
            raise invalid("InvalidLogAnalyticsWorkspaceKey", f"The workspace key of '{name}' is not base64.")
    if properties.confidential_compute_properties is not None and same(properties.sku, SKUS) != "Confidential":
        raise invalid(
            "ConfidentialComputePropertiesNotSupported",
            f"The confidential compute properties of container group '{name}' need the sku 'Confidential'.",
        )
    if same(properties.priority, PRIORITIES) == "Spot" and (properties.ip_address or properties.subnet_ids):
        raise invalid(
            "SpotNetworkNotSupported",
            f"Container group '{name}' has the priority 'Spot'; that can have neither an IP address nor a subnet.",
        )
