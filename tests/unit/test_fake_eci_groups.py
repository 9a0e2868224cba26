"""A group is computed when somebody looks: how often they look must make no difference."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.eci.catalog import Size
from fakes.eci.groups import Group, Pace, Place

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = Place("cn-hangzhou-b", "vsw-b", "10.0.0.1", "", Size(2, 4))
SECONDS = st.integers(1, 90).map(float)

scripts = st.fixed_dictionaries(
    {},
    optional={
        "run_for": SECONDS,
        "exit_code": st.sampled_from([0, 1]),
        "ends_after": SECONDS,
        "ready_after": st.integers(0, 5).map(float),
        "never_starts": st.sampled_from(["", "", "", "ImagePullBackOff"]),
    },
)
parameters = st.builds(
    lambda each, sidecar, initial, policy, deadline: {
        "ContainerGroupName": "web",
        "Container": [_container("main", each), *([_container("side", {}, "sidecar")] if sidecar else [])],
        "InitContainer": [_container("init", initial)] if initial is not None else [],
        "RestartPolicy": policy,
        "TerminationGracePeriodSeconds": "30",
        **({"ActiveDeadlineSeconds": str(deadline)} if deadline else {}),
    },
    scripts,
    st.booleans(),
    st.none() | scripts,
    st.sampled_from(["Always", "OnFailure", "Never"]),
    st.sampled_from([0, 0, 40, 100]),
)
actions = st.lists(
    st.tuples(st.integers(1, 200), st.sampled_from(["delete", "reclaim"])), max_size=2, unique_by=lambda each: each[1]
)


def _container(name: str, script: dict[str, Any], kind: str = "") -> dict[str, Any]:
    variables = [{"Key": "VKSIM_SCRIPT", "Value": json.dumps(script)}]
    if kind:
        variables.append({"Key": "ECI_CONTAINER_TYPE", "Value": kind})
    return {"Name": name, "Image": "app:1", "EnvironmentVar": variables}


def at_the_end(spec: dict[str, Any], done: list[tuple[int, str]], glances: int) -> Any:
    """The group after 300 s, looked at every so many seconds."""
    group = Group("eci-1", json.loads(json.dumps(spec)), PLACE, Pace(1.0, 2.0, 3.0), EPOCH)
    moments = sorted({*range(0, 301, glances), *(second for second, _ in done), 300})
    for second in moments:
        now = EPOCH + timedelta(seconds=second)
        group.look(now)
        for at, action in done:
            if at == second:
                getattr(group, action)(now)
    seen = group.look(EPOCH + timedelta(seconds=300))
    return (seen.status, seen.containers, seen.gone, seen.finished)


@settings(max_examples=200, deadline=None)
@given(parameters, actions)
def test_how_often_one_looks_makes_no_difference(spec: dict[str, Any], done: list[tuple[int, str]]):
    assert at_the_end(spec, done, 1) == at_the_end(spec, done, 300)


@settings(max_examples=100, deadline=None)
@given(parameters, st.integers(1, 250))
def test_a_deleted_group_is_gone_when_its_grace_is_over(spec: dict[str, Any], second: int):
    group = Group("eci-1", spec, PLACE, Pace(1.0, 2.0, 3.0), EPOCH)
    now = EPOCH + timedelta(seconds=second)
    group.look(now)
    group.delete(now)
    assert group.look(now + timedelta(seconds=30)).gone
