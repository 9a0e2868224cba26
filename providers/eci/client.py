"""The calls that the provider makes, on Alibaba's SDK: paced, in pages, with errors in the provider's words.

The SDK's synchronous client is used through ``context.blocking``: its asynchronous one opens a connection for each
call, which takes twice the time. Answers are handed on as plain dicts with the API's names.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from alibabacloud_credentials.exceptions import CredentialException
from alibabacloud_eci20180808 import models
from alibabacloud_eci20180808.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException, UnretryableException

from providers.base import BlockingCalls
from providers.eci import failures
from providers.eci.names import Tags
from providers.eci.traffic import Traffic
from providers.errors import ProviderError

IDS_AT_ONCE = 20
"""Groups that one describe takes and gives."""
CALLS_AT_ONCE = 5
"""Describes that are made at the same time."""
STATUSES_AT_ONCE = 200
MOST_LINES = 2000
"""Lines of a log in one answer."""

_QUERY = re.compile(r"\?\S*")
"""A URL's query: encoded, so it ends at the first blank."""
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_OPTIONS = RuntimeOptions(autoretry=False)

Answer = dict[str, Any]


class EciClient:
    """One account in one region.

    Args:
        sdk: Alibaba's client.
        region: its region.
        blocking: runs calls that block.
        traffic: paces the calls of the whole process.
    """

    def __init__(self, sdk: Client, region: str, blocking: BlockingCalls, traffic: Traffic) -> None:
        self._sdk = sdk
        self._region = region
        self._blocking = blocking
        self._traffic = traffic

    async def create(self, parameters: Answer) -> str:
        """Make a group; its ID."""
        return str((await self._call("CreateContainerGroup", parameters))["ContainerGroupId"])

    async def update(self, parameters: Answer) -> None:
        """Change a group."""
        await self._call("UpdateContainerGroup", parameters)

    async def delete(self, group_id: str) -> None:
        """End a group. Raises NotFound."""
        await self._call("DeleteContainerGroup", {"ContainerGroupId": group_id})

    async def groups(self, ids: Sequence[str]) -> AsyncIterator[Answer]:
        """The groups of these IDs that there are, with all that is known of them, as the answers come."""
        for some in _in_lots(ids, IDS_AT_ONCE * CALLS_AT_ONCE):
            lots = [self._lot(lot) for lot in _in_lots(some, IDS_AT_ONCE)]
            answers = await asyncio.gather(*lots, return_exceptions=True)
            for answer in answers:
                if not isinstance(answer, BaseException):
                    for group in answer:
                        yield group
            if failed := [each for each in answers if isinstance(each, BaseException)]:
                raise failed[0]

    async def _lot(self, ids: Sequence[str]) -> list[Answer]:
        request = {"ContainerGroupIds": json.dumps(ids), "WithEvent": True, "Limit": IDS_AT_ONCE}
        return (await self._call("DescribeContainerGroups", request)).get("ContainerGroups") or []

    async def tagged(self, tags: Tags) -> list[Answer]:
        """All groups with these tags."""
        return await self._pages("DescribeContainerGroups", "ContainerGroups", {"Tag": tags, "Limit": IDS_AT_ONCE})

    async def statuses(self, tags: Tags, since: int | None = None) -> list[Answer]:
        """How all groups with these tags are; only those that changed in the last seconds, if so many are given."""
        request = {"Tag": tags, "Limit": STATUSES_AT_ONCE, **({"SinceSecond": since} if since else {})}
        return await self._pages("DescribeContainerGroupStatus", "Data", request)

    async def log(self, group_id: str, container: str, **options: Any) -> str:
        """What a container wrote. Raises NotFound."""
        request = {"ContainerGroupId": group_id, "ContainerName": container, **options}
        return str((await self._call("DescribeContainerLog", request)).get("Content") or "")

    async def command(self, group_id: str, container: str, command: Sequence[str], *, tty: bool) -> str:
        """Begin a command: where its socket is. Raises NotFound."""
        request = {
            "ContainerGroupId": group_id,
            "ContainerName": container,
            "Command": json.dumps(list(command)),
            "TTY": tty,
            "Stdin": True,
        }
        return str((await self._call("ExecContainerCommand", request)).get("WebSocketUri") or "")

    async def usage_of(self, ids: Sequence[str]) -> dict[str, Answer]:
        """Group -> its latest measurement, of those that have one."""
        found: dict[str, Answer] = {}
        for some in _in_lots(ids, IDS_AT_ONCE):
            request = {"ContainerGroupIds": json.dumps(some), "MetricType": "summary"}
            answer = await self._call("DescribeMultiContainerGroupMetric", request)
            for each in answer.get("MonitorDatas") or []:
                if each.get("Records"):
                    found[each["ContainerGroupId"]] = each["Records"][-1]
        return found

    async def quotas(self) -> Answer:
        """What the account may use, and uses."""
        return (await self._call("ListUsage", {})).get("Attributes") or {}

    async def regions(self) -> list[str]:
        """The regions that there are."""
        answer = await self._call("DescribeRegions", {"RegionId": None})  # with one, it tells of that one only
        return [each["RegionId"] for each in answer.get("Regions") or []]

    async def ping(self) -> None:
        """The lightest question: whether the cloud answers."""
        await self._call("DescribeContainerGroupStatus", {"Limit": 1, "SinceSecond": 1})

    # --- helpers ----------------------------------------------------------------------------------------------------

    async def _pages(self, operation: str, key: str, request: Answer) -> list[Answer]:
        """All pages. What moves from one to the next meanwhile may come twice; the caller goes by IDs."""
        found: list[Answer] = []
        token = ""
        while True:
            answer = await self._call(operation, {**request, **({"NextToken": token} if token else {})})
            found += answer.get(key) or []
            token = answer.get("NextToken") or ""
            if not token:
                return found

    async def _call(self, operation: str, parameters: Answer) -> Answer:
        await self._traffic.turn(operation)
        request = getattr(models, f"{operation}Request")().from_map({"RegionId": self._region, **parameters})
        method = getattr(self._sdk, f"{_WORD.sub('_', operation).lower()}_with_options")
        try:
            answer = await self._blocking(method, request, _OPTIONS)
        except AlibabaCloudException as error:
            code = error.code or ""
            failure = failures.translated(operation, code, error.status_code or 0, _said(error))
            if failures.is_throttling(code):
                failure.delay = self._traffic.throttled(operation)  # type: ignore[attr-defined]  # it is a Retryable
            raise failure from error
        except (TeaException, UnretryableException, OSError) as error:
            raise _unanswered(operation, getattr(error, "inner_exception", None) or error) from None
        self._traffic.went_well(operation)
        return dict(answer.body.to_map())


def _said(error: AlibabaCloudException) -> str:
    """The API's own words, without what the SDK puts around them."""
    data = error.data if isinstance(error.data, dict) else {}
    return str(data.get("Message") or error.message)


def _unanswered(operation: str, cause: BaseException) -> ProviderError:
    """Why there is no answer. Not in the words of the HTTP library: they have the URL, and in it a pod's secrets."""
    if isinstance(cause, CredentialException):
        return failures.Denied(f"{operation}: {cause}", delay=failures.FOR_THE_OPERATOR)
    told = _QUERY.sub("", str(getattr(cause, "message", None) or cause))
    return failures.translated(operation, "", 0, f"no answer: {told}")


def _in_lots(ids: Sequence[str], most: int) -> Iterator[list[str]]:
    for start in range(0, len(ids), most):
        yield list(ids[start : start + most])
