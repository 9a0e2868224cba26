"""A day of a cluster in which nothing happens: what heartbeats cost in virtual time."""

import argparse
import os
import resource
from pathlib import Path

from vksim import scenario
from vksim.simulation import play


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--hours", type=float, default=24)
    options = parser.parse_args()
    subject = scenario.decode(
        {
            "apiVersion": scenario.API_VERSION,
            "kind": "Scenario",
            "metadata": {"name": "idle"},
            "duration": f"{options.hours:g}h",
            "cluster": {"nodes": [{"name": "node", "count": options.nodes}]},
        }
    )
    with Path(os.devnull).open("wb") as log:
        result = play(subject, "idle", log)
    assert result.passed
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.nodes} nodes, {options.hours:g} h: {result.wall_seconds:.2f} s, peak memory {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
