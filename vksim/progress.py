"""How far a run is, on one line of a terminal: simulated time, pods by phase, speed."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from vksim.simulation import Progress, Report
from vksim.units import clock

REFRESH_SECONDS = 0.1


@contextmanager
def shown() -> Iterator[Report | None]:
    """What to tell how far the run is; None if nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415  (50 ms that only a terminal is worth)
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(stderr=True)
    begun = time.perf_counter()
    drawn = 0.0
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def report(progress: Progress) -> None:
            nonlocal drawn
            wall = time.perf_counter() - begun
            if wall - drawn >= REFRESH_SECONDS:
                drawn = wall
                live.update(Text(line(progress, wall), no_wrap=True, overflow="ellipsis"), refresh=True)

        yield report


def line(progress: Progress, wall: float) -> str:
    """The line.

    Args:
        progress: how far the run is.
        wall: seconds since it began.
    """
    share = min(progress.now / progress.until, 1.0) if progress.until else 1.0
    phases = "  ".join(f"{phase} {count:,}" for phase, count in progress.phases.items())
    speed = progress.now / wall if wall else 0.0
    bar = "━" * round(share * 20)
    return f"{clock(progress.now)} / {clock(progress.until)}  {bar:<20}  {phases}  {speed:,.0f}x real time"
