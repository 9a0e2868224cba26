"""The API's operations: action -> what is done and what is answered. Parameters come nested; answers are JSON."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from fakes.eci import catalog, errors, output, usage, views
from fakes.eci.catalog import Size
from fakes.eci.groups import Group
from fakes.eci.parameters import Parameters, amount, number, objects, switch, text, texts
from fakes.eci.region import CPU_QUOTA, IMAGE_CACHE, MOST_IMAGE_CACHES, Region
from fakes.eci.sessions import Sessions

Answer = dict[str, Any]
GROUPS_IN_PAGE, STATUSES_IN_PAGE, IDS_AT_ONCE = 20, 200, 20
MOST_LINES, DEFAULT_LINES = 2000, 500
MOST_BYTES = 1 << 20


class Operations:
    """Does what an action asks for.

    Args:
        region: the state.
        sessions: the commands that run in containers.
    """

    def __init__(self, region: Region, sessions: Sessions) -> None:
        self._region = region
        self._sessions = sessions
        self.table: dict[str, Callable[[Parameters], Answer]] = {
            "CreateContainerGroup": self._create,
            "DescribeContainerGroups": self._describe,
            "DescribeContainerGroupStatus": self._describe_status,
            "DescribeContainerGroupEvents": self._describe_events,
            "DeleteContainerGroup": self._delete,
            "UpdateContainerGroup": self._update,
            "RestartContainerGroup": self._restart,
            "DescribeContainerLog": self._log,
            "ExecContainerCommand": self._exec,
            "DescribeContainerGroupMetric": self._metric,
            "DescribeMultiContainerGroupMetric": self._metrics,
            "DescribeContainerGroupPrice": self._price,
            "DescribeRegions": self._regions,
            "DescribeAvailableResource": self._available,
            "ListUsage": self._usage,
            "CreateImageCache": self._create_cache,
            "DescribeImageCaches": self._describe_caches,
            "DeleteImageCache": self._delete_cache,
        }

    # --- groups -----------------------------------------------------------------------------------------------------

    def _create(self, parameters: Parameters) -> Answer:
        return {"ContainerGroupId": self._region.create(parameters)}

    def _delete(self, parameters: Parameters) -> Answer:
        self._region.delete(text(parameters, "ContainerGroupId"))
        return {}

    def _update(self, parameters: Parameters) -> Answer:
        self._region.change(text(parameters, "ContainerGroupId"), parameters)
        return {}

    def _restart(self, parameters: Parameters) -> Answer:
        self._region.restart(text(parameters, "ContainerGroupId"))
        return {}

    def _describe(self, parameters: Parameters) -> Answer:
        limit = number(parameters, "Limit", GROUPS_IN_PAGE, most=GROUPS_IN_PAGE)
        found, token = _page(self._selected(parameters), parameters.get("NextToken") or "", limit)
        now, with_events = self._region.now(), switch(parameters, "WithEvent", default=True)
        rows = [views.group(each, self._region.name, now, with_events=with_events) for each in found]
        return {"ContainerGroups": rows, "NextToken": token, "TotalCount": len(rows)}

    def _describe_status(self, parameters: Parameters) -> Answer:
        limit = number(parameters, "Limit", STATUSES_IN_PAGE, most=STATUSES_IN_PAGE) or STATUSES_IN_PAGE
        now = self._region.now()
        selected = self._selected(parameters)
        if since := number(parameters, "SinceSecond", 0):
            after = now - timedelta(seconds=since)
            selected = [each for each in selected if each.look(now).changed >= after]
        found, token = _page(selected, parameters.get("NextToken") or "", limit)
        rows = [views.status(each, now) for each in found]
        return {"Data": rows, "NextToken": token, "TotalCount": len(rows)}

    def _describe_events(self, parameters: Parameters) -> Answer:
        limit = number(parameters, "Limit", GROUPS_IN_PAGE, most=GROUPS_IN_PAGE)
        found, token = _page(self._selected(parameters), parameters.get("NextToken") or "", limit)
        now = self._region.now()
        rows = [views.group(each, self._region.name, now, with_events=True) for each in found]
        data = [{"ContainerGroupId": row["ContainerGroupId"], "Events": row["Events"]} for row in rows]
        return {"Data": data, "NextToken": token, "TotalCount": len(rows)}

    def _selected(self, parameters: Parameters) -> list[Group]:
        """The groups that a describe asks for."""
        region, now = self._region, self._region.now()
        found = region.select(objects(parameters, "Tag", most=20))
        if parameters.get("ContainerGroupIds"):
            wanted = _ids(parameters["ContainerGroupIds"])
            found = [each for each in found if each.id in wanted]
        for key, value in (("ContainerGroupName", "ContainerGroupName"), ("RestartPolicy", "RestartPolicy")):
            if parameters.get(key):
                found = [each for each in found if each.parameters.get(value) == parameters[key]]
        if parameters.get("Status"):
            found = [each for each in found if each.look(now).status == parameters["Status"]]
        if parameters.get("ZoneId"):
            found = [each for each in found if each.place.zone == parameters["ZoneId"]]
        if parameters.get("VSwitchId"):
            found = [each for each in found if each.place.vswitch == parameters["VSwitchId"]]
        return found

    # --- what goes on in a group ------------------------------------------------------------------------------------

    def _log(self, parameters: Parameters) -> Answer:
        group = self._region.find(text(parameters, "ContainerGroupId"))
        name = text(parameters, "ContainerName")
        limit = number(parameters, "LimitBytes", MOST_BYTES, most=MOST_BYTES)
        tail = number(parameters, "Tail", DEFAULT_LINES, most=MOST_LINES)
        wanted = output.Wanted(
            tail=tail,
            since=_since(parameters, self._region),
            previous=switch(parameters, "LastTime"),
            timestamps=switch(parameters, "Timestamps"),
        )
        content = output.text(group, _index(group, name), wanted, self._region.now())
        return {"ContainerName": name, "Content": content.encode()[:limit].decode("utf-8", "ignore")}

    def _exec(self, parameters: Parameters) -> Answer:
        group = self._region.find(text(parameters, "ContainerGroupId"))
        name = text(parameters, "ContainerName")
        try:
            command = json.loads(text(parameters, "Command"))
        except ValueError:
            raise errors.invalid("Command", "it is no JSON") from None
        if not isinstance(command, list) or not command or len(command) > 20:
            raise errors.invalid("Command", "it is no list of 1 to 20 words")
        if any(not isinstance(each, str) or len(each) > 256 for each in command):
            raise EXCEEDED
        tty, sync = switch(parameters, "TTY"), switch(parameters, "Sync")
        if sync and (tty or command[0] == "/bin/bash"):
            raise errors.invalid("Sync", "it goes neither with TTY nor with /bin/bash")
        index = _index(group, name)
        seen = group.look(self._region.now())
        if seen.containers[index].started is None:
            raise errors.wrong_status("entered", seen.status)
        if sync:
            return {"SyncResponse": self._sessions.run_now(group, index, command)}
        return self._sessions.open(group, index, command, tty=tty)

    def _metric(self, parameters: Parameters) -> Answer:
        group = self._region.find(text(parameters, "ContainerGroupId"))
        return {"ContainerGroupId": group.id, "Records": usage.records(group, self._region.now())}

    def _metrics(self, parameters: Parameters) -> Answer:
        now, groups = self._region.now(), self._region.groups
        known = [groups[each] for each in _ids(text(parameters, "ContainerGroupIds")) if each in groups]
        data = [{"ContainerGroupId": each.id, "Records": usage.records(each, now)} for each in known]
        return {"MonitorDatas": data}

    # --- the region -------------------------------------------------------------------------------------------------

    def _regions(self, parameters: Parameters) -> Answer:
        wanted = parameters.get("RegionId")
        names = [each for each in catalog.REGIONS if wanted in (None, "", each)]
        rows = [
            {
                "RegionId": each,
                "RegionEndpoint": f"eci.{each}.aliyuncs.com",
                "Zones": list(catalog.zones(each)),
                "RecommendZones": list(catalog.zones(each)[:1]),
            }
            for each in names
        ]
        return {"Regions": rows}

    def _available(self, parameters: Parameters) -> Answer:
        wanted = parameters.get("DestinationResource") or {}
        category, zone = text(wanted, "Category"), parameters.get("ZoneId")
        if category not in ("InstanceType", "InstanceTypeFamily"):
            raise errors.invalid("DestinationResource.Category", repr(category))
        names = [wanted["Value"]] if wanted.get("Value") else list(catalog.TYPES)
        rows = []
        for each in catalog.zones(self._region.name):
            if zone in (None, "", each):
                stock = "WithStock" if self._region.has_stock(each) else "WithoutStock"
                supported = [{"Value": name, "StatusCategory": stock} for name in names]
                resource = {"Type": category, "SupportedResources": {"SupportedResource": supported}}
                rows.append(
                    {
                        "RegionId": self._region.name,
                        "ZoneId": each,
                        "AvailableResources": {"AvailableResource": [resource]},
                    }
                )
        return {"AvailableZones": {"AvailableZone": rows}}

    def _price(self, parameters: Parameters) -> Answer:
        types = parameters.get("InstanceType")
        if types and types not in catalog.TYPES:
            raise errors.invalid("InstanceType", repr(types))
        asked = Size(
            amount(parameters, "Cpu") or catalog.DEFAULT_CPU, amount(parameters, "Memory") or catalog.DEFAULT_MEMORY
        )
        size = catalog.TYPES[types] if types else catalog.size(asked.cpu, asked.memory)
        spot = parameters.get("SpotStrategy", "NoSpot") != "NoSpot"
        full, trade = catalog.price(size, spot=False), catalog.price(size, spot=spot)
        price = {
            "Currency": catalog.CURRENCY,
            "OriginalPrice": full,
            "TradePrice": trade,
            "DiscountPrice": round(full - trade, 6),
        }
        return {"PriceInfo": {"Price": price, "Rules": {"Rule": []}, "SpotPrices": {"SpotPrice": []}}}

    def _usage(self, _: Parameters) -> Answer:
        quotas = self._region.model.quotas
        attributes = {
            "UsedCpu": round(quotas.usage(CPU_QUOTA), 3),
            "MaxCpu": quotas.limits.get(CPU_QUOTA, 0),
            "UsedImageCacheCount": int(quotas.usage(IMAGE_CACHE)),
            "MaxImageCacheCount": int(quotas.limits.get(IMAGE_CACHE, MOST_IMAGE_CACHES)),
        }
        return {"Attributes": attributes}

    # --- image caches -----------------------------------------------------------------------------------------------

    def _create_cache(self, parameters: Parameters) -> Answer:
        images = texts(parameters, "Image")
        if not images:
            raise errors.missing("Image.1")
        name = text(parameters, "ImageCacheName")
        cache = self._region.cache_images(name, images, number(parameters, "ImageCacheSize", 20))
        return {"ImageCacheId": cache.id, "ContainerGroupId": cache.id.replace("imc-", "eci-")}

    def _describe_caches(self, parameters: Parameters) -> Answer:
        now = self._region.now()
        limit = number(parameters, "Limit", GROUPS_IN_PAGE, most=100)
        wanted = parameters.get("ImageCacheId")
        found = [each for each in self._region.image_caches.values() if wanted in (None, "", each.id)]
        if parameters.get("ImageCacheName"):
            found = [each for each in found if each.name == parameters["ImageCacheName"]]
        rows = [
            {
                "ImageCacheId": each.id,
                "ImageCacheName": each.name,
                "Images": each.images,
                "Status": each.status(now),
                "Progress": "100%" if each.status(now) == "Ready" else "0%",
                "ImageCacheSize": each.size,
                "CreationTime": views.stamp(each.created),
                "SnapshotId": each.id.replace("imc-", "s-"),
                "RegionId": self._region.name,
            }
            for each in found[:limit]
        ]
        return {"ImageCaches": rows, "NextToken": "", "TotalCount": len(rows)}

    def _delete_cache(self, parameters: Parameters) -> Answer:
        self._region.drop_cache(text(parameters, "ImageCacheId"))
        return {}


EXCEEDED = errors.EciError(400, "InvalidParameter.ValueExceeded", "A word of the command has more than 256 characters.")


def _page(found: list[Group], token: str, limit: int) -> tuple[list[Group], str]:
    """A page of groups. The token is the number of its last one, so that what comes or goes meanwhile moves nothing."""
    if limit == 0:
        return [], ""
    if token and not token.isdigit():
        raise errors.invalid("NextToken", repr(token))
    left = [each for each in found if each.number > int(token)] if token else found
    return left[:limit], str(left[limit - 1].number) if len(left) > limit else ""


def _ids(value: str) -> set[str]:
    try:
        ids = json.loads(value)
    except ValueError:
        raise errors.invalid("ContainerGroupIds", "it is no JSON") from None
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise errors.invalid("ContainerGroupIds", "it is no list of IDs")
    if len(ids) > IDS_AT_ONCE:
        raise errors.exceeded("ContainerGroupIds", IDS_AT_ONCE)
    return set(ids)


def _index(group: Group, name: str) -> int:
    for index, each in enumerate(group.containers):
        if each["Name"] == name:
            return index
    raise errors.EciError(404, "InvalidContainer.NotFound", f"The container {name} does not exist.")


def _since(parameters: Mapping[str, Any], region: Region) -> Any:
    if seconds := number(parameters, "SinceSeconds", 0):
        return region.now() - timedelta(seconds=seconds)
    if start := parameters.get("StartTime"):
        try:
            return output.moment(str(start))
        except ValueError:
            raise errors.invalid("StartTime", "it is no time of RFC 3339") from None
    return None
