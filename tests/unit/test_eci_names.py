"""A group's name, tags and token: what ties it to its pod."""

import re
from typing import Any

from features.factories import BoundPodFactory, running
from providers.eci import names
from providers.eci.names import Owner
from providers.pods import PodRef

OWNER = Owner("prod", "vk-0")
REF = PodRef("shop", "web-0", "0b1c")


def test_a_name_has_only_what_the_cloud_allows():
    for pod in ("a.b.c", "x" * 253, "web-", "1"):
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,126}[a-z0-9]", names.group_name(PodRef("ns", pod, "u")))


def test_namesakes_have_different_names():
    assert names.group_name(REF) != names.group_name(REF._replace(uid="0b1d"))


def test_a_pod_is_known_by_its_tags():
    assert names.ref_of(names.tags(REF, OWNER, "2026-01-01T00:00:00Z"), OWNER) == REF


def test_long_names_survive_the_limit_of_a_tag():
    ref, owner = PodRef("ns", "p" * 253, "u"), Owner("c", "n" * 200)
    tags = names.tags(ref, owner, "now")
    assert max(len(each["Value"]) for each in tags) <= names.LONGEST_TAG_VALUE
    assert names.ref_of(tags, owner) == ref


def test_another_nodes_or_clusters_groups_are_not_ours():
    tags = names.tags(REF, OWNER, "now")
    assert names.ref_of(tags, Owner("prod", "vk-1")) is None
    assert names.ref_of(tags, Owner("test", "vk-0")) is None
    assert names.ref_of([{"Key": "team", "Value": "blue"}], OWNER) is None


def test_groups_of_the_2018_provider_are_known():
    old = {"PodName": "web-0", "NameSpace": "shop", "NodeName": "vk-0", "UID": "0b1c", "CreationTimestamp": "x"}
    tags = [{"Key": key, "Value": value} for key, value in old.items()]
    assert names.ref_of(tags, OWNER) == REF
    assert names.ref_of([*tags, {"Key": "ClusterName", "Value": "other"}], OWNER) is None


def _pod(**status: Any) -> Any:
    return BoundPodFactory(metadata__uid="u-1", status=status)


def test_each_attempt_has_the_same_token():
    assert names.client_token(_pod(phase="Pending")) == "u-1"


def test_a_pod_that_ran_in_a_group_that_was_lost_has_another_token():
    status = running()
    status["containerStatuses"][0]["containerID"] = names.container_id("eci-9", "main")
    token = names.client_token(_pod(**status))
    assert token != "u-1"
    assert token == names.client_token(_pod(**status))
    assert len(token) <= 64


def test_foreign_container_ids_say_nothing():
    assert names.group_of_container("containerd://eci-9/main") == ""
