"""The content of a pod's volumes and its registry logins, from the objects that it refers to. Pure.

Only volumes whose content the cluster gives: configMap, secret, downwardAPI and projected. What is mounted where is the
provider's business. The rules are the kubelet's.
"""

import base64
import binascii
import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from providers.data import File, RegistryCredential
from providers.types import Pod
from runner.downward import Host, field_value, resource_value
from runner.references import Problem, Reference, Sources, Unreadable

DEFAULT_MODE = 0o644
FAILED_MOUNT = "FailedMount"
FAILED_PULL_SECRET = "FailedToRetrieveImagePullSecret"  # noqa: S105  (the reason of an event)
SHORTEST_TOKEN, USUAL_TOKEN = 600, 3600
"""Seconds that a service account's token lives, at the least and where nothing is said."""


@dataclass(frozen=True, slots=True)
class TokenNeed:
    """A service account's token that a volume wants.

    Attributes:
        audience: whom it is for; empty for the API server.
        seconds: how long it is to live.
    """

    audience: str
    seconds: int


T = TypeVar("T")
Tokens = Mapping[TokenNeed, str | Unreadable]


@dataclass(frozen=True, slots=True)
class Volumes:
    """What was found: see ``providers.data.PodData`` for the first two."""

    files: dict[str, tuple[File, ...]]
    secret: frozenset[str]
    problems: tuple[Problem, ...]


def are_from_cluster(pod: Pod) -> bool:
    """Whether the pod has volumes whose content the cluster gives."""
    return next(_volumes(pod), None) is not None


def references(pod: Pod) -> list[Reference]:
    """The ConfigMaps and Secrets that the pod's volumes name, each once, in order."""
    found: dict[Reference, None] = {}
    for _, kind, source in _sources(pod):
        if kind == "configMap":
            found[Reference("ConfigMap", source.get("name", ""))] = None
        elif kind == "secret":
            found[Reference("Secret", source.get("secretName") or source.get("name", ""))] = None
    return list(found)


def pull_secrets(pod: Pod) -> list[Reference]:
    """The Secrets with the pod's registry logins."""
    named = pod.get("spec", {}).get("imagePullSecrets") or []
    return list(dict.fromkeys(Reference("Secret", each["name"]) for each in named if each.get("name")))


def ask_for_resources(pod: Pod) -> bool:
    """Whether a file of the pod's volumes tells a container's requests or limits."""
    return any(
        "resourceFieldRef" in item
        for _, kind, source in _sources(pod)
        if kind == "downwardAPI"
        for item in source.get("items") or []
    )


def token_needs(pod: Pod) -> list[TokenNeed]:
    """The tokens that the pod's volumes want, each once, in order."""
    found = {_token_need(source): None for _, kind, source in _sources(pod) if kind == "serviceAccountToken"}
    return list(found)


def resolve(pod: Pod, sources: Sources, tokens: Tokens, host: Host) -> Volumes:
    """The files of the pod's volumes."""
    files: dict[str, tuple[File, ...]] = {}
    secret: list[str] = []
    problems: list[Problem] = []
    for volume in _volumes(pod):
        name = volume["name"]
        found: dict[str, File] = {}
        try:
            for kind, source, mode in _parts(volume):
                for file in _files(kind, source, mode, pod, sources, tokens, host):
                    found[file.path] = file
                if kind in ("secret", "serviceAccountToken"):
                    secret.append(name)
        except ValueError as error:
            message = f'MountVolume.SetUp failed for volume "{name}" : {error}'
            problems.append(Problem(FAILED_MOUNT, message, fatal=True))
        files[name] = tuple(file for _, file in sorted(found.items()))
    return Volumes(files, frozenset(secret), tuple(problems))


def registries(pod: Pod, sources: Sources) -> tuple[tuple[RegistryCredential, ...], tuple[Problem, ...]]:
    """The logins of the pod's ``imagePullSecrets``, each server once. What is missing or broken is told, no more."""
    found: dict[str, RegistryCredential] = {}
    problems: list[Problem] = []
    for reference in pull_secrets(pod):
        secret = sources.get(reference)
        try:
            for credential in _credentials(secret):
                found.setdefault(credential.server, credential)
        except ValueError as error:
            message = f"Unable to retrieve image pull secret {reference.name}: {error}; pulling may fail"
            problems.append(Problem(FAILED_PULL_SECRET, message, fatal=False))
    return tuple(found.values()), tuple(problems)


# --- volumes --------------------------------------------------------------------------------------------------------

_DIRECT = ("configMap", "secret", "downwardAPI")
_PROJECTED = (*_DIRECT, "serviceAccountToken")


def _volumes(pod: Pod) -> Iterator[Mapping[str, Any]]:
    for volume in pod.get("spec", {}).get("volumes") or []:
        if any(kind in volume for kind in (*_DIRECT, "projected")):
            yield volume


def _sources(pod: Pod) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Volume, kind and content of each thing that the pod's volumes consist of."""
    for volume in _volumes(pod):
        for kind in _DIRECT:
            if kind in volume:
                yield volume["name"], kind, volume[kind] or {}
        for part in (volume.get("projected") or {}).get("sources") or []:
            for kind in _PROJECTED:
                if part.get(kind) is not None:
                    yield volume["name"], kind, part[kind]


def _parts(volume: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    """Kind, content and default mode of each thing that a volume consists of. Raises ValueError for what we lack."""
    for kind in _DIRECT:
        if kind in volume:
            source = volume[kind] or {}
            yield kind, source, source.get("defaultMode", DEFAULT_MODE)
    projected = volume.get("projected") or {}
    for part in projected.get("sources") or []:
        for kind, source in part.items():
            if kind not in _PROJECTED:
                raise ValueError(f"a projected {kind} is not supported on a virtual node")
            yield kind, source or {}, projected.get("defaultMode", DEFAULT_MODE)


def _files(
    kind: str, source: Mapping[str, Any], mode: int, pod: Pod, sources: Sources, tokens: Tokens, host: Host
) -> Iterator[File]:
    match kind:
        case "configMap":
            yield from _keyed("ConfigMap", source.get("name", ""), source, mode, sources)
        case "secret":
            yield from _keyed("Secret", source.get("secretName") or source.get("name", ""), source, mode, sources)
        case "serviceAccountToken":
            token = _readable(tokens[_token_need(source)], "failed to fetch token: ")
            yield File(_path(source.get("path", "token")), mode, token.encode())
        case _:
            for item in source.get("items") or []:
                yield File(_path(item["path"]), item.get("mode", mode), _downward(pod, item, host).encode())


def _keyed(kind: str, name: str, source: Mapping[str, Any], mode: int, sources: Sources) -> Iterator[File]:
    """The keys of a ConfigMap or Secret as files: all, or those that are listed."""
    optional = bool(source.get("optional"))
    obj = _readable(sources.get(Reference(kind, name)), f'{kind.lower()} "{name}" cannot be read: ')
    if obj is None:
        if optional:
            return
        raise ValueError(f'{kind.lower()} "{name}" not found')
    content = content_of(kind, obj)
    items: Sequence[Mapping[str, Any]] | None = source.get("items")
    if not items:
        for key, data in content.items():
            yield File(_path(key), mode, data)
        return
    for item in items:
        if item["key"] in content:
            yield File(_path(item["path"]), item.get("mode", mode), content[item["key"]])
        elif not optional:
            raise ValueError(f"references non-existent {kind.lower()} key: {item['key']}")


def _readable(found: T | Unreadable, otherwise: str) -> T:
    """What was found. Raises ValueError, with what the API server says, if it was not to be had."""
    if isinstance(found, Unreadable):
        raise ValueError(otherwise + found.message)  # noqa: TRY004  (bad data, not a bad call)
    return found


def content_of(kind: str, obj: Mapping[str, Any]) -> dict[str, bytes]:
    """Key -> bytes of a ConfigMap or a Secret."""
    if kind == "Secret":
        return {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
    text = {key: str(value).encode() for key, value in (obj.get("data") or {}).items()}
    return {**text, **{key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}}


def _downward(pod: Pod, item: Mapping[str, Any], host: Host) -> str:
    if "fieldRef" in item:
        path = item["fieldRef"].get("fieldPath", "")
        value = field_value(pod, path, host)
        if value is None:
            raise ValueError(f"unsupported fieldPath: {path}")
        return value
    containers = {each["name"]: each for each in pod.get("spec", {}).get("containers") or []}
    return resource_value(containers, item.get("resourceFieldRef") or {}, host)


def _path(path: str) -> str:
    """The path, if it stays in its volume. Raises ValueError."""
    if not path or path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"the path {path!r} leaves the volume")
    return posixpath.normpath(path)


def _token_need(source: Mapping[str, Any]) -> TokenNeed:
    return TokenNeed(
        source.get("audience") or "", max(int(source.get("expirationSeconds") or USUAL_TOKEN), SHORTEST_TOKEN)
    )


# --- registries -----------------------------------------------------------------------------------------------------


def _credentials(found: Mapping[str, Any] | Unreadable | None) -> Iterator[RegistryCredential]:
    """The logins in a Secret of one of Docker's two forms. Raises ValueError."""
    secret = _readable(found, "it cannot be read: ")
    if secret is None:
        raise ValueError("not found")
    data = content_of("Secret", secret)
    if ".dockerconfigjson" in data:
        servers = _object(json.loads(data[".dockerconfigjson"])).get("auths") or {}
    elif ".dockercfg" in data:
        servers = json.loads(data[".dockercfg"])
    else:
        raise ValueError("it has neither .dockerconfigjson nor .dockercfg")
    for server, entry in _object(servers).items():
        login = _object(entry)
        username, password = login.get("username", ""), login.get("password", "")
        if not username and login.get("auth"):
            try:
                username, _, password = base64.b64decode(login["auth"], validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError) as error:
                raise ValueError(f"the auth of {server} is not base64: {error}") from error
        yield RegistryCredential(server, username, password)


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object of the form that docker login writes")  # noqa: TRY004  (bad data, not a bad call)
    return value
