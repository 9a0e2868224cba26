from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from fakes.cloud.limits import QuotaExceeded, Quotas, TokenBucket
from fakes.cloud.model import Call, CloudModel, Timeline
from fakes.cloud.settings import BadSettings, Fault, FaultKind, Latency, Rate, parse

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = BEGIN

    def __call__(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def test_a_latency_without_p99_is_constant():
    assert Latency(20).draw(Random(1)) == 20


def test_latencies_are_spread_as_the_percentiles_say():
    random, latency = Random(1), Latency(20, 60)
    draws = sorted(latency.draw(random) for _ in range(10_000))
    assert draws[5000] == pytest.approx(20, rel=0.05)
    assert draws[9900] == pytest.approx(60, rel=0.1)


def test_a_bucket_says_when_the_next_call_is_taken():
    bucket = TokenBucket(Rate(burst=2, per_second=0.5))
    assert [bucket.take(0), bucket.take(0), bucket.take(0)] == [0, 0, 2]
    assert bucket.take(2) == 0


def test_a_refused_call_costs_no_token():
    bucket = TokenBucket(Rate(burst=1, per_second=1))
    bucket.take(0)
    for _ in range(5):
        bucket.take(0.5)
    assert bucket.take(1) == 0


def test_a_bucket_never_holds_more_than_its_burst():
    bucket = TokenBucket(Rate(burst=3, per_second=100))
    assert bucket.remaining(3600) == 3


def test_a_quota_is_taken_whole_or_not_at_all():
    quotas = Quotas({"groups": 10, "cores": 4})
    quotas.take("a", {"groups": 1, "cores": 3})
    with pytest.raises(QuotaExceeded, match="'cores' exceeded: limit 4, usage 3, requested 2"):
        quotas.take("b", {"groups": 1, "cores": 2})
    assert (quotas.usage("groups"), quotas.usage("cores")) == (1, 3)


def test_a_resource_made_anew_does_not_count_twice():
    quotas = Quotas({"cores": 4})
    quotas.take("a", {"cores": 4})
    quotas.take("a", {"cores": 4})
    assert quotas.usage("cores") == 4


def test_what_is_released_can_be_taken_again():
    quotas = Quotas({"cores": 4})
    quotas.take("a", {"cores": 4})
    quotas.release("a")
    quotas.release("a")
    quotas.take("b", {"cores": 4})
    assert quotas.usage("cores") == 4


def test_a_timeline_is_in_the_state_that_began_last():
    timeline = Timeline([(BEGIN, "Pending"), (BEGIN + timedelta(seconds=5), "Running")])
    moments = [BEGIN - timedelta(seconds=1), BEGIN, BEGIN + timedelta(seconds=4.9), BEGIN + timedelta(seconds=5)]
    assert [timeline.at(each) for each in moments] == ["Pending", "Pending", "Pending", "Running"]


def test_a_timeline_out_of_order_is_refused():
    with pytest.raises(ValueError, match="in the order"):
        Timeline([(BEGIN + timedelta(seconds=1), "b"), (BEGIN, "a")])


def test_a_fault_holds_for_its_operations_in_its_window():
    clock = Hand()
    fault = {"kind": "outage", "operations": ["create"], "after": 10, "until": 20}
    cloud = CloudModel(parse({"faults": [fault]}), clock, Random(1))
    outcomes = []
    for seconds in (9.9, 0.1, 9.9, 0.1):
        clock.move(seconds)
        outcomes.append((cloud.admit("create", "x").fault, cloud.admit("get", "x").fault))
    assert outcomes == [(None, None), (FaultKind.OUTAGE, None), (FaultKind.OUTAGE, None), (None, None)]


def test_what_is_done_and_what_is_heard_are_two_things():
    seen = {}
    for kind in FaultKind:
        fault = {"kind": kind.value} | ({"delay": {"median": 3}} if kind is FaultKind.SLOW else {})
        verdict = CloudModel(parse({"faults": [fault]}), Hand(), Random(1)).admit("create", "x")
        seen[kind.value] = (verdict.done, verdict.heard)
    assert seen == {
        "outage": (False, True),
        "throttled": (False, True),
        "no-capacity": (False, True),
        "lost-answer": (True, False),
        "lost-request": (False, False),
        "slow": (True, True),
    }


def test_a_slow_answer_is_late_by_the_delay():
    fault = {"kind": "slow", "delay": {"median": 3}}
    assert CloudModel(parse({"faults": [fault]}), Hand(), Random(1)).admit("create", "x").delay == 3


def test_a_fault_may_be_about_some_resources_only():
    fault = {"kind": "no-capacity", "operations": ["Create*"], "resources": ["zone-b/*"]}
    cloud = CloudModel(parse({"faults": [fault]}), Hand(), Random(1))
    calls = [("CreateGroup", "zone-a/x"), ("CreateGroup", "zone-b/x"), ("DeleteGroup", "zone-b/x")]
    assert [cloud.admit(*call).fault for call in calls] == [None, FaultKind.NO_CAPACITY, None]


def test_calls_may_share_a_bucket():
    rates = {"reads": {"burst": 2, "per_second": 1, "operations": ["Describe*", "List*"]}}
    cloud = CloudModel(parse({"rates": rates}), Hand(), Random(1))
    faults = [cloud.admit(each).fault for each in ("DescribeTasks", "ListTasks", "DescribeTasks", "RunTask")]
    assert faults == [None, None, FaultKind.THROTTLED, None]


def test_a_call_that_draws_from_two_buckets_takes_from_both_or_from_none():
    rates = {
        "RunTask": {"burst": 1, "per_second": 1},
        "all": {"burst": 2, "per_second": 0.1, "operations": ["*"]},
    }
    clock = Hand()
    cloud = CloudModel(parse({"rates": rates}), clock, Random(1))
    faults = [cloud.admit(each).fault for each in ("RunTask", "RunTask", "ListTasks")]
    assert faults == [None, FaultKind.THROTTLED, None]
    clock.move(1)
    assert cloud.admit("RunTask").retry_after == pytest.approx(9)


def test_a_call_may_cost_more_than_one_token():
    cloud = CloudModel(parse({"rates": {"RunTask": {"burst": 10, "per_second": 2}}}), Hand(), Random(1))
    cloud.admit("RunTask", cost=8)
    assert cloud.admit("RunTask", cost=6).retry_after == pytest.approx(2)


def test_a_fault_comes_as_often_as_its_probability_and_the_same_with_the_same_seed():
    def faults(seed: int) -> list[bool]:
        settings = parse({"faults": [{"kind": "lost-answer", "probability": 0.2}]})
        cloud = CloudModel(settings, Hand(), Random(seed))
        return [cloud.admit("create", "x").fault is not None for _ in range(2000)]

    assert faults(1) == faults(1)
    assert sum(faults(1)) == pytest.approx(400, rel=0.15)


def test_calls_over_the_rate_are_throttled_with_the_time_to_wait():
    clock = Hand()
    cloud = CloudModel(parse({"rates": {"create": {"burst": 1, "per_second": 0.1}}}), clock, Random(1))
    cloud.admit("create", "x")
    refused = cloud.admit("create", "y")
    assert (refused.fault, refused.retry_after) == (FaultKind.THROTTLED, pytest.approx(10))
    assert (cloud.remaining("create"), cloud.remaining("get")) == (0, None)


def test_every_call_is_counted_and_told_with_its_outcome():
    clock = Hand()
    cloud = CloudModel(parse({"faults": [{"kind": "no-capacity", "operations": ["create"]}]}), clock, Random(1))
    journal: list[Call] = []
    cloud.listeners.append(journal.append)
    cloud.admit("create", "x")
    clock.move(1)
    cloud.admit("get", "x")
    assert journal == [(BEGIN, "create", "x", "no-capacity"), (BEGIN + timedelta(seconds=1), "get", "x", "ok")]
    assert cloud.counts == {("create", "no-capacity"): 1, ("get", "ok"): 1}


def test_rules_may_come_and_go():
    cloud = CloudModel(parse({}), Hand(), Random(1))
    cloud.faults.append(Fault(FaultKind.OUTAGE))
    assert cloud.admit("get").fault is FaultKind.OUTAGE
    cloud.faults.clear()
    assert cloud.admit("get").fault is None


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"fault": []}, "fault"),
        ({"faults": [{"kind": "tardy"}]}, r"faults\[0\]\.kind"),
        ({"faults": [{"kind": "slow"}]}, "delay"),
        ({"faults": [{"kind": "outage", "delay": {"median": 1}}]}, "delay"),
        ({"faults": [{"kind": "outage", "probability": 2}]}, "probability"),
        ({"latencies": {"provision": {"median": 20, "p99": 10}}}, "p99"),
        ({"rates": {"create": {"burst": 0, "per_second": 1}}}, "burst"),
        ({"quotas": {"cores": -1}}, "quotas"),
    ],
)
def test_bad_settings_name_the_field(data: dict[str, object], field: str):
    with pytest.raises(BadSettings, match=field):
        parse(data)
