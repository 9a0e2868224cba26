"""What a client sends, made ready for the server: decoded, and held to its type as the client wishes. Pure."""

from dataclasses import dataclass
from typing import Any

from fakes.apiserver import bodies, fieldcheck, gojson
from fakes.apiserver.errors import bad_request, internal
from fakes.apiserver.objects import Object
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.schema import Schema, of_kind, of_type
from fakes.apiserver.typecheck import misread, mistyped, unregistered, unrestorable


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
    expected, api_version = _expected(resource, subresource)
    try:
        body = _object(content, content_type)
    except bodies.Unreadable as error:
        why = f"{KIND_UNKNOWN if error.prefix else ''}{error.prefix}{error.why} ({_summary(content)})"
        raise bad_request(f"the object provided is unrecognized (must be of type {expected}): {why}") from None
    kind, api_version = str(body.get("kind") or expected), str(body.get("apiVersion") or api_version)
    version = api_version.rpartition("/")[2]
    schema = of_kind(api_version, kind)
    if schema is None:
        if resource.schema is not None and not subresource:  # an eviction may be of an older version
            raise bad_request(_mishandled(kind, version, expected, unregistered(kind, api_version)))
        return Received(body)
    body, problems = _checked(body, content, content_type, schema, validation)
    wrong = misread({**body, "kind": kind, "apiVersion": api_version}, expected)
    if wrong:
        raise bad_request(_mishandled(kind, version, expected, wrong))
    if problems and validation == "Strict":
        raise fieldcheck.refused(kind, version, problems)
    return Received(body, tuple(problems) if validation != "Ignore" else ())


def received_delete_options(content: bytes, content_type: str) -> Object | None:
    """The ``DeleteOptions`` that came with a delete, None if there are none; raises ``StatusError``."""
    if not content:
        return None
    try:
        body = _object(content, content_type)
    except bodies.Unreadable as error:
        raise internal(f"{KIND_UNKNOWN if error.prefix else ''}{error.prefix}{error.why}") from None
    if body.get("kind") not in (None, "", "DeleteOptions"):
        raise internal(unregistered(body["kind"], str(body.get("apiVersion") or "")))
    wrong = mistyped(body, of_type(DELETE_OPTIONS), "DeleteOptions")
    if wrong:
        raise internal(wrong)
    return body


KIND_UNKNOWN = "couldn't get version/kind; "
DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_META_TYPE = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'


def _object(content: bytes, content_type: str) -> Object:
    """A body that is to be an object; a null is one without anything. Raises ``bodies.Unreadable``."""
    body = bodies.decode(content, content_type)
    if body is None:
        return {}
    wrong = "" if isinstance(body, dict) else f"{gojson.kind(body)} into Go value of type {_META_TYPE}"
    for field in ("apiVersion", "kind") if not wrong else ():
        if not isinstance(body.get(field), str | None):
            wrong = f"{gojson.kind(body[field])} into Go struct field .{field} of type string"
    if wrong:
        raise bodies.Unreadable(f"json: cannot unmarshal {wrong}", "json parse error: ")
    return body  # type: ignore[no-any-return]  # looked at above


def _mishandled(kind: str, version: str, expected: str, why: str) -> str:
    return f'{kind} in version "{version}" cannot be handled as a {expected}: {why}'


def _summary(content: bytes, most: int = 30) -> str:
    """The beginning of a body that could not be read; in hexadecimal digits if it does not look like an object."""
    if not content:
        return "<empty>"
    start, rest = content[:most], " ..." if len(content) > most else ""
    return (start.decode(errors="replace") if content[:1] == b"{" else start.hex()) + rest


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
    try:
        patch = bodies.decode(content, content_type)
    except bodies.Unreadable as error:
        raise bad_request(
            f"error decoding {'YAML' if content_type == bodies.APPLY else 'patch'}: {error.why}"
        ) from None
    of_list = content_type == bodies.JSON_PATCH
    fits = isinstance(patch, list if of_list else dict)
    if not fits:
        go_type = "[]handlers.jsonPatchOp" if of_list else "map[string]interface {}"
        why = f"json: cannot unmarshal {gojson.kind(patch)} into Go value of type {go_type}"
        raise bad_request(f"error decoding patch: {why}")
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
            if content_type == bodies.STRATEGIC:
                raise fieldcheck.unreadable_patch(fieldcheck.in_go(patch), unrestorable(known, schema))
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
