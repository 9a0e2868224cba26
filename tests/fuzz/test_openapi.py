"""Requests as the server's own OpenAPI documents describe them, and a little beside: schemathesis thinks of them."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core import NOT_SET

from tests.fuzz.door import Door, open_door

NS = "/api/v1/namespaces/default"
QUICK = ("/configmaps", "/leases", "/controllerrevisions", "/tokenreviews")
"""Parts of paths: a few small kinds."""
TO_NODES = ("attach", "exec", "log", "portforward", "proxy")
EXAMPLES = {"quick": 2, "long": 25}
NAMES = st.sampled_from(["x", "x", "y", "X", "ä", "a%2Fb", "."])
SPACES = st.sampled_from(["default", "default", "missing", "."])


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with open_door() as opened:
        yield opened


@pytest.mark.parametrize("effort", ["quick", pytest.param("long", marks=pytest.mark.slow)])
def test_what_openapi_describes_is_taken_or_refused(door: Door, effort: str) -> None:
    for operation in operations(door):
        if operation.path.rpartition("/")[2] in TO_NODES:
            continue
        if effort == "long" or any(part in operation.path for part in QUICK):
            fuzz(door, operation, EXAMPLES[effort])


def operations(door: Door) -> Iterator[Any]:
    """All that is described."""
    for root in door.send("GET", "/openapi/v3").body["paths"]:
        document = schemathesis.openapi.from_dict(door.send("GET", f"/openapi/v3/{root}").body)
        for found in document.get_all_operations():
            yield found.ok()


def fuzz(door: Door, operation: Any, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(), NAMES, SPACES)
    def asked(case: Any, name: str, namespace: str) -> None:
        for parameter, value in (("name", name), ("namespace", namespace)):
            if parameter in case.path_parameters:
                case.path_parameters[parameter] = value
        query = {key: value for key, value in (case.query or {}).items() if key != "watch"}
        body = None if case.body is NOT_SET else case.body
        if isinstance(body, dict) and case.method == "POST":
            body = {**body, "metadata": {"name": "x", **(body.get("metadata") or {})}}
        target = f"{case.formatted_path}?{urlencode(query, errors='replace')}"
        door.send(case.method, target, body, case.media_type or "application/json")
        if case.method == "GET":
            assert door.send("GET", "/api/v1/namespaces/default").status == 200

    asked()
