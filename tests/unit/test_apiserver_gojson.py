"""What a client reads of a body that is no JSON, in Go's words (``fakes.apiserver.gojson``, ``formats``)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.apiserver import formats, gojson


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"a": [', "unexpected end of JSON input"),
        (b"x", "invalid character 'x' looking for beginning of value"),
        (b"\xc7+", "invalid character 'Ç' looking for beginning of value"),
        (b"'a'", "invalid character '\\'' looking for beginning of value"),
        (b'{"a": 1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a": 1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"{}}", "invalid character '}' after top-level value"),
        (b"trux", "invalid character 'x' in literal true (expecting 'e')"),
        (b'"a\n"', "invalid character '\\n' in string literal"),
        (b'"\\q"', "invalid character 'q' in string escape code"),
        (b'"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
    ],
)
def test_a_text_that_is_no_json_is_refused_in_the_words_of_go(text: bytes, why: str) -> None:
    assert gojson.problem(text) == why


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_nothing_is_wrong_with_json(value: object) -> None:
    assert gojson.problem(json.dumps(value, indent=1).encode()) == ""


@given(st.binary())
def test_what_python_reads_is_right_and_what_it_does_not_is_wrong(text: bytes) -> None:
    try:
        json.loads(text.decode("latin-1"), parse_constant=lambda word: json.loads(f"not {word}"))
    except (ValueError, RecursionError):
        assert gojson.problem(text) != ""
    else:
        assert gojson.problem(text) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("YQ==", ""),
        ("YQ\n==", ""),
        ("v", "illegal base64 data at input byte 0"),
        ("YWJjZ", "illegal base64 data at input byte 4"),
        ("§", "illegal base64 data at input byte 0"),
        ("YW-j", "illegal base64 data at input byte 2"),
    ],
)
def test_bytes_are_base64(text: str, why: str) -> None:
    assert formats.content(text) == why


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5+02:00"])
def test_a_time_may_have_any_fraction_of_a_second_and_any_zone(text: str) -> None:
    assert formats.time(text) == ""


@pytest.mark.parametrize(
    ("text", "rest", "part"),
    [
        ("soon", "soon", "2006"),
        ("2026-01-02 03:04:05Z", " 03:04:05Z", "T"),
        ("2026-01-02T03:04:05", "", "Z07:00"),
    ],
)
def test_a_time_that_is_none_is_refused_at_the_part_that_cannot_be_read(text: str, rest: str, part: str) -> None:
    layout = "2006-01-02T15:04:05Z07:00"
    assert formats.time(text) == f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{part}"'


def test_a_time_of_a_lease_has_six_digits_of_a_second() -> None:
    assert formats.micro_time("2026-01-02T03:04:05.000000Z") == ""
    assert formats.micro_time("2026-01-02T03:04:05.000Z").endswith('cannot parse ".000Z" as ".000000"')
    assert formats.micro_time("2026-01-02T03:04:05.000000Zx").endswith('extra text: "x"')
