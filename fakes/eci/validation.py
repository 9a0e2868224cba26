"""What the API checks of a group's parameters before anything else, by its reference page."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from fakes.eci import errors
from fakes.eci.catalog import DEFAULT_CPU, DEFAULT_MEMORY, MOST_CPU, TYPES, Size, size
from fakes.eci.errors import EciError
from fakes.eci.parameters import amount, number, objects, switch, text, texts

MOST_CONTAINERS, MOST_VOLUMES, MOST_TAGS, MOST_VSWITCHES = 20, 20, 20, 10
LONGEST_TOKEN = 64
LARGEST_CONFIG = 60 * 1024
"""Bytes of a volume's files."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,126}[a-z0-9]")
_CONTAINER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,251}[a-z0-9])?")
_VOLUMES = {
    "EmptyDirVolume": (),
    "NFSVolume": ("Server", "Path"),
    "ConfigFileVolume": ("ConfigFileToPath",),
    "FlexVolume": ("Driver",),
    "DiskVolume": (),
}
"""Type -> what must be said of it. HostPathVolume is for accounts on a list, and this is not one."""
_DRIVERS = ("alicloud/disk", "alicloud/nas", "alicloud/oss")
_CHOICES = {
    "RestartPolicy": ("Always", "OnFailure", "Never"),
    "SpotStrategy": ("NoSpot", "SpotAsPriceGo", "SpotWithPriceLimit"),
    "ScheduleStrategy": ("VSwitchOrdered", "VSwitchRandom"),
    "DnsPolicy": ("None", "Default"),
    "CpuArchitecture": ("AMD64", "ARM64"),
    "OsType": ("Linux", "Windows"),
}


def check_group(parameters: Mapping[str, Any]) -> None:
    """Check the parameters of a create.

    Raises:
        EciError: naming the parameter.
    """
    name = text(parameters, "ContainerGroupName")
    if not _NAME.fullmatch(name):
        raise errors.invalid("ContainerGroupName", f"{name!r} is not 2 to 128 lower-case letters, digits and hyphens")
    for key, choices in _CHOICES.items():
        if parameters.get(key) and parameters[key] not in choices:
            raise errors.invalid(key, f"{parameters[key]!r} is none of {', '.join(choices)}")
    if not objects(parameters, "Container", most=MOST_CONTAINERS):
        raise errors.missing("Container.1.Name")
    check_containers(parameters)
    check_volumes(parameters)
    check_tags(parameters)
    vswitches = vswitches_of(parameters)
    if len(vswitches) > MOST_VSWITCHES:
        raise errors.exceeded("VSwitchId", MOST_VSWITCHES)
    if (parameters.get("SpotStrategy") == "SpotWithPriceLimit") and amount(parameters, "SpotPriceLimit") is None:
        raise errors.missing("SpotPriceLimit")
    token = parameters.get("ClientToken") or ""
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise errors.invalid("ClientToken", f"it has more than {LONGEST_TOKEN} characters, or others than ASCII's")
    for key in ("TerminationGracePeriodSeconds", "ActiveDeadlineSeconds", "EipBandwidth", "EphemeralStorage"):
        number(parameters, key, 0)
    for key in ("AutoCreateEip", "AutoMatchImageCache", "ShareProcessNamespace", "DryRun"):
        switch(parameters, key)


def check_containers(parameters: Mapping[str, Any]) -> None:
    """Check containers and init containers, and that they mount what is there."""
    volumes = {each.get("Name") for each in objects(parameters, "Volume", most=MOST_VOLUMES)}
    every = objects(parameters, "Container", most=MOST_CONTAINERS) + objects(
        parameters, "InitContainer", most=MOST_CONTAINERS
    )
    seen = set()
    for each in every:
        name = text(each, "Name")
        text(each, "Image")
        if not _CONTAINER_NAME.fullmatch(name):
            raise errors.invalid("Container.Name", f"{name!r} is no name")
        if name in seen:
            raise errors.invalid("Container.Name", f"{name!r} comes twice")
        seen.add(name)
        amount(each, "Cpu")
        amount(each, "Memory")
        number(each, "Gpu", 0)
        texts(each, "Command")
        texts(each, "Arg")
        for mount in objects(each, "VolumeMount", most=100):
            text(mount, "MountPath")
            if mount.get("Name") not in volumes:
                raise errors.invalid("VolumeMount.Name", f"there is no volume {mount.get('Name')!r}")
        for variable in objects(each, "EnvironmentVar", most=1000):
            text(variable, "Key")
        for probe in ("LivenessProbe", "ReadinessProbe"):
            _check_probe(each, probe)


def _check_probe(container: Mapping[str, Any], name: str) -> None:
    probe = container.get(name)
    if probe is None:
        return
    kinds = [kind for kind in ("Exec", "HttpGet", "TcpSocket") if kind in probe]
    if len(kinds) != 1:
        raise errors.invalid(name, "it needs one of Exec, HttpGet and TcpSocket")


def check_volumes(parameters: Mapping[str, Any]) -> None:
    """Check the volumes."""
    for volume in objects(parameters, "Volume", most=MOST_VOLUMES):
        name, kind = text(volume, "Name"), text(volume, "Type")
        if kind not in _VOLUMES:
            raise errors.invalid("Volume.Type", f"{kind!r} is none of {', '.join(_VOLUMES)}")
        source = volume.get(kind) or {}
        for key in _VOLUMES[kind]:
            if not source.get(key):
                raise errors.missing(f"Volume.{name}.{kind}.{key}")
        if kind == "FlexVolume":
            _check_flex(source)
        if kind == "ConfigFileVolume":
            _check_files(source)


def _check_flex(source: Mapping[str, Any]) -> None:
    if source["Driver"] not in _DRIVERS:
        raise errors.invalid("Volume.FlexVolume.Driver", f"{source['Driver']!r} is none of {', '.join(_DRIVERS)}")
    try:
        json.loads(source.get("Options") or "{}")
    except ValueError:
        raise errors.invalid("Volume.FlexVolume.Options", "it is no JSON") from None


def _check_files(source: Mapping[str, Any]) -> None:
    total = 0
    for file in objects(source, "ConfigFileToPath", most=1000):
        text(file, "Path")
        number(file, "Mode", 0, most=0o777)
        try:
            total += len(base64.b64decode(file.get("Content") or "", validate=True))
        except binascii.Error:
            raise errors.invalid("Volume.ConfigFileVolume.Content", f"{file['Path']}: it is no base64") from None
    if total > LARGEST_CONFIG:
        raise errors.exceeded("Volume.ConfigFileVolume.Content", LARGEST_CONFIG)


def check_tags(parameters: Mapping[str, Any]) -> None:
    """Check the tags."""
    seen = set()
    for tag in objects(parameters, "Tag", most=MOST_TAGS):
        key, value = text(tag, "Key"), tag.get("Value") or ""
        if len(key) > 64 or key.startswith(("acs:", "aliyun")) or key in seen:
            raise errors.invalid("Tag.Key", f"{key!r}")
        if len(value) > 128 or value.startswith("acs:"):
            raise errors.invalid("Tag.Value", f"{value!r}")
        seen.add(key)


def vswitches_of(parameters: Mapping[str, Any]) -> list[str]:
    """The vSwitches that a group may go to, in order."""
    return [each.strip() for each in (parameters.get("VSwitchId") or "").split(",") if each.strip()]


def size_of(parameters: Mapping[str, Any]) -> Size:
    """What the group gets: an instance type, or what it or its containers ask for, rounded up to what is offered."""
    types = [each.strip() for each in (parameters.get("InstanceType") or "").split(",") if each.strip()]
    if types:
        unknown = [each for each in types if each not in TYPES]
        if unknown:
            raise EciError(400, "InvalidParameter.InstanceType", f"The instance type {unknown[0]} is not supported.")
        return TYPES[types[0]]
    containers = parameters["Container"]
    cpu = amount(parameters, "Cpu") or sum(amount(each, "Cpu") or 0 for each in containers)
    memory = amount(parameters, "Memory") or sum(amount(each, "Memory") or 0 for each in containers)
    initial = parameters.get("InitContainer") or []
    cpu = max([cpu, *(amount(each, "Cpu") or 0 for each in initial)])
    memory = max([memory, *(amount(each, "Memory") or 0 for each in initial)])
    gpu = sum(number(each, "Gpu", 0) for each in containers)
    if gpu:
        raise errors.invalid("Container.Gpu", "GPUs need an instance type that has them")
    if cpu > MOST_CPU:
        raise errors.exceeded("Cpu", int(MOST_CPU))
    return size(cpu or DEFAULT_CPU, memory or DEFAULT_MEMORY) if cpu or memory else Size(DEFAULT_CPU, DEFAULT_MEMORY)
