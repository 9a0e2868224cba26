"""The report of a run: one HTML file that needs nothing else. What it shows is all in the ``Result``."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from vksim import charts, expect, misses, report_cost, report_pods, units
from vksim.result import Life, Result

MOST_VIOLATIONS = 5
"""So many violations of an invariant are shown."""
_SHOWN = {
    "queue scheduler": "for a node",
    "queue runners": "for a worker of their runner",
    "requested cpu": "CPU",
    "requested memory": "memory",
}
"""Series of ``vksim.gauges`` -> how it is called."""


def html(result: Result) -> str:
    """The page."""
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    verdict = "passed" if result.passed else "failed"
    parts = [
        _header(result),
        _keys(result),
        _phases(result),
        '<div class="pair">',
        _expectations(result),
        _invariants(result),
        "</div>",
        _calls(result),
        _gauges(result),
        report_cost.costs(result),
        report_pods.why_pending(result),
        _startups(result),
        report_pods.startup_parts(result),
        _slowest(result),
        report_pods.lives(result),
        _footer(result),
    ]
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(result.scenario)}: {verdict}</title>",
            f"<style>\n{style}</style>\n</head>\n<body>\n<main>",
            *parts,
            "</main>\n</body>\n</html>\n",
        ]
    )


def _header(result: Result) -> str:
    kind, verdict = ("good", "✓ passed") if result.passed else ("bad", "✗ failed")
    lead = f'<p class="lead">{escape(result.description)}</p>' if result.description else ""
    reasons = [f"missed: {misses.line(each)}" for each in result.expectations if not each.met]
    reasons += [f"violated: {each.name}: {each.violations[0]}" for each in result.invariants if each.violations]
    why = f'<ul class="why">{_items(reasons)}</ul>' if reasons else ""
    return (
        f'<header><h1>{escape(result.scenario)}</h1><span class="verdict {kind}">{verdict}</span>{lead}</header>{why}\n'
        f'<p class="replay"><span>Replay <code>{escape(result.replay)}</code></span>'
        f"<span>seed <code>{result.seed}</code></span><span>vksim <code>{escape(result.version)}</code></span>"
        f"<span>event log <code>{result.event_log_sha256[:16]}</code></span></p>"
    )


def _keys(result: Result) -> str:
    measured = result.measured
    succeeded, failed = (int(measured[f"pods.{name}"]) for name in ("succeeded", "failed"))
    left = int(measured["pods.running"] + measured["pods.pending"])
    tail = units.measured("pod.startup.p99", measured.get("pod.startup.p99"))
    speed = result.virtual_seconds / result.wall_seconds if result.wall_seconds else 0.0
    retries = units.measured("pod.retries.mean", measured.get("pod.retries.mean"))
    keys = [
        ("Pods", f"{int(measured['pods.created']):,}", f"on {result.nodes:,} virtual nodes"),
        ("Succeeded", f"{succeeded:,}", f"{failed:,} failed, {left:,} not over"),
        ("Startup, median", units.measured("pod.startup.p50", measured.get("pod.startup.p50")), f"p99 {tail}"),
        ("Provider errors", f"{int(measured['provider.errors']):,}", f"{retries} retries a pod"),
        ("API writes", f"{int(measured['api.writes']):,}", "changes stored"),
        ("Simulated", units.duration(result.virtual_seconds), f"in {result.wall_seconds:.2f} s, {speed:,.0f}x"),
    ]
    return '<dl class="keys">' + "".join(map(_key, keys)) + "</dl>"


def _key(key: tuple[str, str, str]) -> str:
    name, value, note = map(escape, key)
    return f"<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>"


def _phases(result: Result) -> str:
    seen = [phase for phase, counts in result.phases.items() if any(counts)]
    legend = "".join(f'<li style="--key: var(--{phase.lower()})">{phase}</li>' for phase in seen)
    faults = "".join(
        f"<li>{escape(band.what)} <span>from {units.clock(band.begin)} to {units.clock(band.end)}</span></li>"
        for band in result.faults
    )
    chart = charts.phases(result.times, result.phases, result.faults)
    return (
        f'<section><h2>Pods by phase</h2><ul class="legend">{legend}</ul><figure>{chart}</figure>'
        + (f'<ol class="faults">{faults}</ol>' if faults else "")
        + "</section>"
    )


def _expectations(result: Result) -> str:
    if not result.expectations:
        return '<section><h2>Objectives</h2><p class="faint">The scenario states none.</p></section>'
    rows = []
    for each in result.expectations:
        series = expect.parse(each.text).series
        value = units.measured(series, each.measured)
        meaning = f'<br><span class="faint">{escape(expect.meaning(series))}</span>'
        missed = "" if each.met else f'<br><span class="bad">missed {escape(misses.told(each))}</span>'
        rows.append([_mark(each.met), f"<code>{escape(each.text)}</code>{meaning}{missed}", _number(value)])
    return f"<section><h2>Objectives</h2>{_table(['', 'wanted', '>measured'], rows)}</section>"


def _invariants(result: Result) -> str:
    """Those that were violated, with how; those that held by name, and what they mean for whoever asks."""
    broken = [each for each in result.invariants if each.violations]
    held = [each for each in result.invariants if not each.violations]
    rows = []
    for each in broken:
        shown = each.violations[:MOST_VIOLATIONS]
        more = len(each.violations) - len(shown)
        details = "".join(f'<br><span class="bad">{escape(line)}</span>' for line in shown)
        details += f'<br><span class="bad">and {more:,} more</span>' if more else ""
        meaning = f'<br><span class="faint">{escape(each.meaning)}</span>'
        rows.append([_mark(False), f"{escape(each.name)}{meaning}{details}"])
    table = _table(["", "violated"], rows) if rows else ""
    names = escape(", ".join(each.name for each in held))
    meanings = "".join(f"<dt>{escape(each.name)}</dt><dd>{escape(each.meaning)}</dd>" for each in held)
    kept = f'<p><span class="good">✓</span> {len(held)} held: <span class="faint">{names}</span></p>' if held else ""
    explained = f"<details><summary>what they mean</summary><dl>{meanings}</dl></details>" if held else ""
    return f"<section><h2>Invariants</h2>{table}{kept}{explained}</section>"


def _calls(result: Result) -> str:
    """What was asked of the API server and of the clouds, over time."""
    parts = []
    for title, names in charts.CALLS.items():
        seen = [name for name in names if any(result.calls.get(name, ()))]
        if not seen:
            continue
        legend = "".join(f'<li style="--key: var(--{names[name]})">{escape(name.split(" ")[1])}</li>' for name in seen)
        chart = charts.calls(result.times, {name: result.calls[name] for name in seen}, names, result.faults, title)
        parts.append(f'<section><h2>{title}</h2><ul class="legend">{legend}</ul><figure>{chart}</figure></section>')
    return "".join(parts)


def _gauges(result: Result) -> str:
    """Queues, and what is requested of the nodes, over time."""
    parts = []
    for title, names in charts.GAUGES.items():
        seen = [name for name in names if any(result.gauges.get(name, ()))]
        if not seen:
            continue
        legend = "".join(f'<li style="--key: var(--{names[name]})">{escape(_SHOWN[name])}</li>' for name in seen)
        levels = {name: result.gauges[name] for name in seen}
        chart = charts.gauges(result.times, levels, names, result.faults, title)
        parts.append(f'<section><h2>{title}</h2><ul class="legend">{legend}</ul><figure>{chart}</figure></section>')
    return "".join(parts)


def _startups(result: Result) -> str:
    title = "<h2>How long pods took to run</h2>"
    if not result.startups:
        return f'<section>{title}<p class="faint">No pod came to run.</p></section>'
    created = int(result.measured["pods.created"])
    note = f'<p class="faint">{len(result.startups):,} of {created:,} pods came to run.</p>'
    return f"<section>{title}{note}<figure>{charts.startups(result.startups)}</figure></section>"


def _slowest(result: Result) -> str:
    if not result.slowest:
        return ""
    end = result.virtual_seconds
    longest = max(_total(each, end) for each in result.slowest)
    rows = [
        [
            f'<td class="name">{escape(each.name)}</td>',
            f'<td class="name">{escape(each.node) or "-"}</td>',
            _number(units.clock(each.created)),
            _number(_open(each.scheduled is None, _queued(each, end))),
            _number(_open(each.running is None, _total(each, end) - _queued(each, end)) if each.node else "-"),
            _number(_open(each.running is None, _total(each, end))),
            _bar(_queued(each, end), _total(each, end), longest),
            _became(each),
        ]
        for each in result.slowest
    ]
    legend = (
        '<ul class="legend"><li style="--key: var(--pending)">queued: waiting for a node</li>'
        '<li style="--key: var(--running)">starting: on its node, not running yet</li>'
        "<li>+: not over at the end</li></ul>"
    )
    head = ["pod", "node", ">created", ">queued", ">starting", ">startup", "", "phase"]
    return f"<section><h2>Slowest pods</h2>{legend}{_table(head, rows)}</section>"


def _queued(life: Life, end: float) -> float:
    """Seconds that the pod waited for a node, up to the end if it has none."""
    return (end if life.scheduled is None else life.scheduled) - life.created


def _total(life: Life, end: float) -> float:
    """Seconds that the pod took to run, up to the end if it does not."""
    return (end if life.running is None else life.running) - life.created


def _open(still: bool, seconds: float) -> str:
    return f"{units.duration(seconds)}{'+' if still else ''}"


def _bar(queued: float, total: float, longest: float) -> str:
    widths = [part / longest * 100 if longest else 0.0 for part in (queued, total - queued)]
    parts = "".join(
        f'<b style="width:{width:.2f}%;background:var(--{colour})"></b>'
        for width, colour in zip(widths, ("pending", "running"), strict=True)
    )
    return f'<td class="bar"><i>{parts}</i></td>'


def _became(life: Life) -> str:
    notes = [*life.reasons, *([life.waiting] if life.waiting else [])]
    return escape(life.phase) + "".join(f'<br><span class="faint">{escape(note)}</span>' for note in notes)


def _footer(result: Result) -> str:
    return (
        "<footer>The same vksim, scenario and seed give the same event log, byte for byte: SHA-256 "
        f"<code>{result.event_log_sha256}</code></footer>"
    )


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A table; a heading that begins with ``>`` is over numbers, a cell that is no ``<td>`` becomes one."""
    heads = "".join(
        f'<th class="number">{escape(each[1:])}</th>' if each.startswith(">") else f"<th>{escape(each)}</th>"
        for each in head
    )
    body = "".join(
        "<tr>" + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in row) + "</tr>\n"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>\n{body}</tbody></table></div>'


def _mark(good: bool) -> str:
    return f'<td class="mark {"good" if good else "bad"}">{"✓" if good else "✗"}</td>'


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{escape(line)}</li>" for line in lines)
