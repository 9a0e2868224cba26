"""How a task tells whose it is, and what it is called: the ways there and back, pure.

Tags are for people and for the bill: a task loses them when it is stopped. What a process finds its tasks by is the
task's ``group`` (the pod's UID, and which run of it this is), ``startedBy`` (the node) and two variables.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from providers.pods import PodRef

POD, NAMESPACE, POLICY, INITIAL = "VK_POD_NAME", "VK_POD_NAMESPACE", "VK_RESTART_POLICY", "VK_INIT_CONTAINERS"
OF_THE_POD = (POD, NAMESPACE, POLICY, INITIAL)
"""Variables of a task's first container."""
LONGEST_STARTED_BY = 128
PREFIX = "vk"
FILES, KEEPER = "vk-files", "vk-keeper"
"""Containers that are ours, not the pod's."""
OWN = frozenset({FILES, KEEPER})


class Identity(NamedTuple):
    """Whose task it is.

    Attributes:
        ref: the pod.
        run: how many tasks the pod had before this one.
        policy: the pod's restart policy.
        initial: the names of its init containers and sidecars.
    """

    ref: PodRef
    run: int
    policy: str
    initial: frozenset[str]


def started_by(node: str) -> str:
    """A node as ``startedBy`` takes it: letters, digits, ``-``, ``_`` and ``/``. Long names end in a digest."""
    text = f"{PREFIX}/{re.sub('[^A-Za-z0-9/_-]', '_', node)}"
    if len(text) <= LONGEST_STARTED_BY and "_" not in node and re.fullmatch("[A-Za-z0-9._-]+", node):
        return text
    return f"{text[: LONGEST_STARTED_BY - 9]}_{hashlib.sha256(node.encode()).hexdigest()[:8]}"


def group(uid: str, run: int) -> str:
    """A task's group."""
    return f"{PREFIX}:{uid}:{run}"


def token(uid: str, run: int) -> str:
    """What makes a second RunTask of the same run harmless: at most 64 characters."""
    text = uid if not run else f"{uid}-{run}"
    return text if len(text) <= 64 else hashlib.sha256(text.encode()).hexdigest()


def tags(ref: PodRef, node: str) -> list[dict[str, str]]:
    """What people see."""
    named = {"node": node, "namespace": ref.namespace, "pod": ref.name, "uid": ref.uid}
    return [{"key": f"virtual-kubelet/{key}", "value": value[:256]} for key, value in named.items()]


def variables(ref: PodRef, policy: str, initial: Sequence[str]) -> list[dict[str, str]]:
    """What the task's first container carries of the pod."""
    named = {POD: ref.name, NAMESPACE: ref.namespace, POLICY: policy, INITIAL: ",".join(initial)}
    return [{"name": name, "value": value} for name, value in named.items()]


def identity(task: Mapping[str, Any]) -> Identity | None:
    """Whose task it is; None if no pod's."""
    prefix, _, rest = str(task.get("group", "")).partition(":")
    uid, _, run = rest.rpartition(":")
    if prefix != PREFIX or not uid or not run.isdigit():
        return None
    found: dict[str, str] = {}
    for each in (task.get("overrides") or {}).get("containerOverrides") or []:
        for variable in each.get("environment") or []:
            if variable["name"] in OF_THE_POD:
                found.setdefault(variable["name"], variable["value"])
    if POD not in found or NAMESPACE not in found:
        return None
    initial = frozenset(each for each in found.get(INITIAL, "").split(",") if each)
    return Identity(PodRef(found[NAMESPACE], found[POD], uid), int(run), found.get(POLICY, "Always"), initial)


def family(definition: Mapping[str, Any]) -> str:
    """The name of a task definition, by its content: pods that are alike share it."""
    canonical = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return f"{PREFIX}-{hashlib.sha256(canonical.encode()).hexdigest()[:32]}"


def secrets_of(path: str, cluster: str) -> str:
    """Where the secret values of a cluster's pods are."""
    return f"{path}/{cluster}"


def task_id(arn: str) -> str:
    """The last part of a task's ARN: what its log streams are named by."""
    return arn.rpartition("/")[2]
