"""Changes of tasks as EventBridge tells them, read from a queue of SQS: sooner than by looking, and with fewer calls.

They come at least once and in any order, and some of a task is not in them; so they only bring up to date what is known
of a task, and a look at all of them once a minute stays the truth. Where the queue does not answer, looking does.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from providers.errors import ProviderError
from providers.fargate.client import FargateClient

CHANGE = "ECS Task State Change"
PAUSE = 20.0
"""Seconds until a queue that did not answer is asked again."""
TIMES = (
    *("createdAt", "startedAt", "stoppingAt", "stoppedAt", "executionStoppedAt", "pullStartedAt", "pullStoppedAt"),
    "connectivityAt",
)

Task = dict[str, Any]


class Events:
    """The queue of one node.

    Args:
        client: the way to the cloud.
        queue: its URL.
        cluster: whose tasks it is about.
        tell: is told of each task; None when the queue does not answer.

    Attributes:
        work: whether the queue answers.
    """

    def __init__(self, client: FargateClient, queue: str, cluster: str, tell: Callable[[Task | None], None]) -> None:
        self.work = False
        self._client = client
        self._queue = queue
        self._cluster = cluster
        self._tell = tell

    async def read_forever(self, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        """Hand on what comes. What cannot be read is thrown away: it would come again and again."""
        while True:
            try:
                messages = await self._client.messages(self._queue)
                for each in messages:
                    task = changed(each["Body"], self._cluster)
                    if task is not None:
                        self._tell(task)
                await self._client.delete_messages(self._queue, [each["ReceiptHandle"] for each in messages])
            except ProviderError as error:
                log.warning("the queue of events does not answer, tasks are looked at instead: %s", error)
                self.work = False
                self._tell(None)
                await asyncio.sleep(PAUSE)
            else:
                self.work = True


def changed(body: str, cluster: str) -> Task | None:
    """The task of an event, as DescribeTasks would tell it; None if it is about no task of the cluster."""
    try:
        event = json.loads(body)
        task = dict(event["detail"])
        if event["detail-type"] != CHANGE or str(task["clusterArn"]).rpartition("/")[2] != cluster:
            return None
        return {**task, "taskArn": str(task["taskArn"]), **_times(task)}
    except (ValueError, TypeError, KeyError):
        return None


def _times(task: Mapping[str, Any]) -> Mapping[str, datetime]:
    return {name: datetime.fromisoformat(task[name]) for name in TIMES if name in task}
