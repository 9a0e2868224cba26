"""Selectors are read as apimachinery reads them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.apiserver.errors import StatusError
from fakes.apiserver.resources import CONFIG_MAPS, EVENTS, NODES, PODS
from fakes.apiserver.selectors import EVERYTHING, FieldRequirement, parse_fields, parse_labels, select

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


def labelled(**labels: str) -> dict[str, Any]:
    return {"metadata": {"name": "x", "labels": labels}}


def matches(selector: str, obj: dict[str, Any]) -> bool:
    selection = select(CONFIG_MAPS, selector, "")
    return selection.matches is None or selection.matches(obj)


def test_no_selector_selects_everything() -> None:
    assert select(PODS, "", "") is EVERYTHING


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ("a=b", {"a": "b"}, True),
        ("a=b", {}, False),
        ("a=", {"a": ""}, True),
        ("a=", {}, False),
        ("a!=b", {}, True),
        ("a", {"a": ""}, True),
        ("!a", {"a": ""}, False),
        ("a in (b,c)", {"a": "c"}, True),
        ("a in ()", {"a": ""}, True),
        ("a notin (b)", {}, True),
        ("a>3", {"a": "4"}, True),
        ("a>3", {"a": "x"}, False),
        ("a<3", {}, False),
        (" a = b , c ", {"a": "b", "c": "d"}, True),
        ("x.io/a=b", {"x.io/a": "b"}, True),
    ],
)
def test_a_label_selector_matches(selector: str, labels: dict[str, str], *, expected: bool) -> None:
    assert matches(selector, labelled(**labels)) is expected


@pytest.mark.parametrize("selector", ["a b", "a in b", "a in (b", "=b", "a=b,", "a>x", "a=b c", ",a", "-a", "a=_", "!"])
def test_a_label_selector_that_cannot_be_read_is_refused(selector: str) -> None:
    with pytest.raises(StatusError, match=r"unable to parse requirement|found ") as caught:
        parse_labels(selector)
    assert caught.value.code == 400


@given(st.dictionaries(NAMES, NAMES, min_size=1, max_size=4))
def test_an_object_matches_the_selector_of_its_own_labels(labels: dict[str, str]) -> None:
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    assert matches(selector, labelled(**labels))
    assert not matches(selector.replace("=", "!="), labelled(**labels))


def test_a_field_selector_has_requirements_and_escapes() -> None:
    assert parse_fields(r"a=b,c!=d,e==f\,g\=h") == [
        FieldRequirement("a", "b", equal=True),
        FieldRequirement("c", "d", equal=False),
        FieldRequirement("e", "f,g=h", equal=True),
    ]


def test_an_equal_requirement_pins_what_an_index_can_look_up() -> None:
    selection = select(PODS, "", "spec.nodeName=n1,metadata.name=p,metadata.namespace=ns")
    assert (selection.indexed, selection.name, selection.namespace) == ("n1", "p", "ns")


def test_the_old_name_of_the_node_field_pins_too() -> None:
    assert select(PODS, "", "spec.host=n1").indexed == "n1"


def test_an_unequal_requirement_pins_nothing() -> None:
    selection = select(PODS, "", "spec.nodeName!=n1,metadata.name!=p")
    assert (selection.indexed, selection.name) == (None, None)


def test_absent_fields_compare_as_upstream_has_them() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {}}
    selection = select(PODS, "", "spec.nodeName=,spec.hostNetwork=false,status.phase=")
    assert selection.matches is not None
    assert selection.matches(pod)


def test_the_source_of_an_event_is_its_component() -> None:
    selection = select(EVENTS, "", "source=kubelet,involvedObject.name=p")
    event = {"metadata": {"name": "e"}, "involvedObject": {"name": "p"}, "source": {"component": "kubelet"}}
    assert selection.matches is not None
    assert selection.matches(event)


@pytest.mark.parametrize(
    ("resource", "selector", "message"),
    [
        (NODES, "spec.foo=1", r"field label not supported: spec\.foo"),
        (CONFIG_MAPS, "data=1", r'"data" is not a known field selector: only "metadata\.name"'),
        (PODS, "nonsense", "invalid selector"),
    ],
)
def test_a_field_selector_that_is_not_supported_is_refused(resource: Any, selector: str, message: str) -> None:
    with pytest.raises(StatusError, match=message):
        select(resource, "", selector)


@pytest.mark.parametrize("value", ["--5", "\u00b9", "5-", ""])
def test_a_bound_that_is_no_whole_number_is_refused(value: str):
    with pytest.raises(StatusError):
        select(PODS, f"size > {value}", "")


@pytest.mark.parametrize("value", ["--5", "\u00b9", "big"])
def test_a_label_that_is_no_whole_number_is_not_above_a_bound(value: str):
    matches = select(PODS, "size > 3", "").matches
    assert matches is not None
    assert not matches({"metadata": {"labels": {"size": value}}})
