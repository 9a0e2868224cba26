"""The report's charts as SVG for a page: they take its colours (dark or light) and its font.

Drawn by matplotlib without pyplot. Each colour is drawn as a stand-in that becomes a CSS variable of the page.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, FuncFormatter, MaxNLocator, MultipleLocator, PercentFormatter

from vksim import units
from vksim.result import Band, percentile

WIDTH = 9.2
"""Inches; the page scales the drawing."""

POINTS = 240
"""So many points a line has at most."""

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
"""Seconds between two ticks of a time axis."""

_DIGIT = 0.011
"""How wide a digit of a fault's number is, as a share of the drawing."""
_LINE = 12
"""Points between two lines of such numbers."""
_LINES_OF_LABELS = 3

_TEXT, _FAINT, _FAULT, _PAPER = "#0a0b01", "#0a0b02", "#0a0b03", "#0a0b04"
_PHASES = {"Pending": "#0a0b11", "Running": "#0a0b12", "Succeeded": "#0a0b13", "Failed": "#0a0b14"}
_ACCENT = "#0a0b21"
_LINES = {
    "create": "#0a0b31",
    "patch": "#0a0b32",
    "update": "#0a0b33",
    "delete": "#0a0b34",
    "list": "#0a0b35",
    "get": "#0a0b36",
    "errors": "#0a0b37",
}
"""CSS variable of a line -> its stand-in."""

CALLS: dict[str, dict[str, str]] = {
    "Calls of the API server": {
        f"api {verb}": verb for verb in ("create", "patch", "update", "delete", "get", "list", "errors")
    },
    "Calls of the clouds": {"cloud calls": "patch", "cloud throttled": "create", "cloud failed": "errors"},
}
"""Title of a chart -> its series, each with the CSS variable of its colour."""
GAUGES: dict[str, dict[str, str]] = {
    "Pods that wait": {"queue scheduler": "create", "queue runners": "patch"},
    "Requested of the nodes": {"requested cpu": "patch", "requested memory": "update"},
}
"""As ``CALLS``; a title that begins with Requested is about shares."""
_VARIABLES = {
    _TEXT: "var(--muted)",
    _FAINT: "var(--line)",
    _FAULT: "var(--fault)",
    _PAPER: "var(--card)",
    _ACCENT: "var(--accent)",
    **{colour: f"var(--{phase.lower()})" for phase, colour in _PHASES.items()},
    **{colour: f"var(--{name})" for name, colour in _LINES.items()},
}

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "vksim",
    "font.size": 9.5,
    "text.color": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.edgecolor": _FAINT,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "ytick.left": False,
    "figure.facecolor": "none",
}


def phases(times: Sequence[float], counts: dict[str, list[int]], faults: Sequence[Band]) -> str:
    """Pods by phase over simulated time, stacked, with a band for each fault."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(3.5)
        kept = _thinned(len(times))
        stacks = [[counts[phase][at] for at in kept] for phase in reversed(_PHASES)]
        colours = [_PHASES[phase] for phase in reversed(_PHASES)]
        axes.stackplot([times[at] for at in kept], *stacks, colors=colours, linewidth=0)
        top = max((sum(column) for column in zip(*stacks, strict=True)), default=0)
        axes.set_ylim(0, max(top * 1.16, 1))
        axes.set_xlim(0, times[-1] if times else 1)
        _bands(axes, faults)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: units.clock(value)))
        axes.xaxis.set_major_locator(_round_times(times[-1] if times else 1))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel("simulated time")
        return _svg(figure, "phases", "Pods by phase over simulated time, stacked; shaded bands show the faults")


def calls(
    times: Sequence[float],
    counts: Mapping[str, Sequence[int]],
    keys: Mapping[str, str],
    faults: Sequence[Band],
    title: str,
) -> str:
    """Calls a second over simulated time, a line for each kind, with a band for each fault.

    Args:
        times: when they were counted.
        counts: kind -> how many since the time before.
        keys: kind -> the CSS variable of its colour.
        faults: what was broken when.
        title: what the drawing is about.
    """
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(2.6)
        step = max(1, -(-len(times) // POINTS))
        kept = range(0, len(times), step)
        top = 0.0
        for kind, values in counts.items():
            seconds = [max(times[min(at + step, len(times)) - 1] - times[max(at - 1, 0)], 1e-9) for at in kept]
            rates = [sum(values[at : at + step]) / wide for at, wide in zip(kept, seconds, strict=True)]
            rates[0] = 0.0 if not times[0] and step == 1 else rates[0]
            top = max(top, *rates)
            axes.plot([times[at] for at in kept], rates, color=_LINES[keys[kind]], linewidth=1.4)
        _over_time(axes, times, top, faults)
        axes.set_ylabel("a second")
        return _svg(figure, title.lower().replace(" ", "-"), f"{title} a second, over simulated time")


def spent(times: Sequence[float], amounts: Mapping[str, Sequence[float]], keys: Mapping[str, str]) -> str:
    """What had been spent by when, a line for each group.

    Args:
        times: when it was added up.
        amounts: group -> what had been spent.
        keys: group -> the CSS variable of its colour.
    """
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(2.4)
        kept = _thinned(len(times))
        for group, values in amounts.items():
            axes.plot([times[at] for at in kept], [values[at] for at in kept], color=_LINES[keys[group]], linewidth=1.6)
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, times[-1] if times else 1)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: units.clock(value)))
        axes.xaxis.set_major_locator(_round_times(times[-1] if times else 1))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        return _svg(figure, "spent", "What pods had cost, over simulated time")


def gauges(
    times: Sequence[float],
    levels: Mapping[str, Sequence[float]],
    keys: Mapping[str, str],
    faults: Sequence[Band],
    title: str,
) -> str:
    """How full something was over simulated time, a line for each kind: of points that are drawn as one, the highest.

    Args:
        times: when it was looked at.
        levels: kind -> how full at each of these times.
        keys: kind -> the CSS variable of its colour.
        faults: what was broken when.
        title: what the drawing is about.
    """
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(2.2)
        step = max(1, -(-len(times) // POINTS))
        kept = range(0, len(times), step)
        for kind, values in levels.items():
            highest = [max(values[at : at + step]) for at in kept]
            axes.plot([times[at] for at in kept], highest, color=_LINES[keys[kind]], linewidth=1.4)
        _over_time(axes, times, max(map(max, levels.values())), faults)
        if title.startswith("Requested"):
            axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
        return _svg(figure, title.lower().replace(" ", "-"), f"{title}, over simulated time")


def startups(ordered: Sequence[float]) -> str:
    """Which part of the pods ran after how many seconds; the median and the 99th percentile are marked.

    Args:
        ordered: seconds from creation to Running, sorted; not empty.
    """
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(2.9)
        count = len(ordered)
        kept = _thinned(count)
        axes.step(
            [0.0, *(ordered[at] for at in kept)],
            [0.0, *((at + 1) / count * 100 for at in kept)],
            where="post",
            color=_ACCENT,
            linewidth=1.8,
        )
        axes.set_ylim(0, 106)
        axes.set_xlim(0, ordered[-1] * 1.06 or 1.0)
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            at = percentile(ordered, share)
            axes.plot([at, at], [0, share * 100], color=_TEXT, linewidth=0.8, linestyle=(0, (3, 3)))
            axes.annotate(
                f"{name}  {units.duration(at)}", (at, share * 100), xytext=(6, -12), textcoords="offset points"
            )
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
        axes.yaxis.set_ticks([0, 25, 50, 75, 100])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: units.duration(value)))
        axes.xaxis.set_major_locator(_round_times(ordered[-1]))
        axes.set_xlabel("from creation to Running")
        return _svg(figure, "startups", "Share of pods that were running, by the time since their creation")


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.subplots()


def _over_time(axes: Axes, times: Sequence[float], top: float, faults: Sequence[Band]) -> None:
    """Axes of simulated time and of values up to ``top``, with the faults."""
    axes.set_ylim(0, max(top * 1.16, 1e-9))
    axes.set_xlim(0, times[-1] if times else 1)
    _bands(axes, faults)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: units.clock(value)))
    axes.xaxis.set_major_locator(_round_times(times[-1] if times else 1))
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _bands(axes: Axes, faults: Sequence[Band]) -> None:
    """Shade the time of each fault, once where several are at work, and number them: the page lists what they mean."""
    end = -1.0
    for band in sorted(faults, key=lambda band: band.begin):
        axes.axvspan(max(band.begin, end), max(band.end, end), color=_FAULT, alpha=0.16, linewidth=0)
        end = max(band.end, end)
    numbers: dict[float, list[str]] = {}
    for number, band in enumerate(faults, 1):
        numbers.setdefault(band.begin, []).append(str(number))
    width = max(axes.get_xlim()[1], 1e-9)
    free: list[float] = []  # from where on there is room for a label, in each line of them
    for begin, begun in sorted(numbers.items()):
        label = ", ".join(begun)
        line = next((line for line, place in enumerate(free) if place <= begin), len(free))
        free[line : line + 1] = [begin + width * _DIGIT * (len(label) + 2)]
        axes.axvline(begin, color=_FAULT, linewidth=1)
        axes.annotate(
            label,
            (begin, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -11 - _LINE * min(line, _LINES_OF_LABELS - 1)),
            textcoords="offset points",
            color=_FAULT,
            fontweight="bold",
        )


def _round_times(longest: float) -> MultipleLocator | AutoLocator:
    """At most nine ticks, at times that people would choose."""
    steps = [step for step in _STEPS if longest / step <= 9]
    return MultipleLocator(steps[0]) if longest > _STEPS[0] and steps else AutoLocator()


def _thinned(count: int) -> list[int]:
    """The indices of at most ``POINTS`` points of so many, the last among them."""
    if count <= POINTS:
        return list(range(count))
    return [round(number * (count - 1) / (POINTS - 1)) for number in range(POINTS)]


def _svg(figure: Figure, name: str, meaning: str) -> str:
    """The drawing as an element for a page: no size, no fonts, no colours, no identifiers of its own."""
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = file.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', rf'<svg viewBox="\1" role="img" aria-label="{meaning}">', text)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{name}-", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r"\n\s*", "\n", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return text.strip()
