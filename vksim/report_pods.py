"""The part of the report that looks into single pods: what their startup consists of, and each one's life."""

import json
from dataclasses import asdict
from html import escape
from pathlib import Path

from vksim import units
from vksim.result import Life, Part, Result

MEANINGS = {
    "queue": "from its creation until the scheduler took it up, for the last time",
    "schedule": "until it was bound to a node",
    "watch": "until its runner asked the provider for it: the watch, the runner's queue, what the pod refers to",
    "provider": "until the cloud had accepted it: its answer, and what was tried again",
    "cloud": "until its containers had started",
    "report": "until the API said Running",
}


def startup_parts(result: Result) -> str:
    """What the startup consists of, as a waterfall of the averages."""
    if not result.parts:
        return ""
    total = sum(each.mean for each in result.parts) or 1.0
    rows, begin = [], 0.0
    for each in result.parts:
        rows.append(_row(each, begin / total * 100, each.mean / total * 100))
        begin += each.mean
    head = '<th>part</th><th class="number">mean</th><th class="number">p50</th><th class="number">p99</th><th></th>'
    note = '<p class="faint">Clouds tell whole seconds, so parts of less are rounded.</p>'
    return (
        f"<section><h2>What startup consists of</h2>{note}"
        f'<div class="scroll"><table class="waterfall"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _row(part: Part, begin: float, width: float) -> str:
    cells = "".join(f'<td class="number">{units.duration(each)}</td>' for each in (part.mean, part.p50, part.p99))
    meaning = f'<br><span class="faint">{escape(MEANINGS[part.name])}</span>'
    bar = f'<b style="margin-left:{begin:.2f}%;width:{width:.2f}%;background:var(--accent)"></b>'
    return f'<tr><td>{escape(part.name)}{meaning}</td>{cells}<td class="bar"><i>{bar}</i></td></tr>'


def why_pending(result: Result) -> str:
    """What the scheduler says about pods that had no node at the end."""
    if not result.pending:
        return ""
    ordered = sorted(result.pending.items(), key=lambda each: (-each[1], each[0]))
    rows = "".join(f'<tr><td class="number">{count:,}</td><td>{escape(why)}</td></tr>' for why, count in ordered[:10])
    head = '<th class="number">pods</th><th>in the scheduler\'s words</th>'
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<section><h2>Why pods are pending</h2>{table}</section>"


def lives(result: Result) -> str:
    """A search over pods, and the life of the one that is chosen."""
    if not result.lives:
        return ""
    created = int(result.measured["pods.created"])
    some = (
        ""
        if len(result.lives) >= created
        else f"{len(result.lives):,} of {created:,} pods: those that stand out, and a sample. "
    )
    data = json.dumps([_plain(each) for each in result.lives], separators=(",", ":")).replace("</", "<\\/")
    script = Path(__file__).with_name("report.js").read_text(encoding="utf-8")
    return (
        '<section class="lives"><h2>A pod\'s life</h2>'
        f'<p class="faint">{some}<span id="pod-count"></span></p>'
        '<input id="pod-search" type="search" placeholder="name, node or phase" aria-label="search pods">'
        '<div class="browse"><ul id="pod-list"></ul><div id="pod-life" hidden></div></div></section>'
        f'<script id="lives" type="application/json">{data}</script>\n<script>\n{script}</script>'
    )


def _plain(life: Life) -> dict[str, object]:
    return asdict(life)
