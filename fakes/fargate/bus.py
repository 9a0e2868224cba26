"""EventBridge's news of tasks: rules and queues are moto's; what goes to the queues is computed when they are read.

Nothing happens by itself here, so a task that changed several times since the queue was last read is told of once.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fakes.fargate.beside import Beside
from fakes.fargate.cluster import Account

SOURCE, CHANGE = "aws.ecs", "ECS Task State Change"
LONGEST_WAIT = 1.0
"""Seconds that a queue without messages waits for one, whatever is asked: what comes meanwhile is seen later."""


class Bus:
    """What becomes of tasks, as events.

    Args:
        account: whose tasks.
        beside: where rules and queues are.
    """

    def __init__(self, account: Account, beside: Beside) -> None:
        self._account = account
        self._beside = beside
        self._told: dict[str, int] = {}
        self._events = 0

    def deliver(self, now: datetime) -> None:
        """Put what has changed into the queues that the rules name."""
        targets = list(self._targets())
        for event in self._news(now) if targets else ():
            for pattern, queue in targets:
                if _matches(event, pattern):
                    self._beside.ask("sqs", "SendMessage", QueueUrl=queue, MessageBody=json.dumps(event))

    def _targets(self) -> Iterator[tuple[Mapping[str, Any], str]]:
        """Each rule's pattern, and each queue that it sends to."""
        for rule in self._beside.ask("events", "ListRules")["Rules"]:
            for target in self._beside.ask("events", "ListTargetsByRule", Rule=rule["Name"])["Targets"]:
                name = target["Arn"].rpartition(":")[2]
                queue = self._beside.ask("sqs", "GetQueueUrl", QueueName=name)["QueueUrl"]
                yield json.loads(rule.get("EventPattern") or "{}"), queue

    def _news(self, now: datetime) -> Iterator[dict[str, Any]]:
        for task in list(self._account.tasks.values()):
            told = task.described(now)
            if self._told.get(task.arn) == told["version"]:
                continue
            self._told[task.arn] = told["version"]
            self._events += 1
            detail = _detail(told)
            yield {
                "version": "0",
                "id": f"{self._events:08x}-0000-4000-8000-000000000000",
                "detail-type": CHANGE,
                "source": SOURCE,
                "time": now.isoformat(),
                "region": self._account.region,
                "resources": [task.arn],
                "detail": detail,
            }


def _detail(told: Mapping[str, Any]) -> dict[str, Any]:
    """A task as events have it: with times as text, without its health, tags and the values of its overrides."""
    detail = {
        name: datetime.fromtimestamp(value, UTC).isoformat() if name.endswith("At") else value
        for name, value in told.items()
        if name not in ("healthStatus", "tags")
    }
    overridden = told["overrides"].get("containerOverrides") or []
    return {
        **detail,
        "overrides": {"containerOverrides": [{"name": each["name"]} for each in overridden]},
        "attachments": [{**each, "type": "eni"} for each in told["attachments"]],
        "containers": [
            {name: value for name, value in each.items() if name != "healthStatus"} for each in told["containers"]
        ],
    }


def _matches(event: Mapping[str, Any], pattern: Mapping[str, Any]) -> bool:
    """Whether a rule takes an event: each field of the pattern names the values that will do."""
    return all(
        _matches(event.get(name) or {}, wanted) if isinstance(wanted, Mapping) else event.get(name) in wanted
        for name, wanted in pattern.items()
    )
