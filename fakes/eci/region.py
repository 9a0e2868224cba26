"""The state of one region for one account: groups, tokens, addresses, quotas, image caches, and what is kept how long.

Groups live in dicts in the order of their making; a filter by tag looks at the groups with that tag only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from fakes.cloud.limits import QuotaExceeded
from fakes.cloud.model import Call, CloudModel
from fakes.cloud.settings import FaultKind
from fakes.eci import catalog, errors, validation
from fakes.eci.groups import CHANGEABLE, FINAL, RESTARTING, UPDATING, Group, Pace, Place
from fakes.eci.parameters import Parameters, switch

ALL_KEPT_FOR = timedelta(hours=1)
"""Every group that is over can be described for so long."""
KEPT_AFTERWARDS = 100
"""Later only so many can, the newest."""
TOKENS_KEPT_FOR = timedelta(hours=24)
MOST_IMAGE_CACHES = 100
IMAGE_CACHE = "ImageCaches"
CPU_QUOTA, GROUP_QUOTA = "vCPU", "ContainerGroups"
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class ImageCache:
    """A snapshot with images in it."""

    id: str
    name: str
    images: list[str]
    created: datetime
    ready_at: datetime
    size: int

    def status(self, now: datetime) -> str:
        """Creating, then Ready."""
        return "Ready" if now >= self.ready_at else "Creating"


class Region:
    """A region.

    Args:
        name: ``cn-hangzhou``.
        model: its latencies, quotas, rates and faults.
        now: the wall clock.
        random: for identifiers.
        vswitches: vSwitch -> its zone; None takes any name, and spreads them over the zones.

    Attributes:
        groups: ID -> the group; look through ``find`` and ``select``, which know which are gone.
        made_with_tag: (key, value) -> how many groups were ever made with that tag.
    """

    def __init__(
        self,
        name: str,
        model: CloudModel,
        now: Callable[[], datetime],
        random: Random,
        vswitches: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.model = model
        self.now = now
        self.groups: dict[str, Group] = {}
        self.image_caches: dict[str, ImageCache] = {}
        self.made_with_tag: dict[tuple[str, str], int] = {}
        self._random = random
        self._began = now()
        self._vswitches = vswitches
        self._tokens: dict[str, tuple[int, str, datetime]] = {}
        self._by_tag: dict[tuple[str, str], dict[str, Group]] = {}
        self._addresses = self._made = 0
        self._failed_creates: dict[str, int] = {}
        self._finished: dict[str, Group] = {}

    # --- groups -----------------------------------------------------------------------------------------------------

    def create(self, parameters: Parameters) -> str:
        """Make a group; its ID. A known token gives the ID that it gave before.

        Raises:
            EciError: the parameters, a quota or the stock forbid it.
        """
        validation.check_group(parameters)
        token = parameters.get("ClientToken")
        digest = hash(repr(sorted(parameters.items())))
        if token and (known := self._token(token)):
            if known[0] != digest:
                raise errors.mismatch()
            return known[1]
        place = self._placed(parameters)
        if switch(parameters, "DryRun"):
            raise errors.EciError(400, "DryRunOperation", "Request validation has been passed with DryRun flag set.")
        group_id = self._identifier("eci")
        try:
            self.model.quotas.take(group_id, {GROUP_QUOTA: 1, CPU_QUOTA: place.size.cpu})
        except QuotaExceeded as exceeded:
            raise errors.quota(exceeded.name) from None
        pace = Pace(self.model.takes("schedule"), self.model.takes("start"), self.model.takes("update"))
        group = Group(group_id, parameters, place, pace, self.now())
        self._fail_if_scripted(group)
        self._made += 1
        group.number = self._made
        self.groups[group_id] = group
        for each in parameters.get("Tag") or []:
            pair = (each["Key"], each.get("Value") or "")
            self._by_tag.setdefault(pair, {})[group_id] = group
            self.made_with_tag[pair] = self.made_with_tag.get(pair, 0) + 1
        if token:
            self._tokens[token] = (digest, group_id, self.now())
        return group_id

    def find(self, group_id: str) -> Group:
        """A group that there is.

        Raises:
            EciError: there is none, or no longer.
        """
        group = self.groups.get(group_id)
        if group is None or self._settle(group):
            raise errors.no_group(group_id)
        return group

    def delete(self, group_id: str) -> None:
        """End a group. Raises EciError if there is none."""
        group = self.find(group_id)
        group.deletes += 1
        if group.deletes <= group.script.delete_errors:
            raise errors.unavailable()
        group.delete(self.now())
        self._settle(group)

    def change(self, group_id: str, parameters: Parameters) -> None:
        """Update a group: its containers begin again. Raises EciError if there is none, or not in this status."""
        group = self._changeable(group_id, "updated")
        images = {each.get("Name"): each for each in parameters.get("Container") or []}
        initial = {each.get("Name"): each for each in parameters.get("InitContainer") or []}
        group.containers[:] = [{**each, **images.get(each["Name"], {})} for each in group.containers]
        group.init_containers[:] = [{**each, **initial.get(each["Name"], {})} for each in group.init_containers]
        group.change(UPDATING, self.now())

    def restart(self, group_id: str) -> None:
        """Restart a group. Raises EciError if there is none, or not in this status."""
        self._changeable(group_id, "restarted").change(RESTARTING, self.now())

    def select(self, tags: Sequence[Mapping[str, str]]) -> list[Group]:
        """The groups that there are with all these tags, in the order of their making."""
        pairs = [(each.get("Key", ""), each.get("Value", "")) for each in tags]
        sets = sorted((self._by_tag.get(pair, {}) for pair in pairs), key=len)
        found: Iterable[Group] = sets[0].values() if sets else self.groups.values()
        wanted = [each for each in found if all(each.id in one for one in sets[1:])]
        left = [each for each in wanted if not self._settle(each)]
        self._forget_the_oldest()
        return [each for each in left if each.id in self.groups]

    def alive(self) -> list[Group]:
        """The groups that are neither over nor gone."""
        now = self.now()
        return [
            each for each in list(self.groups.values()) if not self._settle(each) and each.look(now).finished is None
        ]

    def lose(self, group_id: str) -> None:
        """Lose a group without a word."""
        self._remove(self.groups[group_id])

    def interrupt(self, share: float) -> int:
        """Take back this share of the groups on spare capacity: how many those were."""
        spot = [each for each in self.alive() if each.parameters.get("SpotStrategy", "NoSpot") != "NoSpot"]
        taken = self._random.sample(spot, round(len(spot) * share))
        for each in taken:
            each.reclaim(self.now())
        return len(taken)

    # --- image caches -----------------------------------------------------------------------------------------------

    def cache_images(self, name: str, images: list[str], size: int) -> ImageCache:
        """Make an image cache. Raises EciError if there are too many."""
        try:
            self.model.quotas.take(name, {IMAGE_CACHE: 1})
        except QuotaExceeded as exceeded:
            raise errors.quota(exceeded.name) from None
        now = self.now()
        ready = now + timedelta(seconds=self.model.takes("image-cache"))
        cache = ImageCache(self._identifier("imc"), name, images, now, ready, size)
        self.image_caches[cache.id] = cache
        return cache

    def drop_cache(self, cache_id: str) -> None:
        """Delete an image cache. Raises EciError if there is none."""
        cache = self.image_caches.pop(cache_id, None)
        if cache is None:
            raise errors.EciError(404, "InvalidImageCache.NotFound", f"The image cache {cache_id} does not exist.")
        self.model.quotas.release(cache.name)

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _settle(self, group: Group) -> bool:
        """Note that a group has come to its end: whether it is gone."""
        seen = group.look(self.now())
        if seen.gone:
            self._remove(group)
        elif seen.status in FINAL and group.id not in self._finished:
            self._finished[group.id] = group
            self.model.quotas.release(group.id)
        return seen.gone

    def _forget_the_oldest(self) -> None:
        """Keep what is over for an hour, and of the rest only the newest."""
        if len(self._finished) <= KEPT_AFTERWARDS:
            return
        now = self.now()
        old = [each for each in self._finished.values() if now - (each.look(now).finished or now) > ALL_KEPT_FOR]
        old.sort(key=lambda each: each.look(now).finished or now)
        for group in old[: len(self._finished) - KEPT_AFTERWARDS]:
            self._remove(group)

    def _remove(self, group: Group) -> None:
        self.groups.pop(group.id, None)
        self._finished.pop(group.id, None)
        self.model.quotas.release(group.id)
        for each in group.parameters.get("Tag") or []:
            self._by_tag.get((each["Key"], each.get("Value") or ""), {}).pop(group.id, None)

    def _changeable(self, group_id: str, what: str) -> Group:
        group = self.find(group_id)
        status = group.look(self.now()).status
        if status not in CHANGEABLE:
            raise errors.wrong_status(what, status)
        return group

    def _fail_if_scripted(self, group: Group) -> None:
        script = group.script
        if not script.create_error:
            return
        name = group.parameters["ContainerGroupName"]
        failed = self._failed_creates.get(name, 0)
        if script.create_errors is None or failed < script.create_errors:
            self._failed_creates[name] = failed + 1
            self.model.quotas.release(group.id)
            raise _SCRIPTED[script.create_error]

    def _token(self, token: str) -> tuple[int, str, datetime] | None:
        known = self._tokens.get(token)
        return known if known and self.now() - known[2] < TOKENS_KEPT_FOR else None

    def _placed(self, parameters: Parameters) -> Place:
        """Where the group goes: the first of its zones, or any, that has stock."""
        size = validation.size_of(parameters)
        choices = self._choices(parameters)
        if parameters.get("ScheduleStrategy") == "VSwitchRandom":
            self._random.shuffle(choices)
        for vswitch, zone in choices:
            if self._has_room(zone):
                self._addresses += 1
                low = self._addresses
                address = f"10.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"
                internet = (
                    f"47.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}" if switch(parameters, "AutoCreateEip") else ""
                )
                return Place(zone, vswitch, address, internet, size)
        raise errors.no_stock(", ".join(zone for _, zone in choices))

    def _choices(self, parameters: Parameters) -> list[tuple[str, str]]:
        """Where it may go: a vSwitch, and the zone that it is in."""
        zones = catalog.zones(self.name)
        asked = parameters.get("ZoneId")
        if asked and asked not in zones:
            raise errors.EciError(404, "InvalidZoneId.NotFound", f"The zone {asked} does not exist.")
        names = validation.vswitches_of(parameters)
        if not names:
            return [("vsw-default", asked)] if asked else [("vsw-default", zone) for zone in zones]
        found = [(name, self._zone_of(name, zones)) for name in names]
        if asked:
            found = [(name, zone) for name, zone in found if zone == asked]
            if not found:
                raise errors.EciError(400, "InvalidParameter.VSwitchId", f"No vSwitch of the group is in {asked}.")
        return found

    def _zone_of(self, vswitch: str, zones: Sequence[str]) -> str:
        """``vsw-b`` and ``vsw-anything-b`` are in zone b; other names are spread over the zones."""
        if self._vswitches is not None:
            if vswitch not in self._vswitches:
                raise errors.EciError(404, "InvalidVSwitchId.NotFound", f"The vSwitch {vswitch} does not exist.")
            return self._vswitches[vswitch]
        letter = vswitch.rpartition("-")[2]
        return next((zone for zone in zones if zone.endswith(f"-{letter}")), zones[sum(vswitch.encode()) % len(zones)])

    def _has_room(self, zone: str) -> bool:
        """Whether a group can be placed in a zone; it is told if not."""
        if self.has_stock(zone):
            return True
        self.model.counts["create", FaultKind.NO_CAPACITY] += 1
        for tell in self.model.listeners:
            tell(Call(self.now(), "create", zone, FaultKind.NO_CAPACITY))
        return False

    def has_stock(self, zone: str) -> bool:
        """Whether a zone has machines left: a fault ``no-capacity`` about the zone says no."""
        at = (self.now() - self._began).total_seconds()
        return not any(
            fault.kind is FaultKind.NO_CAPACITY
            and fault.resources
            and (fault.holds("create", zone, at) or fault.holds("create", f"{zone}/", at))
            and (fault.probability >= 1 or self._random.random() < fault.probability)
            for fault in self.model.faults
        )

    def _identifier(self, kind: str) -> str:
        return f"{kind}-{''.join(self._random.choices(_ALPHABET, k=20))}"


_SCRIPTED = {
    "retryable": errors.unavailable(),
    "invalid": errors.invalid("Container", "the script says so"),
    "permanent": errors.EciError(400, "UnsupportedOperation", "This operation is not supported: the script says so."),
}
"""What a scripted create fails with."""
