"""What the query of a request means (``fakes.apiserver.requests``)."""

from typing import Any

import pytest

from fakes.apiserver import requests
from fakes.apiserver.errors import StatusError

TOO_LARGE = 2**63


@pytest.mark.parametrize("option", ["limit", "timeoutSeconds"])
@pytest.mark.parametrize(
    ("text", "why"),
    [("ten", "invalid syntax"), (str(TOO_LARGE), "value out of range"), (f"-{TOO_LARGE}", "out of range")],
)
def test_a_number_that_is_none_is_refused(option: str, text: str, why: str) -> None:
    with pytest.raises(StatusError, match=why):
        requests.list_options({option: text})


@pytest.mark.parametrize("body", [None, {"gracePeriodSeconds": TOO_LARGE}])
def test_a_grace_that_is_no_number_of_64_bits_is_refused(body: Any) -> None:
    with pytest.raises(StatusError, match="out of range"):
        requests.delete_options({"gracePeriodSeconds": str(TOO_LARGE)}, body)
