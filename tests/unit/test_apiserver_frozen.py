"""The checking mode's objects refuse changes and are plain data otherwise."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
import pytest

from fakes.apiserver.frozen import FrozenDict, FrozenList, freeze, thaw

VALUE = {"a": {"b": [1, {"c": "d"}]}, "e": None}

CHANGES: dict[str, Callable[[Any], Any]] = {
    "set a key": lambda frozen: frozen.__setitem__("x", 1),
    "delete a key": lambda frozen: frozen.__delitem__("a"),
    "update": lambda frozen: frozen.update(x=1),
    "update in place": lambda frozen: frozen.__ior__({"x": 1}),
    "pop": lambda frozen: frozen.pop("a"),
    "set a default": lambda frozen: frozen.setdefault("a", 1),
    "clear": lambda frozen: frozen.clear(),
    "append, deep inside": lambda frozen: frozen["a"]["b"].append(2),
    "extend in place": lambda frozen: frozen["a"]["b"].__iadd__([2]),
    "set an element": lambda frozen: frozen["a"]["b"].__setitem__(0, 2),
    "sort": lambda frozen: frozen["a"]["b"].sort(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_refused(change: Callable[[Any], Any]) -> None:
    frozen = freeze(VALUE)
    with pytest.raises(TypeError, match="changed in place"):
        change(frozen)
    assert frozen == VALUE


def test_it_serialises_as_plain_data() -> None:
    frozen = freeze(VALUE)
    assert json.loads(json.dumps(frozen)) == orjson.loads(orjson.dumps(frozen)) == VALUE
    assert msgspec.json.decode(msgspec.json.encode(frozen)) == VALUE


def test_a_spread_is_plain() -> None:
    frozen = freeze(VALUE)
    assert type({**frozen}) is type(frozen | {}) is type(frozen.copy()) is dict
    assert type([*frozen["a"]["b"]]) is type(frozen["a"]["b"] + []) is list


def test_a_deep_copy_is_plain_and_can_be_changed() -> None:
    plain = copy.deepcopy(freeze(VALUE))
    plain["a"]["b"].append(2)
    assert not isinstance(plain, FrozenDict)


def test_what_is_frozen_is_shared() -> None:
    frozen = freeze(VALUE)
    assert freeze({"outer": frozen})["outer"] is frozen


def test_it_thaws_and_pickles() -> None:
    frozen = freeze(VALUE)
    assert thaw(frozen) == pickle.loads(pickle.dumps(frozen)) == VALUE
    assert isinstance(pickle.loads(pickle.dumps(frozen))["a"]["b"], FrozenList)
    assert type(thaw(frozen)["a"]) is dict
