"""What a scenario says of a pod reaches the fake clouds in the environment of its containers."""

import json
from typing import Any

from features.factories import BoundPodFactory
from vksim.clouds.scripted import with_script


def a_pod(**settings: str) -> Any:
    annotations = {f"mock.vksim.io/{name.replace('_', '-')}": value for name, value in settings.items()}
    return BoundPodFactory(metadata__annotations=annotations)


def script_of(pod: Any) -> dict[str, Any]:
    (variable,) = pod["spec"]["containers"][0]["env"]
    assert variable["name"] == "VKSIM_SCRIPT"
    script: dict[str, Any] = json.loads(variable["value"])
    return script


def test_only_what_is_said_is_sent():
    assert script_of(with_script(a_pod(run_for="30s", exit_code="3"))) == {"run_for": 30.0, "exit_code": 3}


def test_a_pod_of_which_nothing_is_said_is_the_same():
    pod = a_pod()
    assert with_script(pod) is pod


def test_a_second_attempt_draws_the_same():
    pod = a_pod(run_for="10s..100s")
    assert script_of(with_script(pod)) == script_of(with_script(pod))
    assert 10 <= script_of(with_script(pod))["run_for"] <= 100


def test_a_script_that_is_there_stays():
    pod = a_pod(run_for="30s")
    pod["spec"]["containers"][0]["env"] = [{"name": "VKSIM_SCRIPT", "value": "{}"}]
    assert script_of(with_script(pod)) == {}
