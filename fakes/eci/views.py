"""A group as the API shows it. Write-only things are not shown: passwords never, hidden environments without values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fakes.eci.groups import EXPIRED, FAILED, RUNNING, SUCCEEDED, Event, Group
from fakes.eci.lives import Ended, Moment
from fakes.eci.parameters import switch


def stamp(moment: datetime) -> str:
    """A time as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def group(of: Group, region: str, now: datetime, *, with_events: bool) -> dict[str, Any]:
    """A row of DescribeContainerGroups."""
    seen, parameters = of.look(now), of.parameters
    size = of.place.size
    view: dict[str, Any] = {
        "ContainerGroupId": of.id,
        "ContainerGroupName": parameters["ContainerGroupName"],
        "Status": seen.status,
        "RegionId": region,
        "ZoneId": of.place.zone,
        "VSwitchId": of.place.vswitch,
        "VpcId": "vpc-fake",
        "SecurityGroupId": parameters.get("SecurityGroupId", "sg-default"),
        "EniInstanceId": f"eni-{of.id.removeprefix('eci-')}",
        "IntranetIp": of.place.address if of.placed(now) else "",
        "InternetIp": of.place.internet if of.placed(now) else "",
        "Cpu": size.cpu,
        "Memory": size.memory,
        "CreationTime": stamp(of.created),
        "RestartPolicy": parameters.get("RestartPolicy", "Always"),
        "InstanceType": (parameters.get("InstanceType") or "").split(",")[0],
        "SpotStrategy": parameters.get("SpotStrategy", "NoSpot"),
        "RamRoleName": parameters.get("RamRoleName", ""),
        "ResourceGroupId": parameters.get("ResourceGroupId", "rg-default"),
        "Tags": parameters.get("Tag") or [],
        "Events": [_event(each) for each in of.events(now)] if with_events else [],
        "Containers": [
            _container(each, moment, init=False) for each, moment in zip(of.containers, seen.containers, strict=True)
        ],
        "InitContainers": [
            _container(each, moment, init=True)
            for each, moment in zip(of.init_containers, seen.init_containers, strict=False)
        ],
        "Volumes": [_volume(each) for each in parameters.get("Volume") or []],
    }
    if seen.finished is not None and (key := _FINISHED.get(seen.status)):
        view[key] = stamp(seen.finished)
    if parameters.get("Ipv6AddressCount") == "1" and of.placed(now):
        view["Ipv6Address"] = f"fd00::{of.place.address.replace('.', ':')}"
    return view


_FINISHED = {SUCCEEDED: "SucceededTime", FAILED: "FailedTime", EXPIRED: "ExpiredTime"}


def status(of: Group, now: datetime) -> dict[str, Any]:
    """A row of DescribeContainerGroupStatus."""
    seen = of.look(now)
    phase = {"Scheduling": "Pending", "Pending": "Pending", SUCCEEDED: SUCCEEDED, FAILED: FAILED}.get(
        seen.status, RUNNING
    )
    return {
        "ContainerGroupId": of.id,
        "Name": of.parameters["ContainerGroupName"],
        "Namespace": "",
        "Status": seen.status,
        "PodStatus": {
            "Phase": phase,
            "PodIp": of.place.address if of.placed(now) else "",
            "StartTime": stamp(of.created),
            "ContainerStatuses": [
                {
                    "Name": each["Name"],
                    "Image": each["Image"],
                    "Ready": moment.ready,
                    "RestartCount": moment.restarts,
                    "Started": moment.started is not None,
                }
                for each, moment in zip(of.containers, seen.containers, strict=True)
            ],
        },
    }


def _event(each: Event) -> dict[str, Any]:
    return {
        "Count": 1,
        "Type": each.kind,
        "Name": f"{each.reason}.{int(each.at.timestamp()):x}",
        "Reason": each.reason,
        "Message": each.message,
        "FirstTimestamp": stamp(each.at),
        "LastTimestamp": stamp(each.at),
    }


def _container(each: Mapping[str, Any], moment: Moment, *, init: bool) -> dict[str, Any]:
    hidden = switch(each, "EnvironmentVarHide")
    view: dict[str, Any] = {
        "Name": each["Name"],
        "Image": each["Image"],
        "Cpu": float(each.get("Cpu") or 0),
        "Memory": float(each.get("Memory") or 0),
        "Gpu": int(each.get("Gpu") or 0),
        "ImagePullPolicy": each.get("ImagePullPolicy", "IfNotPresent"),
        "WorkingDir": each.get("WorkingDir", ""),
        "Command" if init else "Commands": each.get("Command") or [],
        "Args": each.get("Arg") or [],
        "Ports": [
            {"Port": int(port["Port"]), "Protocol": port.get("Protocol", "TCP")} for port in each.get("Port") or []
        ],
        "EnvironmentVars": [_variable(variable, hidden=hidden) for variable in each.get("EnvironmentVar") or []],
        "VolumeMounts": [{**mount, "ReadOnly": switch(mount, "ReadOnly")} for mount in each.get("VolumeMount") or []],
        "Ready": moment.ready or (init and moment.ended is not None and moment.ended.code == 0),
        "RestartCount": moment.restarts,
        "CurrentState": _current(moment),
    }
    previous = moment.previous if moment.waits != "CrashLoopBackOff" else moment.ended
    if previous is not None:
        view["PreviousState"] = _terminated(previous)
    return view


def _variable(variable: Mapping[str, Any], *, hidden: bool) -> dict[str, Any]:
    if "FieldRef" in variable:
        path = variable["FieldRef"].get("FieldPath", "")
        return {"Key": variable["Key"], "ValueFrom": {"FieldRef": {"FieldPath": path}}}
    return {"Key": variable["Key"], "Value": "" if hidden else variable.get("Value", "")}


def _current(moment: Moment) -> dict[str, Any]:
    if moment.waits:
        return {"State": "Waiting", "Reason": moment.waits, "DetailStatus": "Waiting"}
    if moment.started is not None:
        return {"State": "Running", "StartTime": stamp(moment.started), "DetailStatus": "Started"}
    return _terminated(moment.ended) if moment.ended is not None else {"State": "Waiting"}


def _terminated(ended: Ended) -> dict[str, Any]:
    view = {
        "State": "Terminated",
        "Reason": ended.reason,
        "ExitCode": ended.code,
        "StartTime": stamp(ended.started),
        "FinishTime": stamp(ended.finished),
        "DetailStatus": ended.reason,
    }
    return {**view, "Signal": ended.code - 128} if ended.code > 128 else view


def _volume(volume: Mapping[str, Any]) -> dict[str, Any]:
    """A volume, flat as the API shows it."""
    kind = volume["Type"]
    source: Mapping[str, Any] = volume.get(kind) or {}
    view = {"Name": volume["Name"], "Type": kind}
    if kind == "ConfigFileVolume":
        files = [{"Path": file["Path"], "Content": file.get("Content", "")} for file in source["ConfigFileToPath"]]
        return {**view, "ConfigFileVolumeConfigFileToPaths": files}
    return {**view, **{f"{kind}{key}": value for key, value in source.items()}}
