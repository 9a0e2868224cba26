"""What Go's decoder says of a text that is no JSON, or not the JSON that it wants. Pure."""

import binascii
import json
import re
from base64 import b64decode

END = "unexpected end of JSON input"
_SPACE = b" \t\r\n"
_LITERALS = {ord(word[0]): word for word in ("true", "false", "null")}
_NUMBER = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_ESCAPES = b'"\\/bfnrt'
_HEX = b"0123456789abcdefABCDEF"


class _Wrong(Exception):
    """The text is wrong, and why."""


def problem(text: bytes) -> str:
    """What is wrong with a text; empty if it is JSON."""
    try:
        at = _after_value(text, 0)
        if at < len(text):
            raise _unexpected(text, at, "after top-level value")
    except _Wrong as wrong:
        return str(wrong)
    return ""


def kind(value: object) -> str:
    """What Go's decoder calls a JSON value."""
    if isinstance(value, bool):
        return "bool"
    kinds = {int: "number", float: "number", str: "string", list: "array"}
    return next((word for type_, word in kinds.items() if isinstance(value, type_)), "object")


def base64_problem(text: str) -> str:
    """What is wrong with text that should be base64, as for a field of bytes; empty if nothing is."""
    data = re.sub(rb"[\r\n]", b"", text.encode())
    try:
        b64decode(data, validate=True)
    except binascii.Error:
        valid = len(re.split(rb"[^A-Za-z0-9+/]", data, maxsplit=1)[0])
        return f"illegal base64 data at input byte {valid if valid < len(data) else valid // 4 * 4}"
    return ""


def _after_value(text: bytes, at: int) -> int:
    """Where a value ends, and the space behind it."""
    closers: list[int] = []
    while True:
        at = _skip(text, at)
        opener = _at(text, at)
        if opener in b"[{":
            at = _skip(text, at + 1)
            if _at(text, at) != opener + 2:  # "]" is two characters after "[", as is "}"
                closers.append(opener + 2)
                at = _after_key(text, at) if opener == ord("{") else at
                continue
            at += 1
        else:
            at = _after_scalar(text, at)
        at = _skip(text, at)
        while closers and _at(text, at) == closers[-1]:
            closers.pop()
            at = _skip(text, at + 1)
        if not closers:
            return at
        in_object = closers[-1] == ord("}")
        if _at(text, at) != ord(","):
            raise _unexpected(text, at, "after object key:value pair" if in_object else "after array element")
        at = _after_key(text, _skip(text, at + 1)) if in_object else at + 1


def _after_key(text: bytes, at: int) -> int:
    if _at(text, at) != ord('"'):
        raise _unexpected(text, at, "looking for beginning of object key string")
    at = _skip(text, _after_string(text, at))
    if _at(text, at) != ord(":"):
        raise _unexpected(text, at, "after object key")
    return at + 1


def _after_scalar(text: bytes, at: int) -> int:
    first = _at(text, at)
    if first == ord('"'):
        return _after_string(text, at)
    if first in _LITERALS:
        return _after_literal(text, at, _LITERALS[first])
    number = _NUMBER.match(text, at)
    if number is not None:
        end = number.end()
        if text[end : end + 1] == b".":
            _at(text, end + 1)
            raise _unexpected(text, end + 1, "after decimal point in numeric literal")
        return end
    if first == ord("-"):
        _at(text, at + 1)
        raise _unexpected(text, at + 1, "in numeric literal")
    raise _unexpected(text, at, "looking for beginning of value")


def _after_literal(text: bytes, at: int, word: str) -> int:
    for offset, letter in enumerate(word):
        if _at(text, at + offset) != ord(letter):
            raise _unexpected(text, at + offset, f"in literal {word} (expecting {_quoted(ord(letter))})")
    return at + len(word)


def _after_string(text: bytes, at: int) -> int:
    at += 1
    while (each := _at(text, at)) != ord('"'):
        if each < ord(" "):
            raise _unexpected(text, at, "in string literal")
        if each == ord("\\"):
            at += 1
            if _at(text, at) == ord("u"):
                for digit in range(at + 1, at + 5):
                    if _at(text, digit) not in _HEX:
                        raise _unexpected(text, digit, "in \\u hexadecimal character escape")
                at += 4
            elif _at(text, at) not in _ESCAPES:
                raise _unexpected(text, at, "in string escape code")
        at += 1
    return at + 1


def _skip(text: bytes, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _at(text: bytes, at: int) -> int:
    if at >= len(text):
        raise _Wrong(END)
    return text[at]


def _unexpected(text: bytes, at: int, where: str) -> _Wrong:
    return _Wrong(f"invalid character {_quoted(text[at])} {where}")


def _quoted(character: int) -> str:
    if character == ord("'"):
        return "'\\''"
    if character == ord('"'):
        return "'\"'"
    shown = json.dumps(chr(character), ensure_ascii=character < ord(" "))[1:-1]
    return f"'{shown}'"
