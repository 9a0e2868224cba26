"""The part of the report about money: who has spent how much, and when."""

from collections.abc import Iterable
from html import escape
from itertools import cycle

from vksim import charts
from vksim.result import Cost, Result

COLOURS = ("patch", "create", "delete", "update", "list", "get")
"""CSS variables, one for each group, and again from the first."""


def costs(result: Result) -> str:
    """The section; empty if nothing has a price."""
    if not result.group_costs:
        return ""
    keys = dict(zip(result.spent, cycle(COLOURS), strict=False))
    legend = "".join(f'<li style="--key: var(--{keys[group]})">{escape(group)}</li>' for group in result.spent)
    chart = charts.spent(result.times, result.spent, keys)
    total = sum(each.amount for each in result.group_costs)
    note = f'<p class="faint">{total:,.2f} in all, in the currency of the prices, for what pods requested.</p>'
    tables = _table("group of nodes", result.group_costs) + _table("workload", result.workload_costs)
    return (
        f'<section><h2>Cost</h2>{note}<ul class="legend">{legend}</ul><figure>{chart}</figure>'
        f'<div class="pair">{tables}</div></section>'
    )


def _table(what: str, found: Iterable[Cost]) -> str:
    rows = "".join(
        f'<tr><td>{escape(each.name)}</td><td class="number">{each.pods:,}</td>'
        f'<td class="number">{each.amount:,.4f}</td><td class="number">{each.amount / max(each.pods, 1):,.5f}</td></tr>'
        for each in found
    )
    head = f'<th>{what}</th><th class="number">pods</th><th class="number">cost</th><th class="number">a pod</th>'
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
