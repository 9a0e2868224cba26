"""Names in ACI."""

import re

import pytest

from providers.aci import names
from providers.pods import PodRef


def test_pods_of_different_namespaces_never_share_a_group() -> None:
    assert names.group(PodRef("a-b", "c", "1")) != names.group(PodRef("a", "b-c", "2"))


def test_a_namesake_has_another_group() -> None:
    assert names.group(PodRef("a", "b", "1")) != names.group(PodRef("a", "b", "2"))


def test_the_name_of_a_pods_group_is_always_the_same() -> None:
    assert (
        names.group(PodRef("shop", "web-0", "1"))
        == names.group(PodRef("shop", "web-0", "1"))
        == "shop-web-0-6b86b273ff"
    )


@pytest.mark.parametrize("name", ["x" * 253, "a.b.c", "x" * 47 + "-y", "a--b", "a.-b", "1"])
def test_every_name_is_one_that_aci_takes(name: str) -> None:
    made = names.group(PodRef("default", name, "1"))
    assert re.fullmatch(r"[a-z0-9](-?[a-z0-9])*", made)
    assert len(made) <= 63


def test_short_volumes_get_longer_names_and_long_ones_stay() -> None:
    assert names.volumes(["a", "config", "tmp"]) == {"a": "volume-a", "config": "config", "tmp": "volume-tmp"}


def test_a_free_name_stays_within_the_limit() -> None:
    taken = {"x" * 63, "x" * 61 + "-2"}
    made = names.free("x" * 63, taken)
    assert made not in taken
    assert len(made) == 63
