"""What the runner writes of its node, and what it leaves to others (``runner.node``)."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from providers.base import healthy_conditions
from runner import node
from runner.config import RunnerConfig, provider_taint

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONFIG = RunnerConfig(node_name="vk", taints=(provider_taint("mock"),), labels={"team": "blue"})


def wanted(config: RunnerConfig = CONFIG, provider_id: str = "", **changes: Any) -> Any:
    parts: dict[str, Any] = {
        "operating_system": "linux",
        "capacity": {"cpu": "4", "pods": "10"},
        "conditions": healthy_conditions(),
        "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}, {"type": "Hostname", "address": "vk"}],
        "endpoints": {"kubeletEndpoint": {"Port": 10250}},
        "provider_id": provider_id,
    }
    return node.node_object(config, **{**parts, **changes})


def registered(config: RunnerConfig = CONFIG, **changes: Any) -> Any:
    """The node as the API has it after its registration."""
    return json.loads(json.dumps(node.with_record(wanted(config, **changes))))


def metadata_patch(new: Any, live: Any) -> Any:
    return node.metadata_patch(node.with_record(new), live)


def status_patch(new: Any, live: Any) -> Any:
    return node.status_patch(node.with_record(new), live, NOW)["status"]


def test_an_unchanged_node_needs_no_patch() -> None:
    assert metadata_patch(wanted(), registered()) is None


def test_the_record_of_an_unchanged_node_does_not_change_with_time() -> None:
    later = [{**each, "lastHeartbeatTime": "2026-01-02T04:00:00Z"} for each in healthy_conditions()]
    assert metadata_patch(wanted(conditions=later), registered()) is None


def test_a_label_that_is_no_longer_ours_is_removed() -> None:
    patch = metadata_patch(wanted(replace(CONFIG, labels={})), registered())
    assert patch["metadata"]["labels"] == {"team": None}


def test_a_label_of_others_stays() -> None:
    live = registered()
    live["metadata"]["labels"]["zone"] = "b"
    assert metadata_patch(wanted(), live) is None


def test_a_label_that_others_changed_is_put_right() -> None:
    live = registered()
    live["metadata"]["labels"]["type"] = "other"
    assert metadata_patch(wanted(), live)["metadata"]["labels"] == {"type": "virtual-kubelet"}


def test_a_label_that_others_removed_meanwhile_is_not_removed_again() -> None:
    live = registered()
    del live["metadata"]["labels"]["team"]
    patch = metadata_patch(wanted(replace(CONFIG, labels={})), live)
    assert "labels" not in patch["metadata"]


def test_a_taint_that_is_no_longer_ours_is_removed_and_that_of_others_stays() -> None:
    live = registered()
    live["spec"]["taints"].append({"key": "other", "effect": "NoExecute"})
    new = wanted(replace(CONFIG, taints=(provider_taint("mock", key="new"),)))
    taints = metadata_patch(new, live)["spec"]["taints"]
    assert [each["key"] for each in taints] == ["other", "new"]


def test_a_taint_with_another_value_is_put_right() -> None:
    live = registered()
    live["spec"]["taints"][0]["value"] = "other"
    assert metadata_patch(wanted(), live)["spec"]["taints"] == [provider_taint("mock")]


def test_the_provider_id_is_set_on_a_node_that_has_none() -> None:
    patch = metadata_patch(wanted(provider_id="azure:///x"), registered())
    assert patch["spec"] == {"providerID": "azure:///x"}


def test_a_provider_id_is_not_changed_which_the_api_would_refuse() -> None:
    live = registered(provider_id="azure:///old")
    assert metadata_patch(wanted(provider_id="azure:///new"), live) is None


def test_what_a_foreign_node_has_stays_when_it_is_adopted() -> None:
    live = {
        "metadata": {"name": "vk", "labels": {"a": "b"}, "annotations": {"c": "d"}},
        "spec": {"taints": [{"key": "e", "effect": "NoSchedule"}]},
        "status": {"conditions": [{"type": "Foreign", "status": "True"}], "capacity": {"x/y": "1"}},
    }
    patch = metadata_patch(wanted(), live)
    assert None not in patch["metadata"]["labels"].values()
    assert patch["spec"]["taints"][0]["key"] == "e"
    status = status_patch(wanted(), live)
    assert status["capacity"] == {"cpu": "4", "pods": "10"}
    assert "Foreign" not in [each["type"] for each in status["conditions"]]


def test_a_record_that_cannot_be_read_counts_as_none() -> None:
    live = registered()
    live["metadata"]["annotations"] = dict.fromkeys(live["metadata"]["annotations"], "{")
    assert metadata_patch(wanted(replace(CONFIG, labels={})), live)["metadata"].get("labels") is None


def test_a_condition_that_is_no_longer_ours_is_removed() -> None:
    extra = [*healthy_conditions(), {"type": "CloudQuota", "status": "False"}]
    live = registered(conditions=extra)
    live["status"]["conditions"].append({"type": "Foreign", "status": "True"})
    conditions = status_patch(wanted(), live)["conditions"]
    assert [each for each in conditions if "$patch" in each] == [{"type": "CloudQuota", "$patch": "delete"}]


def test_a_capacity_that_is_no_longer_ours_is_removed() -> None:
    live = registered(capacity={"cpu": "4", "pods": "10", "nvidia.com/gpu": "1"})
    live["status"]["capacity"]["others.com/thing"] = "2"
    status = status_patch(wanted(), live)
    assert status["capacity"] == {"cpu": "4", "pods": "10", "nvidia.com/gpu": None}
    assert status["allocatable"] == {"cpu": "4", "pods": "10", "nvidia.com/gpu": None}


def test_an_address_that_is_no_longer_ours_is_removed() -> None:
    live = registered(addresses=[{"type": "ExternalIP", "address": "203.0.113.1"}])
    addresses = status_patch(wanted(), live)["addresses"]
    assert {"type": "ExternalIP", "$patch": "delete"} in addresses


def test_transition_times_move_only_with_the_status() -> None:
    live = registered()
    live["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"}]
    ready = status_patch(wanted(), live)["conditions"][0]
    assert ready["lastTransitionTime"] == "2025-01-01T00:00:00Z"
    assert ready["lastHeartbeatTime"] == "2026-01-02T03:04:05Z"
    live["status"]["conditions"][0]["status"] = "False"
    assert status_patch(wanted(), live)["conditions"][0]["lastTransitionTime"] == "2026-01-02T03:04:05Z"
