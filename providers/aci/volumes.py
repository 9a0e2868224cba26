"""A pod's volumes and mounts as ACI has them. Pure.

ACI mounts whole volumes, onto directories. A volume whose files come from the cluster is a ``secret`` volume there, a
flat set of files; each further directory of it becomes a volume of its own, mounted where the directory would be. What
cannot be had so is refused with the reason: a single file mounted into a directory of the image would hide the rest.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.aci import names
from providers.data import PodData
from providers.errors import Invalid
from providers.types import Container, Pod

MOST = 20
"""Volumes in a container group."""

CSI_AZURE_FILE = "file.csi.azure.com"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

_FROM_CLUSTER = ("configMap", "secret", "downwardAPI", "projected")

SecretKey = tuple[str, str]
"""The namespace and name of a Secret."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The account of an Azure Files share.

    Attributes:
        account: its name.
        key: its key.
    """

    account: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mounts:
    """The volumes of a group, and each container's mounts of them."""

    volumes: list[dict[str, Any]]
    of_container: Mapping[str, list[dict[str, Any]]]


def storage_secrets(pod: Pod) -> list[SecretKey]:
    """The Secrets that hold the keys of the pod's Azure Files shares."""
    wanted = [_share(pod, volume)[1] for volume in _volumes(pod).values() if _is_share(volume)]
    return list(dict.fromkeys(wanted))


def mapped(pod: Pod, data: PodData, storage: Mapping[SecretKey, Storage], *, windows: bool) -> Mounts:
    """The volumes and mounts of a pod's group.

    Raises:
        Invalid: ACI has no such thing.
    """
    volumes = _volumes(pod)
    spec = pod.get("spec", {})
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    wanted = {each["name"]: _wanted(each, windows=windows) for each in containers}
    used = {mount["name"] for mounts in wanted.values() for mount in mounts}
    made = _Made({name: volume for name, volume in volumes.items() if name in used}, pod, data, storage)
    mounts = {container: _mounts(container, each, volumes, made) for container, each in wanted.items()}
    if len(made.volumes) > MOST:
        raise Invalid(f"the pod comes to {len(made.volumes)} volumes; ACI takes at most {MOST} in a container group")
    return Mounts(made.volumes, mounts)


class _Made:
    """The group's volumes, as they are made of the pod's."""

    def __init__(
        self,
        used: Mapping[str, dict[str, Any]],
        pod: Pod,
        data: PodData,
        storage: Mapping[SecretKey, Storage],
    ) -> None:
        self.volumes: list[dict[str, Any]] = []
        self.directories: dict[str, dict[str, str]] = {}
        """Volume -> directory in it (``""`` is its root) -> the group's volume that holds that directory."""
        renamed = names.volumes(used)
        taken = set(renamed.values())
        for name, volume in used.items():
            if any(kind in volume for kind in _FROM_CLUSTER):
                self._files(name, renamed[name], data, taken)
            else:
                self._add(name, "", renamed[name], _source(pod, volume, storage))

    def _files(self, name: str, renamed: str, data: PodData, taken: set[str]) -> None:
        directories: dict[str, dict[str, str]] = {}
        for file in data.files.get(name, ()):
            directory, _, base = file.path.rpartition("/")
            directories.setdefault(directory, {})[base] = base64.b64encode(file.data).decode()
        if not directories:
            self._add(name, "", renamed, {"emptyDir": {}})
        for directory, files in sorted(directories.items()):
            own = renamed
            if directory:
                own = names.free(f"{renamed}-{len(self.directories.get(name, {})) + 1}", taken)
                taken.add(own)
            self._add(name, directory, own, {"secret": files})

    def _add(self, name: str, directory: str, own: str, source: Mapping[str, Any]) -> None:
        self.volumes.append({"name": own, **source})
        self.directories.setdefault(name, {})[directory] = own


def _wanted(container: Container, *, windows: bool) -> list[dict[str, Any]]:
    mounts = container.get("volumeMounts") or []
    if windows:  # ACI mounts nothing there on Windows, as Virtual Kubelet knows
        return [each for each in mounts if each["mountPath"].rstrip("/") != SERVICE_ACCOUNT]
    return mounts


def _mounts(
    container: str, wanted: list[dict[str, Any]], volumes: Mapping[str, dict[str, Any]], made: _Made
) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    for mount in wanted:
        name, path = mount["name"], mount["mountPath"].rstrip("/") or "/"
        if name not in volumes:
            raise Invalid(f"container {container} mounts volume {name}, which the pod does not have")
        if ":" in path:
            raise Invalid(f"container {container}: mountPath {path}: ACI takes no colon in it")
        if mount.get("subPathExpr"):
            raise Invalid(f"container {container}: subPathExpr of volume {name}: ACI mounts whole volumes only")
        directories = _below(container, mount, made.directories[name])
        read_only = bool(mount.get("readOnly")) or _is_read_only(volumes[name])
        for directory, own in directories.items():
            where = f"{path.rstrip('/')}/{directory}" if directory else path
            result.append({"name": own, "mountPath": where, **({"readOnly": True} if read_only else {})})
    return result


def _below(container: str, mount: Mapping[str, Any], directories: Mapping[str, str]) -> dict[str, str]:
    """The directories that a mount shows, seen from its ``subPath``."""
    sub = (mount.get("subPath") or "").strip("/")
    if not sub:
        return dict(directories)
    found = {
        directory[len(sub) :].lstrip("/"): own
        for directory, own in directories.items()
        if directory == sub or directory.startswith(f"{sub}/")
    }
    if not found:
        raise Invalid(
            f"container {container}: subPath {sub} of volume {mount['name']}: ACI mounts whole directories of files "
            "that come from ConfigMaps and Secrets, nothing smaller; mount the volume on a directory of its own"
        )
    return found


def _source(pod: Pod, volume: Mapping[str, Any], storage: Mapping[SecretKey, Storage]) -> dict[str, Any]:
    if "emptyDir" in volume:
        return {"emptyDir": {}}
    if _is_share(volume):
        share, secret, read_only = _share(pod, volume)
        account = storage[secret]
        source = {"shareName": share, "storageAccountName": account.account, "storageAccountKey": account.key}
        return {"azureFile": {**source, **({"readOnly": True} if read_only else {})}}
    if "gitRepo" in volume:
        given = volume["gitRepo"]
        return {"gitRepo": {name: given[name] for name in ("repository", "directory", "revision") if given.get(name)}}
    kind = next((key for key in volume if key != "name"), "unknown")
    if kind == "csi":
        kind = f"csi with driver {volume['csi'].get('driver')}"
    raise Invalid(
        f"volume {volume['name']} is of type {kind}, which ACI does not have; it has azureFile, csi with driver "
        f"{CSI_AZURE_FILE}, configMap, downwardAPI, emptyDir, gitRepo, projected and secret"
    )


def _is_share(volume: Mapping[str, Any]) -> bool:
    return "azureFile" in volume or (volume.get("csi") or {}).get("driver") == CSI_AZURE_FILE


def _is_read_only(volume: Mapping[str, Any]) -> bool:
    return _is_share(volume) and bool((volume.get("azureFile") or volume["csi"]).get("readOnly"))


def _share(pod: Pod, volume: Mapping[str, Any]) -> tuple[str, SecretKey, bool]:
    """The share, the Secret with its account's key, and whether it is to be mounted for reading only."""
    namespace = pod["metadata"].get("namespace", "default")
    given: Mapping[str, Any] = volume.get("azureFile") or {}
    if "csi" in volume:
        attributes = {key.lower(): value for key, value in (volume["csi"].get("volumeAttributes") or {}).items()}
        reference = volume["csi"].get("nodePublishSecretRef") or {}
        given = {
            "shareName": attributes.get("sharename"),
            "secretName": attributes.get("secretname") or reference.get("name"),
            "secretNamespace": attributes.get("secretnamespace"),
        }
    for name in ("shareName", "secretName"):
        if not given.get(name):
            raise Invalid(f"volume {volume['name']}: {name} is missing; ACI needs it to mount an Azure Files share")
    if (given.get("secretNamespace") or namespace) != namespace:
        raise Invalid(f"volume {volume['name']}: secretNamespace: a pod may name Secrets of its own namespace only")
    read_only = bool((volume.get("azureFile") or volume.get("csi") or {}).get("readOnly"))
    return given["shareName"], (namespace, given["secretName"]), read_only


def _volumes(pod: Pod) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in pod.get("spec", {}).get("volumes") or []}


def storage_of(key: SecretKey, secret: Mapping[str, Any]) -> Storage:
    """The account that a Secret names.

    Raises:
        Invalid: it does not.
    """
    data = secret.get("data") or {}
    values = []
    for name in ("azurestorageaccountname", "azurestorageaccountkey"):
        try:
            values.append(base64.b64decode(data[name], validate=True).decode().strip())
        except (KeyError, ValueError):
            raise Invalid(f"secret {key[0]}/{key[1]}: {name} is missing or unreadable; Azure Files needs it") from None
    return Storage(*values)
