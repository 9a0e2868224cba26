"""Pages of a list: continue tokens, and cutting a sorted list into pages. Pure."""

import base64
import binascii
from dataclasses import dataclass

import orjson

from fakes.apiserver import gojson
from fakes.apiserver.errors import StatusError, bad_request
from fakes.apiserver.objects import Object
from fakes.apiserver.selectors import Predicate

_VERSION = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Token:
    """Where a page ended: the version of the list, and the key of the last item."""

    version: int
    last: tuple[str, str]

    def encode(self) -> str:
        """As the client gets it: base64url, without padding, of JSON with the key after which to go on."""
        namespace, name = self.last
        start = f"/{namespace}/{name}\0" if namespace else f"/{name}\0"
        text = orjson.dumps({"v": _VERSION, "rv": self.version, "start": start})
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> "Token":
        """Raises ``StatusError`` (400) for what is not a token."""
        try:
            content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            raw = orjson.loads(content)
            known, version = raw["v"] == _VERSION, int(raw["rv"])
            namespace, _, name = raw["start"].removeprefix("/").removesuffix("\0").rpartition("/")
        except orjson.JSONDecodeError as error:
            raise _invalid(gojson.problem(content) or str(error)) from None
        except (binascii.Error, ValueError, KeyError, TypeError, AttributeError):
            known = False
        if not known:
            raise _invalid("it is not a token of this server")
        return cls(version, (namespace, name))


def _invalid(why: str) -> StatusError:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")


def cut(objects: list[Object], start: int, limit: int, matches: Predicate | None) -> tuple[list[Object], int]:
    """A page of at most ``limit`` matching objects from ``start`` on, and where the next one starts.

    As with etcd, there is a next one as long as objects are left, though none of them may match.
    """
    if matches is None:
        end = min(start + limit, len(objects))
        return objects[start:end], end
    page: list[Object] = []
    for at in range(start, len(objects)):
        if len(page) == limit:
            return page, at
        if matches(objects[at]):
            page.append(objects[at])
    return page, len(objects)
