"""What a scenario says of its pods (how long they run, how they end) holds on the fake clouds as it does on the mock.

A scenario writes it as the mock's annotations. The fake clouds read a script in a container's environment, as only what
is sent to a cloud can count there.
"""

import json
from random import Random
from typing import Any

from providers import pods
from providers.distributions import RandomTime
from providers.mock.script import PREFIX, Script, from_annotations
from providers.types import Container, Pod

VARIABLE = "VKSIM_SCRIPT"
_SETTINGS = {
    "run-for": ("run_for", "run_for"),
    "exit-code": ("exit_code", "exit_code"),
    "never-start": ("never_start", "never_starts"),
    "end-after": ("end_after", "ends_after"),
    "log": ("log", "log"),
    "log-every": ("log_every", "log_every"),
}
"""Annotation -> the mock's field, and the fake clouds' word for it. The rest is the cloud's own business."""


def with_script(pod: Pod) -> Pod:
    """The pod with its script in the environment of its containers; those that have one keep it.

    What is to be drawn follows from the pod's UID, so that a second attempt at a create sends the same.
    """
    annotations = pod["metadata"].get("annotations") or {}
    said = [name for name in _SETTINGS if PREFIX + name in annotations]
    if not said:
        return pod
    script, random = from_annotations(annotations, Script()), Random(pods.uid(pod))
    values = {_SETTINGS[name][1]: _drawn(getattr(script, _SETTINGS[name][0]), random) for name in said}
    text = json.dumps(values)
    containers = [_with_variable(each, text) for each in pods.containers(pod)]
    return {**pod, "spec": {**pod["spec"], "containers": containers}}


def _drawn(value: Any, random: Random) -> Any:
    return value.draw(random) if isinstance(value, RandomTime) else value


def _with_variable(container: Container, text: str) -> Container:
    variables = container.get("env") or []
    if any(each["name"] == VARIABLE for each in variables):
        return container
    return {**container, "env": [*variables, {"name": VARIABLE, "value": text}]}
