"""What a client sends, made ready for the server: decoded, and held to its type as the client wishes. Pure."""

from dataclasses import dataclass
from typing import Any

from fakes.apiserver import bodies, fieldcheck
from fakes.apiserver.errors import bad_request
from fakes.apiserver.objects import Object
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.schema import Schema, of_kind
from fakes.apiserver.typecheck import mistyped


@dataclass(frozen=True, slots=True)
class Received:
    """What a client sent.

    Attributes:
        body: an object, or a patch.
        warnings: what the client is to be told beside the answer.
    """

    body: Any
    warnings: tuple[str, ...] = ()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The warnings as headers."""
        return [("Warning", f'299 - "{each}"') for each in map(_quoted, self.warnings)]


def received(content: bytes, content_type: str, resource: ResourceType, subresource: str, validation: str) -> Received:
    """An object for a create or an update; raises ``StatusError``.

    Args:
        content: the request's body.
        content_type: how it is written.
        resource: what the request is about.
        subresource: which part of it, "" for the object itself.
        validation: the query's ``fieldValidation``.
    """
    body = bodies.decode(content, content_type)
    if not isinstance(body, dict):
        raise bad_request("the body must be an object")
    kind, api_version = _expected(resource, subresource)
    kind, api_version = str(body.get("kind") or kind), str(body.get("apiVersion") or api_version)
    schema = of_kind(api_version, kind)
    if schema is None:
        return Received(body)
    body, problems = _checked(body, content, content_type, schema, validation)
    wrong = mistyped(body, schema, kind)
    if wrong:
        version = api_version.rpartition("/")[2]
        raise bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {wrong}')
    if problems and validation == "Strict":
        raise fieldcheck.refused(kind, api_version.rpartition("/")[2], problems)
    return Received(body, tuple(problems) if validation != "Ignore" else ())


def _expected(resource: ResourceType, subresource: str) -> tuple[str, str]:
    """The kind and API version of what is sent."""
    part = resource.subresource(subresource)
    if part is None:
        return resource.kind, resource.api_version
    if not part.version:
        return part.kind, resource.api_version
    return part.kind, f"{part.group}/{part.version}" if part.group else part.version


def received_patch(content: bytes, content_type: str, resource: ResourceType, validation: str) -> Received:
    """A patch; raises ``StatusError``."""
    patch = bodies.decode(content, content_type)
    if content_type == bodies.APPLY and not isinstance(patch, dict):
        raise bad_request("the body must be an object")
    schema = resource.schema
    if schema is None:
        return Received(patch)
    known = patch
    if isinstance(patch, list):
        problems = fieldcheck.in_operations(patch, schema)
    else:
        known, problems = _checked(patch, content, content_type, schema, validation)
        wrong = mistyped(known, schema, resource.kind)
        if wrong and content_type != bodies.APPLY:
            raise fieldcheck.unreadable_patch(content.decode(errors="replace"), wrong)
    if problems and content_type == bodies.APPLY:
        raise fieldcheck.undeclared(patch, resource.api_version, problems)
    if problems and validation == "Strict":
        shown = patch if content_type == bodies.STRATEGIC else None
        raise fieldcheck.refused_patch(shown, content.decode(errors="replace"), problems)
    return Received(known, tuple(problems) if validation != "Ignore" else ())


def _checked(body: Object, content: bytes, content_type: str, schema: Schema, validation: str) -> tuple[Any, list[str]]:
    """The body less what is unknown, and what was wrong with it."""
    if validation != "Ignore" and bodies.media_type(content_type) in ("", bodies.JSON, *bodies.PATCHES):
        doubled = fieldcheck.with_doubled_keys(content)
        if doubled is not None:
            body = doubled
    return fieldcheck.known(body, schema)


def _quoted(text: str) -> str:
    """The inside of a quoted string of HTTP (RFC 7230); what is not printable is a question mark."""
    printable = "".join(each if " " <= each <= "~" else "?" for each in text)
    return printable.replace("\\", "\\\\").replace('"', '\\"')
