"""What a newcomer waits for: the report of the quickstart, and the help text. New processes, the median of five."""

import statistics
import subprocess
import sys
import tempfile
from time import perf_counter

RUNS = 5


def seconds(*arguments: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        begun = perf_counter()
        subprocess.run(  # noqa: S603  (our own command)
            [sys.executable, "-m", "vksim", *arguments], check=True, capture_output=True, cwd=folder
        )
        return perf_counter() - begun


def main() -> None:
    for name, arguments, limit in (
        ("vksim run quickstart", ("run", "quickstart"), 2.0),
        ("vksim --help", ("--help",), 0.3),
    ):
        median = statistics.median(seconds(*arguments) for _ in range(RUNS))
        print(f"{name}: {median:.2f} s (limit {limit} s)")


if __name__ == "__main__":
    main()
