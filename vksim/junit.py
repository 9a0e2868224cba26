"""A result as JUnit XML, which continuous integration shows: a test case for each objective and each invariant."""

from xml.sax.saxutils import escape, quoteattr

from vksim import misses
from vksim.result import Result


def xml(result: Result) -> str:
    """The document."""
    cases = [
        _case("objectives", each.text, "" if each.met else f"missed: {misses.line(each)}", [])
        for each in result.expectations
    ]
    for checked in result.invariants:
        count = len(checked.violations)
        message = f"{count} violation{'' if count == 1 else 's'}" if count else ""
        cases.append(_case("invariants", checked.name, message, checked.violations))
    failures = sum("<failure" in each for each in cases)
    head = f"name={quoteattr(result.scenario)} tests={quoteattr(str(len(cases)))} failures={quoteattr(str(failures))}"
    time = f"time={quoteattr(f'{result.wall_seconds:.3f}')}"
    properties = f"<properties><property name={quoteattr('replay')} value={quoteattr(result.replay)}/></properties>"
    body = "\n".join(
        ["<testsuites>", f"<testsuite {head} {time}>", properties, *cases, "</testsuite>", "</testsuites>"]
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _case(kind: str, name: str, message: str, lines: list[str]) -> str:
    start = f"<testcase classname={quoteattr(kind)} name={quoteattr(name)}"
    if not message:
        return f"{start}/>"
    details = escape("\n".join(lines))
    return f"{start}><failure message={quoteattr(message)}>{details}</failure></testcase>"
