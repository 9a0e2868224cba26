"""What each cloud makes of a pod, feature by feature: one small pod for each, driven through the production provider.

A pod is created on the cloud's fake, in virtual time. What comes of it is the verdict: it works, it is done nearly (the
provider says how), it is refused (the provider says why), or it does not come to run. ``tools/compare_clouds.py`` makes
a table of it.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import EntryPoint, entry_points
from random import Random
from typing import Any

from features.comparison_pods import Feature, features
from providers import pods
from providers.base import Approximates, Provider, ProviderContext
from providers.errors import Invalid, NotFound, Permanent, Retryable, Unsupported
from providers.types import Pod
from vksim.blocking import Inline
from vksim.clouds.base import GROUP, MakeCloud
from vksim.loop import VirtualClock, VirtualLoop, run

WORKS, NEARLY, REFUSED, FAILS = "works", "nearly", "refused", "does not start"
PATIENCE = timedelta(minutes=30)
"""How long a pod may take to run; the clouds take as long as in reality."""
GLANCE = 5.0
ATTEMPTS = 5
"""Creates, where the provider asks to come again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a pod: one of the four, and the provider's own words."""

    kind: str
    words: tuple[str, ...] = ()


def clouds() -> list[str]:
    """The clouds that can be asked: those whose module, and whose SDK, is there."""
    return sorted(point.name for point in entry_points(group=GROUP) if _is_there(point))


def judge(cloud: str, feature: Feature) -> Verdict:
    """What a cloud makes of a feature."""
    (point,) = entry_points(group=GROUP, name=cloud)
    return run(_judge(point.load(), feature), until=2 * PATIENCE)


def _is_there(point: EntryPoint) -> bool:
    try:
        point.load()
    except ModuleNotFoundError:
        return False
    return True


async def _judge(make: MakeCloud, feature: Feature) -> Verdict:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    clock = VirtualClock(loop)
    provider = make(None, clock, Random(1)).provider(_context(clock))
    await provider.start()
    try:
        return await _tried(provider, feature)
    finally:
        await provider.close()


async def _tried(provider: Provider, feature: Feature) -> Verdict:
    nearly: tuple[str, ...] = ()
    try:
        if isinstance(provider, Approximates):
            nearly = tuple(provider.approximations(feature.pod, feature.data))
        await _created(provider, feature)
    except (Invalid, Permanent, Unsupported) as refusal:
        return Verdict(REFUSED, (str(refusal),))
    phase = await _settled(provider, feature.pod)
    if phase not in ("Running", "Succeeded"):
        return Verdict(FAILS, (phase,))
    return Verdict(NEARLY, nearly) if nearly else Verdict(WORKS)


async def _created(provider: Provider, feature: Feature) -> None:
    for _ in range(ATTEMPTS):
        try:
            await provider.create_pod(feature.pod, feature.data)
        except Retryable as later:
            await asyncio.sleep((later.delay or timedelta(seconds=5)).total_seconds())
        else:
            return
    raise Permanent(f"not created in {ATTEMPTS} attempts")


async def _settled(provider: Provider, pod: Pod) -> str:
    """The phase once it is no longer Pending, or time is up."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE.total_seconds()
    phase = "Pending"
    while phase == "Pending" and loop.time() < until:
        await asyncio.sleep(GLANCE)
        try:
            phase = (await provider.get_pod_status(pods.ref(pod))).get("phase") or "Pending"
        except (NotFound, Retryable):
            continue
    return phase


def _context(clock: VirtualClock) -> ProviderContext:
    return ProviderContext(
        node_name="vk",
        operating_system="linux",
        internal_ip="192.0.2.10",
        daemon_port=10250,
        clock=clock,
        random=Random(2),
        blocking=Inline(),
        log=logging.getLogger("comparison"),
        read_secret=_nothing,
        read_config_map=_nothing,
        request_token=_nothing,
        config_source="comparison",
    )


async def _nothing(namespace: str, name: str, *_: object) -> Mapping[str, Any]:
    raise NotFound(f"{namespace}/{name}")


# --- the document ---------------------------------------------------------------------------------------------------

TITLES = {"aci": "ACI", "eci": "ECI", "fargate": "Fargate"}
HEAD = """# Clouds compared

What becomes of a pod on each cloud, feature by feature. Nobody wrote this by hand: for each line a pod that asks for
just that is created through the production provider, on the cloud's fake. `python tools/compare_clouds.py` writes it
anew, and a test holds it to what the providers do.

- **works**: the pod comes to run, and the provider has nothing to say against it.
- **nearly**: the pod comes to run, and something is different; its owner is told so in an event.
- **refused**: the pod fails at once, with the reason.

"""


def document(names: list[str]) -> str:
    """The page, with a column for each of these clouds."""
    judged = [(each, [judge(name, each) for name in names]) for each in features()]
    lines = [HEAD, _sums(names, judged)]
    part = ""
    for feature, verdicts in judged:
        if feature.part != part:
            part = feature.part
            lines.append(f"\n## {part}\n\n{_row(['', *(TITLES.get(name, name) for name in names)])}")
            lines.append(_row(["---"] * (1 + len(names))))
        lines.append(_row([feature.name, *(_cell(each) for each in verdicts)]))
    return "".join(lines)


def columns(page: str) -> list[str]:
    """The clouds that a page has columns for."""
    first = next(line for line in page.splitlines() if line.startswith("| |"))
    names = {title: name for name, title in TITLES.items()}
    return [names.get(title, title) for title in (each.strip() for each in first.split("|")[2:-1])]


def _sums(names: list[str], judged: list[tuple[Feature, list[Verdict]]]) -> str:
    rows = [_row(["", *(TITLES.get(name, name) for name in names)]), _row(["---"] * (1 + len(names)))]
    for kind in (WORKS, NEARLY, REFUSED, FAILS):
        counts = [sum(verdicts[index].kind == kind for _, verdicts in judged) for index in range(len(names))]
        if any(counts):
            rows.append(_row([kind, *map(str, counts)]))
    return "".join(rows)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n".replace("|  |", "| |")


def _cell(verdict: Verdict) -> str:
    words = "; ".join(verdict.words).replace("|", "\\|").replace("\n", " ")
    return f"{verdict.kind}: {words}" if words else verdict.kind
