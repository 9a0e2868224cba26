"""Pod lives a second: many pods on many nodes through the production agent, in virtual time, on one core.

Every write and every delivery of a watch is real; only the cloud behind the provider is a mock, and time jumps.
"""

import argparse
import cProfile
import os
import pstats
import resource
from pathlib import Path
from typing import Any

from vksim import scenario
from vksim.result import Result
from vksim.simulation import play


def described(nodes: int, pods: int, *, whole: bool, seconds: float) -> scenario.Scenario:
    """The scenario: the pods arrive evenly within a minute, and run; in whole lives they also end and are deleted."""
    life: dict[str, Any] = {"runFor": "30s", "deleteAfter": "5s"} if whole else {}
    return scenario.decode(
        {
            "apiVersion": scenario.API_VERSION,
            "kind": "Scenario",
            "metadata": {"name": "lifecycles"},
            "duration": f"{seconds:g}s",
            "settle": "10s",
            "cluster": {
                "nodes": [{"name": "node", "count": nodes, "script": {"start-after": ["1s", "5s"]}}],
            },
            "workloads": [{"name": "pod", "pods": pods, "at": "5s", "over": "60s", **life}],
            "expect": [f"pods.succeeded == {pods}", f"pods.deleted == {pods}"]
            if whole
            else [f"pods.running == {pods}"],
        }
    )


def measured(options: argparse.Namespace, *, whole: bool) -> Result:
    subject = described(options.nodes, options.pods, whole=whole, seconds=120.0 if whole else 80.0)
    with Path(os.devnull).open("wb") as log:
        result = play(subject, "lifecycles", log)
    assert result.passed, [each for each in result.expectations if not each.met] + [
        each.violations[:3] for each in result.invariants if each.violations
    ]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--whole", action="store_true", help="whole lives, with end and deletion; default: to Running")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args()
    if options.profile:
        profile = cProfile.Profile()
        result = profile.runcall(measured, options, whole=options.whole)
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
    else:
        result = measured(options, whole=options.whole)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    what = "whole lives" if options.whole else "lives to Running"
    print(
        f"{options.nodes} nodes, {options.pods} pods: {options.pods / result.wall_seconds:,.0f} {what} a second, "
        f"{result.wall_seconds:.2f} s for {result.virtual_seconds:.0f} s of virtual time, "
        f"{result.measured['api.writes']:,.0f} writes, peak memory {peak:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
