"""The mock's configuration and scripts: both forms understood, every mistake told by source, field and remedy."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from providers.distributions import Span
from providers.errors import Invalid, InvalidConfig
from providers.mock.config import OUR_CAPACITY, parse
from providers.mock.script import PREFIX, SETTINGS, Script, from_annotations, from_config


def parsed(config: Any, node: str = "vk") -> Any:
    return parse(config, node_name=node, source="mock.json")


# --- Virtual Kubelet's form -------------------------------------------------------------------------------------------

UPSTREAM = json.loads('{"vk": {"cpu": "2", "memory": "32Gi", "pods": "128", "providerID": "mock://vk"}}')


def test_virtual_kubelets_file_is_understood() -> None:
    config = parsed(UPSTREAM)
    assert config.capacity == {"cpu": "2", "memory": "32Gi", "pods": "128"}
    assert config.provider_id == "mock://vk"


def test_a_missing_key_has_virtual_kubelets_default() -> None:
    assert parsed({"vk": {"cpu": "3"}}).capacity == {"cpu": "3", "memory": "100Gi", "pods": "20"}


def test_other_resources_are_offered_too() -> None:
    assert parsed({"vk": {"others": {"nvidia.com/gpu": "8"}}}).capacity["nvidia.com/gpu"] == "8"


def test_a_star_stands_for_any_node() -> None:
    config = {"*": {"cpu": "1"}, "vk": {"cpu": "2"}}
    assert parsed(config, "other").capacity["cpu"] == "1"
    assert parsed(config, "vk").capacity["cpu"] == "2"


# --- ours -------------------------------------------------------------------------------------------------------------


def test_without_a_configuration_there_is_room_to_play() -> None:
    assert parsed({}).capacity == OUR_CAPACITY


def test_our_form_has_capacity_script_and_state() -> None:
    config = parsed({"capacity": {"cpu": 4}, "script": {"run-for": "1m"}, "state": "pods"})
    assert config.capacity == {**OUR_CAPACITY, "cpu": "4"}
    assert config.script.run_for == Span(60, 60)
    assert config.state == Path("pods")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"other": {}}, "mock.json: no entry for node 'vk' (there are: other); add one, or one named '*'"),
        ({"vk": {"cpu": "lots"}}, "mock.json: vk.cpu: 'lots' is not a quantity; write e.g. 4, 500m or 16Gi"),
        ({"vk": {"others": {"gpu": "x"}}}, "mock.json: vk.gpu: 'x' is not a quantity; write e.g. 4, 500m or 16Gi"),
        ({"vk": {"cpus": "4"}}, "mock.json: vk.cpus: unknown field; there are: cpu, memory, pods, others, providerID"),
        ({"vk": 5}, "mock.json: vk: 5 is not a mapping of names to values"),
        ({"capacity": 5}, "mock.json: capacity: 5 is not a mapping of names to values"),
        ({"capacity": {"cpu": True}}, "mock.json: capacity.cpu: True is not a quantity; write e.g. 4, 500m or 16Gi"),
        ({"script": {}, "scripts": {}}, "mock.json: scripts: unknown field; there are: capacity, script, state"),
        ({"script": {"run-for": "x"}}, "mock.json: script.run-for: 'x' is not a duration; write e.g. 500ms, 30s,"),
        ({"script": {"runs": "x"}}, "mock.json: script.runs: unknown setting; there are: create-takes, start-after,"),
        ({"state": 5}, "mock.json: state: 5 is not a folder; write its path"),
    ],
)
def test_a_mistake_is_told_by_source_field_and_remedy(config: Any, message: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        parsed(config)
    assert str(raised.value).startswith(message)


# --- scripts ----------------------------------------------------------------------------------------------------------

EXAMPLES: dict[str, tuple[str, object]] = {
    "create-takes": ("20s", Span(20, 20)),
    "start-after": ("2s..10s", Span(2, 10)),
    "never-start": ("true", "ImagePullBackOff"),
    "run-for": ("1m30s", Span(90, 90)),
    "exit-code": ("137", 137),
    "end-after": ("5", Span(5, 5)),
    "create-error": ("permanent", "permanent"),
    "create-errors": ("2", 2),
    "delete-errors": ("3", 3),
    "log": ("hello", "hello"),
    "log-every": ("1s", Span(1, 1)),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_works_as_annotation_and_in_the_configuration(name: str) -> None:
    text, value = EXAMPLES[name]
    field = SETTINGS[name].field
    assert getattr(from_annotations({PREFIX + name: text}, Script()), field) == value
    assert getattr(from_config({name: text}, "mock.json"), field) == value


def test_annotations_win_over_the_configuration() -> None:
    base = from_config({"run-for": "1m", "exit-code": 3}, "mock.json")
    script = from_annotations({PREFIX + "run-for": "2m", "unrelated": "x"}, base)
    assert (script.run_for, script.exit_code) == (Span(120, 120), 3)


def test_a_pod_without_annotations_shares_the_script() -> None:
    base = Script()
    assert from_annotations({"unrelated": "x"}, base) is base


def test_a_range_may_be_a_list_in_the_configuration() -> None:
    assert from_config({"start-after": [2, "10s"]}, "mock.json").start_after == Span(2, 10)


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("run-for", "soon", "'soon' is not a duration; write e.g. 500ms, 30s, 1m30s or 2h"),
        ("start-after", "10s..2s", "write the shorter duration first"),
        ("exit-code", "300", "'300' is not an exit code; those go from 0 to 255"),
        ("create-errors", "-1", "'-1' is not a whole number from 0 up"),
        ("create-error", "maybe", "'maybe' is not one of retryable, permanent, invalid"),
        ("log-every", "0s", "'0s' is no pace; write a duration above 0, e.g. 1s"),
        ("run", "5s", "unknown; there are: mock.vksim.io/create-takes, mock.vksim.io/start-after,"),
    ],
)
def test_a_wrong_annotation_is_told_by_name_and_remedy(name: str, text: str, remedy: str) -> None:
    with pytest.raises(Invalid) as raised:
        from_annotations({PREFIX + name: text}, Script())
    assert str(raised.value).startswith(f"annotation {PREFIX}{name}: ")
    assert remedy in str(raised.value)


def test_a_range_is_drawn_from() -> None:
    random = Random(1)
    drawn = {Span(2, 10).draw(random) for _ in range(100)}
    assert len(drawn) == 100
    assert all(2 <= each <= 10 for each in drawn)


def test_a_fixed_duration_uses_no_randomness() -> None:
    random = Random(1)
    before = random.getstate()
    assert Span(3, 3).draw(random) == 3
    assert random.getstate() == before
