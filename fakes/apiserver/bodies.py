"""Request bodies and answers on the wire: JSON, YAML and protobuf; every stored object is encoded only once."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar

import orjson
import yaml
from yaml.scanner import ScannerError

from fakes.apiserver import gojson, protobuf
from fakes.apiserver.errors import unsupported_media_type
from fakes.apiserver.objects import Object, without

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
PATCHES = (JSON_PATCH, "application/merge-patch+json", STRATEGIC, APPLY)
CACHED = 4096
"""So many encoded objects are kept, for the watchers of the same write and for clients that read again."""


class Unreadable(Exception):
    """A body is broken.

    Attributes:
        why: in the words of Go's decoder.
        prefix: what is said before that where a body is looked at for its kind.
    """

    def __init__(self, why: str, prefix: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.prefix = prefix


def media_type(header: str) -> str:
    """The bare content type."""
    return header.split(";", 1)[0].strip().lower()


def decode(content: bytes, content_type: str) -> Any:
    """A body as an object.

    Raises:
        Unreadable: it is broken.
        StatusError: 415 for a type that is not read here.
    """
    kind = media_type(content_type) or JSON
    if kind.endswith("json"):
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise Unreadable(gojson.problem(content) or str(error), "json parse error: ") from None
    if kind in (YAML, APPLY):
        try:
            loaded = yaml.load(content, Loader=_Loader)  # noqa: S506  (a safe one)
            return orjson.loads(orjson.dumps(loaded, option=orjson.OPT_NON_STR_KEYS))
        except yaml.MarkedYAMLError as error:
            line = (error.problem_mark.line if error.problem_mark else 0) + isinstance(error, ScannerError)
            raise Unreadable(f"yaml: line {line}: {error.problem}") from None
        except (yaml.YAMLError, TypeError, ValueError) as error:
            raise Unreadable(f"yaml: {' '.join(str(error).split())}") from None
    if kind == PROTOBUF:
        return protobuf.decode(content)
    raise unsupported_media_type([JSON, YAML, PROTOBUF])


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C one is optional
    """YAML as Kubernetes reads it: what JSON has, so that a timestamp is a string."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, Any]]]] = {
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class Encoder:
    """Encodes objects, and remembers what it has encoded: a stored object never changes."""

    def __init__(self, encode: Callable[[Object], bytes] = orjson.dumps) -> None:
        self._encode = encode
        self._cache: OrderedDict[int, tuple[Object, bytes]] = OrderedDict()

    def stored(self, obj: Object) -> bytes:
        """A stored object in its encoded form."""
        key = id(obj)
        known = self._cache.get(key)
        if known is not None and known[0] is obj:
            return known[1]
        encoded = self._encode(obj)
        tight = bytes(memoryview(encoded))  # dumps over-allocates by a multiple (measured)
        self._cache[key] = (obj, tight)
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return tight


def event(kind: str, encoded: bytes) -> bytes:
    """A line of a watch, from an object as JSON."""
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), encoded)


def listed(found: Object) -> Object:
    """A list as clients see it: its items carry no kind and apiVersion."""
    return {**found, "items": [without(item, "kind", "apiVersion") for item in found["items"]]}


def as_yaml(obj: Any) -> bytes:
    """An answer as YAML."""
    plain = orjson.loads(orjson.dumps(obj))
    return yaml.dump(plain, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=True).encode()


def encode(obj: Any, *, pretty: bool = False) -> bytes:
    """An answer as JSON, with the newline that a real server sends."""
    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if pretty else 0)
    return orjson.dumps(obj, option=options)
