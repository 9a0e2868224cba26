"""The content of volumes and registry logins (``runner.volumes``), without a cluster."""

import base64
import json
from typing import Any

import pytest

from features.factories import BoundPodFactory
from providers.data import File, RegistryCredential
from runner import volumes
from runner.downward import Host
from runner.references import Reference, Unreadable
from runner.volumes import TokenNeed

HOST = Host("192.0.2.1", {"cpu": "2"})
NEED = TokenNeed("", 3600)
CM, SECRET = Reference("ConfigMap", "settings"), Reference("Secret", "keys")


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


SOURCES = {
    CM: {"data": {"a": "1", "b": "2"}, "binaryData": {"raw": encoded(b"\x00\xff")}},
    SECRET: {"data": {"key": encoded(b"s3cret")}},
}


def pod(*found: dict[str, Any]) -> dict[str, Any]:
    built = BoundPodFactory()
    built["spec"]["volumes"] = [{"name": f"v{number}", **each} for number, each in enumerate(found)]
    return built


def files(source: dict[str, Any], tokens: Any = None, sources: Any = None) -> list[tuple[str, int, bytes]]:
    found = volumes.resolve(pod(source), SOURCES if sources is None else sources, tokens or {}, HOST)
    assert found.problems == ()
    return [(each.path, each.mode, each.data) for each in found.files["v0"]]


def problem(source: dict[str, Any], tokens: Any = None) -> str:
    (found,) = volumes.resolve(pod(source), SOURCES, tokens or {NEED: Unreadable("no account")}, HOST).problems
    assert (found.reason, found.fatal) == ("FailedMount", True)
    return found.message


def test_all_keys_of_a_config_map_are_files_with_the_default_mode() -> None:
    assert files({"configMap": {"name": "settings", "defaultMode": 0o600}}) == [
        ("a", 0o600, b"1"),
        ("b", 0o600, b"2"),
        ("raw", 0o600, b"\x00\xff"),
    ]


def test_chosen_keys_have_paths_and_modes_of_their_own() -> None:
    items = [{"key": "b", "path": "x/../y/b.txt", "mode": 0o400}]
    with pytest.raises(AssertionError):  # a path that leaves the volume on its way is refused
        files({"configMap": {"name": "settings", "items": items}})
    items = [{"key": "b", "path": "y/b.txt", "mode": 0o400}, {"key": "a", "path": "a"}]
    assert files({"configMap": {"name": "settings", "items": items}}) == [("a", 0o644, b"1"), ("y/b.txt", 0o400, b"2")]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", ""])
def test_a_path_stays_in_its_volume(path: str) -> None:
    said = problem({"configMap": {"name": "settings", "items": [{"key": "a", "path": path}]}})
    assert "leaves the volume" in said


def test_a_secret_is_a_secret_volume() -> None:
    found = volumes.resolve(pod({"secret": {"secretName": "keys"}}, {"emptyDir": {}}), SOURCES, {}, HOST)
    assert found.files == {"v0": (File("key", 0o644, b"s3cret"),)}
    assert found.secret == {"v0"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
        ({"secret": {"secretName": "none"}}, 'secret "none" not found'),
        ({"configMap": {"name": "settings", "items": [{"key": "z", "path": "z"}]}}, "non-existent configmap key: z"),
        (
            {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "spec.x"}}]}},
            "unsupported fieldPath: spec.x",
        ),
        ({"projected": {"sources": [{"clusterTrustBundle": {"path": "x"}}]}}, "clusterTrustBundle is not supported"),
        ({"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}, "failed to fetch token: no account"),
    ],
)
def test_what_cannot_be_filled_is_said_as_a_kubelet_does(source: dict[str, Any], says: str) -> None:
    said = problem(source)
    assert said.startswith('MountVolume.SetUp failed for volume "v0" : ')
    assert says in said


@pytest.mark.parametrize(
    "kind", [{"configMap": {"name": "none", "optional": True}}, {"secret": {"secretName": "none", "optional": True}}]
)
def test_what_is_optional_may_be_missing(kind: dict[str, Any]) -> None:
    assert files(kind) == []


def test_the_downward_api_has_fields_and_resources() -> None:
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "cpu", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu", "divisor": "1m"}},
    ]
    found = pod({"downwardAPI": {"items": items}})
    found["metadata"]["labels"] = {"b": 'say "hi"', "a": "1"}
    (cpu, labels) = volumes.resolve(found, {}, {}, HOST).files["v0"]
    assert (cpu.data, labels.data) == (b"2000", b'a="1"\nb="say \\"hi\\""')


def test_a_projected_volume_is_all_of_its_sources_the_later_over_the_earlier() -> None:
    sources = [
        {"configMap": {"name": "settings", "items": [{"key": "a", "path": "same"}]}},
        {"secret": {"name": "keys", "items": [{"key": "key", "path": "same"}]}},
        {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 7200}},
    ]
    tokens = {TokenNeed("vault", 7200): "t0ken"}
    assert files({"projected": {"sources": sources}}, tokens) == [
        ("same", 0o644, b"s3cret"),
        ("token", 0o644, b"t0ken"),
    ]


def test_a_token_lives_ten_minutes_at_the_least_and_an_hour_usually() -> None:
    sources = [{"serviceAccountToken": {"path": "a", "expirationSeconds": 5}}, {"serviceAccountToken": {"path": "b"}}]
    assert volumes.token_needs(pod({"projected": {"sources": sources}})) == [TokenNeed("", 600), TokenNeed("", 3600)]


def test_each_object_is_named_once() -> None:
    twice = pod(
        {"configMap": {"name": "settings"}}, {"configMap": {"name": "settings"}}, {"secret": {"secretName": "keys"}}
    )
    assert volumes.references(twice) == [CM, SECRET]
    assert volumes.are_from_cluster(twice)
    assert not volumes.are_from_cluster(pod({"emptyDir": {}}))


# --- registries -----------------------------------------------------------------------------------------------------


def logins(*data: dict[str, bytes] | None) -> tuple[tuple[RegistryCredential, ...], list[str]]:
    subject = BoundPodFactory()
    subject["spec"]["imagePullSecrets"] = [{"name": f"s{number}"} for number, _ in enumerate(data)]
    sources = {
        Reference("Secret", f"s{number}"): None if each is None else {"data": {k: encoded(v) for k, v in each.items()}}
        for number, each in enumerate(data)
    }
    found, problems = volumes.registries(subject, sources)
    assert not any(each.fatal for each in problems)
    return found, [each.message for each in problems]


AUTH = encoded(b"me:pass:word")


def test_both_of_dockers_forms_are_read_the_first_login_for_a_server_counts() -> None:
    new = json.dumps({"auths": {"a.example": {"auth": AUTH}, "b.example": {"username": "you", "password": "p"}}})
    old = json.dumps({"b.example": {"username": "other", "password": "x"}})
    found, problems = logins({".dockerconfigjson": new.encode()}, {".dockercfg": old.encode()})
    assert problems == []
    assert found == (
        RegistryCredential("a.example", "me", "pass:word"),
        RegistryCredential("b.example", "you", "p"),
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "not found"),
        ({"other": b""}, "neither .dockerconfigjson nor .dockercfg"),
        ({".dockerconfigjson": b"{"}, "s0"),
        ({".dockerconfigjson": b"[]"}, "no JSON object"),
        ({".dockerconfigjson": b'{"auths": {"a.example": 1}}'}, "no JSON object"),
        ({".dockercfg": b'"text"'}, "no JSON object"),
        ({".dockercfg": b'{"a.example": {"auth": "%%%"}}'}, "the auth of a.example is not base64"),
    ],
)
def test_a_login_that_is_missing_or_broken_is_told_and_no_more(data: dict[str, bytes] | None, says: str) -> None:
    found, (said,) = logins(data)
    assert found == ()
    assert says in said


def test_a_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(File("a", 0o644, b"s3cret"))
    assert "s3cret" not in repr(RegistryCredential("a", "b", "s3cret"))
