"""Protobuf: an object is the same in both forms, and broken bytes are the client's fault."""

import contextlib
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.apiserver import protobuf
from fakes.apiserver.errors import StatusError
from fakes.apiserver.schema import Form, Schema, archive, of_kind

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "a", "labels": {"x": "y"}, "creationTimestamp": "2024-02-29T23:59:59Z"},
    "spec": {
        "containers": [
            {
                "name": "c",
                "ports": [{"containerPort": 80}],
                "resources": {"limits": {"cpu": "1500m"}},
                "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 3},
                "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": False}}}],
            }
        ],
        "securityContext": {"runAsUser": 0},
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "configMap": {"name": "cm"}}],
        "tolerations": [{"tolerationSeconds": -1}],
    },
}


def there_and_back(obj: dict[str, Any]) -> Any:
    return protobuf.decode(protobuf.encode(obj))


def test_a_pod_comes_back_as_it_was() -> None:
    assert there_and_back(POD) == POD


@pytest.mark.parametrize(
    "obj",
    [
        {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "spec": {"renewTime": "2024-01-01T00:00:00.123456Z"}},
        {"kind": "Secret", "apiVersion": "v1", "data": {"a": "aGVsbG8=", "empty": ""}},
        {"kind": "ConfigMap", "apiVersion": "v1", "data": {"ключ": "значение"}, "immutable": False},
        {"kind": "Service", "apiVersion": "v1", "spec": {"ports": [{"port": 80, "targetPort": 8080}]}},
        {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "preconditions": {"uid": "u"}},
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "details": {"name": "a"}},
        {
            "kind": "PodList",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": "7"},
            "items": [{"spec": {"nodeName": "n"}}],
        },
        {
            "kind": "CustomResourceDefinition",
            "apiVersion": "apiextensions.k8s.io/v1",
            "spec": {
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {
                            "openAPIV3Schema": {
                                "type": "object",
                                "x-kubernetes-preserve-unknown-fields": True,
                                "properties": {"a": {"default": {"b": 1}, "additionalProperties": False}},
                            }
                        },
                    }
                ]
            },
        },
    ],
    ids=lambda obj: obj["kind"],
)
def test_special_values_come_back(obj: dict[str, Any]) -> None:
    back = there_and_back(obj)
    assert {key: back[key] for key in obj} == obj


def test_what_go_writes_although_it_is_zero_is_dropped() -> None:
    empty = protobuf.envelope({"kind": "ConfigMap", "apiVersion": "v1"}, b"\x0a\x06\x0a\x00\x12\x00\x1a\x00")
    assert protobuf.decode(empty) == {"kind": "ConfigMap", "apiVersion": "v1"}


def test_a_list_is_made_of_its_items() -> None:
    listed = {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": [POD, POD]}
    items = [{key: POD[key] for key in ("metadata", "spec")}] * 2
    assert protobuf.decode(protobuf.encode_list(listed, protobuf.body)) == {**listed, "items": items}


def test_a_frame_has_its_length_in_front() -> None:
    framed = protobuf.frame("ADDED", protobuf.encode(POD))
    assert int.from_bytes(framed[:4], "big") == len(framed) - 4
    assert protobuf.MAGIC in framed


def test_a_kind_of_nobody_has_no_such_form() -> None:
    assert not protobuf.has_form({"kind": "Widget", "apiVersion": "example.org/v1"})
    with pytest.raises(StatusError) as caught:
        protobuf.decode(protobuf.envelope({"kind": "Widget", "apiVersion": "example.org/v1"}, b""))
    assert caught.value.code == 400


PODS = protobuf.encode(POD)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_object_are_refused(content: bytes) -> None:
    with pytest.raises(StatusError):
        protobuf.decode(content)


@given(st.integers(0, len(PODS) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_object_is_refused_or_read(at: int, noise: bytes) -> None:
    damaged = PODS[:at] + noise + PODS[at + len(noise) :]
    with contextlib.suppress(StatusError):
        assert isinstance(protobuf.decode(damaged), dict)


def sample(schema: Schema, random: Random, depth: int) -> Any:
    """A value of a type, some levels deep; None where the type alone does not say enough."""
    if schema.form is Form.ANY or (schema.form is Form.STRUCT and not depth):
        return None
    if schema.form is Form.STRUCT:
        chosen = [name for name in schema.fields if random.random() < 0.3]
        return {name: sample(schema.fields[name], random, depth - 1) for name in chosen}
    if schema.form is Form.SCALAR:
        return random.choice(SCALARS[schema.type, schema.format])
    items = [sample(schema.items, random, depth) for _ in range(random.randint(1, 2))]
    return items if schema.form is Form.LIST else dict(zip("ab", items, strict=False))


SCALARS: dict[tuple[str, str], list[Any]] = {
    ("string", ""): ["a", "длинно", "x" * 300],
    ("integer", "int32"): [1, 127, 128, 2**31 - 1, -1, -(2**31)],
    ("integer", "int64"): [1, 2**63 - 1, -1, -(2**63)],
    ("boolean", ""): [True],
    ("string", "byte"): ["aGVsbG8=", "/w=="],
    ("string", "date-time"): ["2024-02-29T23:59:59Z", "1969-12-31T23:59:59Z", "0999-01-01T00:00:00Z"],
    ("string", "int-or-string"): [0, 80, -1, "http", "25%"],
}


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "Pod"),
        ("v1", "Node"),
        ("apps/v1", "Deployment"),
        ("batch/v1", "Job"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ],
)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=30)
def test_any_object_of_a_type_comes_back(seed: int, api_version: str, kind: str) -> None:
    schema = of_kind(api_version, kind)
    assert schema is not None
    obj = without_empty({**sample(schema, Random(seed), 8), "kind": kind, "apiVersion": api_version})
    assert without_empty(there_and_back(obj)) == obj


def without_empty(value: Any) -> Any:
    """The value less nulls and empty objects: whether Go has one depends on whether a field is a pointer."""
    if isinstance(value, dict):
        slim = {key: without_empty(each) for key, each in value.items()}
        return {key: each for key, each in slim.items() if each not in (None, {}, [])}
    if isinstance(value, list):
        return [each for each in map(without_empty, value) if each not in (None, {}, [])]
    return value


def published_samples() -> list[Path]:
    """The samples that k8s.io/api publishes of each kind in each form, if Go's module cache has them."""
    try:
        asked = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return []
    folder = f"k8s.io/api@v0{archive.version().removeprefix('1')}/testdata/HEAD"
    found = (Path(asked.stdout.strip()) / folder).glob("*.pb")
    served = archive.packages()
    return sorted(each for each in found if api_version_of(each) in served and each.stem != "core.v1.WatchEvent")


def api_version_of(sample: Path) -> str:
    group, version, _ = sample.stem.rsplit(".", 2)
    return version if group == "core" else f"{group}/{version}"


def test_the_published_samples_are_read_and_written_to_the_byte() -> None:
    samples = published_samples()
    if not samples:
        pytest.skip(f"k8s.io/api@v0{archive.version().removeprefix('1')} is not in Go's module cache")
    for sample in samples:
        obj = without_null(orjson.loads(sample.with_suffix(".json").read_bytes()))
        content = sample.read_bytes()
        assert without_null(protobuf.decode(content)) == obj, sample.name
        if "PodDisruptionBudget" not in sample.name:  # its map of times has a zero time
            assert protobuf.encode(obj) == content, sample.name


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_null(each) for key, each in value.items() if each is not None}
    return [without_null(each) for each in value] if isinstance(value, list) else value
