"""A pod's volumes as ECI's, and the refusals. Pure: what is in the files comes beside the pod."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from providers.data import File, PodData
from providers.errors import Invalid

LARGEST_CONFIG = 60 * 1024
"""Bytes of files in one volume. They travel in the request's URL, and the service takes about so much."""

DEFAULT_MODE = 0o644
_FLEX_DRIVERS = ("alicloud/disk", "alicloud/nas", "alicloud/oss")
_CSI_DISK, _CSI_NAS, _CSI_OSS = (f"{name}plugin.csi.alibabacloud.com" for name in ("disk", "nas", "oss"))
_NOT_MAPPED = {
    "persistentVolumeClaim": "a claim's volume cannot be looked up from here; name the disk or file system in the pod "
    "(nfs, flexVolume with a driver alicloud/..., or csi)",
    "hostPath": "there is no host to share files with",
    "ephemeral": "a claim's volume cannot be looked up from here",
}


def volumes(spec: Mapping[str, Any], data: PodData) -> list[dict[str, Any]]:
    """The group's volumes.

    Raises:
        Invalid: ECI cannot mount one of them; the message says which and why.
    """
    return [_volume(each, data) for each in spec.get("volumes") or []]


def _volume(volume: Mapping[str, Any], data: PodData) -> dict[str, Any]:
    name = volume["name"]
    kinds = [key for key in volume if key != "name"] or ["emptyDir"]
    kind, source = kinds[0], volume.get(kinds[0]) or {}
    if name in data.files:
        return {"Name": name, **_files(name, data.files[name])}
    makers = {"emptyDir": _empty_dir, "nfs": _nfs, "flexVolume": _flex, "csi": _csi}
    if kind not in makers:
        why = _NOT_MAPPED.get(kind, "ECI knows no such kind")
        raise Invalid(f"volume {name}: {kind}: {why}")
    return {"Name": name, **makers[kind](name, source)}


def _files(name: str, files: Sequence[File]) -> dict[str, Any]:
    """What the cluster gives. Without a file in it, a volume is an empty folder: ECI's has one file at least."""
    size = sum(len(file.data) for file in files)
    if size > LARGEST_CONFIG:
        raise Invalid(
            f"volume {name}: {size} bytes of files; ECI takes at most {LARGEST_CONFIG} in a volume: "
            "split it, or put the files on NAS or OSS"
        )
    if not files:
        return {"Type": "EmptyDirVolume"}
    paths = [{"Path": file.path, "Content": base64.b64encode(file.data).decode(), "Mode": file.mode} for file in files]
    return {"Type": "ConfigFileVolume", "ConfigFileVolume": {"DefaultMode": DEFAULT_MODE, "ConfigFileToPath": paths}}


def _empty_dir(_: str, source: Mapping[str, Any]) -> dict[str, Any]:
    options = {
        key: value for key, value in (("Medium", source.get("medium")), ("SizeLimit", source.get("sizeLimit"))) if value
    }
    return {"Type": "EmptyDirVolume", **({"EmptyDirVolume": options} if options else {})}


def _nfs(_: str, source: Mapping[str, Any]) -> dict[str, Any]:
    options = {"Server": source["server"], "Path": source["path"], "ReadOnly": bool(source.get("readOnly", False))}
    return {"Type": "NFSVolume", "NFSVolume": options}


def _flex(name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    if source.get("driver") not in _FLEX_DRIVERS:
        raise Invalid(f"volume {name}: driver {source.get('driver')!r}: ECI has {', '.join(_FLEX_DRIVERS)}")
    if source.get("secretRef"):
        raise Invalid(f"volume {name}: secretRef: ECI's drivers take no secret; use a RAM role")
    return _flex_volume(source["driver"], source.get("fsType", ""), source.get("options") or {})


def _csi(name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """Alibaba's own drivers, named in the pod itself."""
    driver, attributes = source.get("driver"), dict(source.get("volumeAttributes") or {})
    if driver == _CSI_DISK:
        disk = attributes.get("diskId") or attributes.get("volumeId")
        if not disk:
            raise Invalid(f"volume {name}: {driver}: volumeAttributes.diskId is missing")
        fs_type = {"FsType": source["fsType"]} if source.get("fsType") else {}
        return {"Type": "DiskVolume", "DiskVolume": {"DiskId": disk, **fs_type}}
    if driver == _CSI_NAS:
        missing = [key for key in ("server", "path") if not attributes.get(key)]
        if missing:
            raise Invalid(f"volume {name}: {driver}: volumeAttributes.{missing[0]} is missing")
        return _nfs(name, {**attributes, "readOnly": source.get("readOnly")})
    if driver == _CSI_OSS:
        return _flex_volume("alicloud/oss", "", attributes)
    raise Invalid(f"volume {name}: csi driver {driver!r}: ECI has {_CSI_DISK}, {_CSI_NAS} and {_CSI_OSS}")


def _flex_volume(driver: str, fs_type: str, options: Mapping[str, str]) -> dict[str, Any]:
    flex = {"Driver": driver, "Options": json.dumps(options, sort_keys=True)}
    return {"Type": "FlexVolume", "FlexVolume": {**flex, **({"FsType": fs_type} if fs_type else {})}}
