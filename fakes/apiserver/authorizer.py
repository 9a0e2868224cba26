"""Users, and what can be asked about what they may do."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from fakes.apiserver.attributes import Attributes
from fakes.apiserver.objects import Object
from fakes.apiserver.resources import ResourceType


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def info(self) -> dict[str, Any]:
        """As a ``UserInfo`` of authentication.k8s.io."""
        info: dict[str, Any] = {"username": self.name, "groups": list(self.groups)}
        if self.uid:
            info["uid"] = self.uid
        if self.extra:
            info["extra"] = {name: list(values) for name, values in self.extra}
        return info


AUTHENTICATED, MASTERS = "system:authenticated", "system:masters"
ADMINISTRATOR = User("kubernetes-admin", (MASTERS, AUTHENTICATED))


class Verdict(NamedTuple):
    """Whether something is allowed, and by what; or what went wrong."""

    allowed: bool
    reason: str = ""


class Rules(NamedTuple):
    """All that somebody may do, as a review of rules tells it: with resources, and with other paths."""

    resource: list[dict[str, Any]]
    path: list[dict[str, Any]]


EVERYTHING = Rules(
    [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}], [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
)


class Authorizer(Protocol):
    """Says what users may do."""

    def decide(self, user: User, wanted: Attributes) -> Verdict:
        """Whether the user may."""
        ...

    def rules(self, user: User, namespace: str) -> Rules:
        """All that the user may do in a namespace."""
        ...

    def refuse_grant(self, user: User, resource: ResourceType, new: Object, old: Object | None) -> None:
        """Raise 403 if a new or changed object would give others more than the user has."""
        ...


class AlwaysAllow:
    """Everybody may do everything."""

    def decide(self, _user: User, _wanted: Attributes) -> Verdict:
        """Yes."""
        return Verdict(allowed=True)

    def rules(self, _user: User, _namespace: str) -> Rules:
        """Everything."""
        return EVERYTHING

    def refuse_grant(self, _user: User, _resource: ResourceType, _new: Object, _old: Object | None) -> None:
        """Never."""
