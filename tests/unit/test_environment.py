"""How a container's environment becomes literals (``runner.environment``)."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.factories import BoundPodFactory
from runner.downward import Host
from runner.environment import expand, references, resolve
from runner.references import Reference

HOST = Host("192.0.2.1")


def pod(env: list[dict[str, Any]] | None = None, env_from: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    built = BoundPodFactory()
    built["spec"]["containers"] = [{"name": "main", "env": env or [], "envFrom": env_from or []}]
    return built


def config_map(**data: str) -> dict[str, Any]:
    return {"data": data}


def secret(**data: str) -> dict[str, Any]:
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}


def values(subject: dict[str, Any], sources: dict[Reference, Any] | None = None) -> dict[str, str]:
    container = resolve(subject, sources or {}, HOST).pod["spec"]["containers"][0]
    return {each["name"]: each["value"] for each in container["env"]}


def problems(subject: dict[str, Any], sources: dict[Reference, Any]) -> list[tuple[str, bool]]:
    return [(each.reason, each.fatal) for each in resolve(subject, sources, HOST).problems]


CM = Reference("ConfigMap", "settings")
SECRET = Reference("Secret", "password")


def key_ref(kind: str, name: str, key: str, *, optional: bool = False) -> dict[str, Any]:
    return {f"{kind}KeyRef": {"name": name, "key": key, **({"optional": True} if optional else {})}}


def test_a_literal_may_refer_to_what_was_defined_before() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)/$(C)/$$(A)"}, {"name": "C", "value": "3"}]
    assert values(pod(env))["B"] == "1/$(C)/$(A)"


@pytest.mark.parametrize(
    ("text", "expected"), [("$", "$"), ("$x", "$x"), ("$(", "$("), ("$$", "$"), ("$()", "$()"), ("a$(A)b", "a1b")]
)
def test_what_cannot_be_expanded_stays(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


@given(st.text(alphabet="ab()", max_size=20))
def test_text_without_dollars_is_never_changed(text: str) -> None:
    assert expand(text, {"a": "x"}) == text


def test_values_come_from_config_maps_and_secrets() -> None:
    env = [
        {"name": "COLOUR", "valueFrom": key_ref("configMap", "settings", "colour")},
        {"name": "PASSWORD", "valueFrom": key_ref("secret", "password", "it")},
    ]
    sources = {CM: config_map(colour="grün"), SECRET: secret(it="s3cret")}
    assert values(pod(env), sources) == {"COLOUR": "grün", "PASSWORD": "s3cret"}


@pytest.mark.parametrize("group", ["initContainers", "containers", "ephemeralContainers"])
def test_containers_of_all_kinds_have_their_values(group: str) -> None:
    subject = pod()
    subject["spec"][group] = [
        {"name": "it", "env": [{"name": "COLOUR", "valueFrom": key_ref("configMap", "settings", "colour")}]}
    ]
    [container] = resolve(subject, {CM: config_map(colour="blue")}, HOST).pod["spec"][group]
    assert container["env"] == [{"name": "COLOUR", "value": "blue"}]


def test_env_wins_over_env_from_and_later_over_earlier() -> None:
    subject = pod(
        [{"name": "A", "value": "env"}],
        [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "password"}, "prefix": "P_"}],
    )
    sources = {CM: config_map(A="map", B="map", P_B="map"), SECRET: secret(B="secret")}
    assert values(subject, sources) == {"A": "env", "B": "map", "P_B": "secret"}


def test_keys_that_cannot_be_variables_are_skipped_with_an_event() -> None:
    subject = pod(env_from=[{"configMapRef": {"name": "settings"}}])
    sources = {CM: config_map(**{"1a": "x", "b c": "x", "ok": "x"})}
    assert values(subject, sources) == {"ok": "x"}
    assert problems(subject, sources) == [("InvalidEnvironmentVariableNames", False)]


@pytest.mark.parametrize(("optional", "reason"), [(True, "OptionalSecretNotFound"), (False, "MandatorySecretNotFound")])
def test_a_missing_secret_stops_the_pod_unless_it_is_optional(optional: bool, reason: str) -> None:
    subject = pod([{"name": "A", "valueFrom": key_ref("secret", "password", "it", optional=optional)}])
    assert problems(subject, {SECRET: None}) == [(reason, not optional)]


@pytest.mark.parametrize(
    ("optional", "reason"), [(True, "OptionalConfigMapKeyNotFound"), (False, "MandatoryConfigMapKeyNotFound")]
)
def test_a_missing_key_stops_the_pod_unless_it_is_optional(optional: bool, reason: str) -> None:
    subject = pod([{"name": "A", "valueFrom": key_ref("configMap", "settings", "x", optional=optional)}])
    assert problems(subject, {CM: config_map()}) == [(reason, not optional)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.namespace", "default"),
        ("spec.nodeName", "vk"),
        ("status.hostIP", "192.0.2.1"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['none']", ""),
        ("metadata.labels", 'app="web"\nnote="say \\"hi\\""'),
    ],
)
def test_fields_of_the_pod_are_known(path: str, expected: str) -> None:
    subject = pod([{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}])
    subject["metadata"]["labels"] = {"note": 'say "hi"', "app": "web"}
    assert values(subject)["A"] == expected


def test_a_field_that_no_kubelet_knows_is_said_to_be_unsupported() -> None:
    subject = pod([{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.restartPolicy"}}}])
    assert problems(subject, {}) == [("UnsupportedFieldPath", True)]


def test_the_pods_own_address_is_left_out_until_it_is_known() -> None:
    subject = pod([{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}])
    resolved = resolve(subject, {}, HOST)
    assert (resolved.late, resolved.problems) == ((("main", "A"),), ())
    assert values({**subject, "status": {"podIP": "10.0.0.7"}}) == {"A": "10.0.0.7"}


def test_the_pods_own_address_hides_what_had_the_name_before() -> None:
    variable = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    assert values(pod([variable], [{"configMapRef": {"name": "settings"}}]), {CM: config_map(A="not it")}) == {}


def test_each_reference_is_named_once() -> None:
    env = [{"name": name, "valueFrom": key_ref("configMap", "settings", name)} for name in "ab"]
    assert references(pod(env, [{"secretRef": {"name": "password"}}])) == [SECRET, CM]


def test_the_original_pod_is_not_changed() -> None:
    subject = pod([{"name": "A", "value": "$(B)"}], [{"configMapRef": {"name": "settings"}}])
    before = repr(subject)
    resolve(subject, {CM: config_map(B="1")}, HOST)
    assert repr(subject) == before
