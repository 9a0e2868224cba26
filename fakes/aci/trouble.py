"""Creates and deletes that fail because a script says so, and how often they did."""

from collections import Counter

from fakes.aci import errors, shapes
from fakes.aci.errors import ArmError
from fakes.aci.group import Group
from fakes.aci.script import Script


class Trouble:
    """Counts, for each group, what has failed so far.

    Attributes:
        ignored_deletes: so many deletes from now on are answered, and not done.
    """

    def __init__(self) -> None:
        self.ignored_deletes = 0
        self._failed: Counter[tuple[str, str]] = Counter()

    def of_create(self, group: Group, spec: shapes.ContainerGroup, script: Script) -> ArmError | None:
        """How this create fails; None if it does not."""
        kind = script.create_error or ("retryable" if script.create_errors else "")
        if not kind or not self._comes_again("create", group, script.create_errors):
            return None
        image = next(iter(spec.properties.containers or ())).properties.image or ""
        if kind == "timeout":
            return errors.timed_out()
        if kind == "retryable":
            return errors.registry_error(image)
        if kind == "permanent":
            return errors.inaccessible_image(image, group.place.name)
        return errors.invalid("InvalidContainerGroup", f"The container group '{group.place.name}' is invalid.")

    def of_delete(self, group: Group, script: Script) -> ArmError | None:
        """How this delete fails; None if it does not."""
        if self._comes_again("delete", group, script.delete_errors):
            return errors.transitioning(group.place.name)
        return None

    def ignores_delete(self) -> bool:
        """Whether this delete is to be answered only."""
        if self.ignored_deletes <= 0:
            return False
        self.ignored_deletes -= 1
        return True

    def forget(self, group: Group) -> None:
        """The group is gone; one of its name begins anew."""
        for operation in ("create", "delete"):
            self._failed.pop((operation, group.place.id.lower()), None)

    def _comes_again(self, operation: str, group: Group, times: int | None) -> bool:
        key = (operation, group.place.id.lower())
        if times is not None and self._failed[key] >= times:
            return False
        self._failed[key] += 1
        return True
