"""Who may do what, by the roles and bindings that are stored.

The rules are those of kube-apiserver's RBAC authorizer; the group ``system:masters`` may do everything.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fakes.apiserver import errors, escalation
from fakes.apiserver.attributes import Attributes
from fakes.apiserver.authorizer import EVERYTHING, MASTERS, Rules, User, Verdict
from fakes.apiserver.catalog import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from fakes.apiserver.objects import Object, name_of, namespace_of, without
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.watch import Change

if TYPE_CHECKING:
    from fakes.apiserver.server import ApiServer

GROUP = "rbac.authorization.k8s.io"

GRANTING = (ROLES, CLUSTER_ROLES, ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS)
"""What gives rights to others."""

Rule = Mapping[str, Any]


class _Binding(NamedTuple):
    """A binding, for one of its subjects: the namespace that it holds in, its role, and both in words."""

    namespace: str | None
    role: Mapping[str, str]
    words: str


class Rbac:
    """Authorization by roles.

    Args:
        server: whose roles and bindings count.
    """

    def __init__(self, server: "ApiServer") -> None:
        self._server = server
        self._bindings: dict[tuple[str, str], list[_Binding]] | None = None
        for resource in (ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS):
            server.observe(resource, self._bindings_changed)

    def decide(self, user: User, wanted: Attributes) -> Verdict:
        """Whether the user may."""
        if MASTERS in user.groups:
            return Verdict(allowed=True)
        missing: list[str] = []
        for binding in self._of(user, wanted.namespace):
            rules = self._rules(binding, missing.append)
            if any(allows(each, wanted) for each in rules):
                return Verdict(allowed=True, reason=f"RBAC: allowed by {binding.words}")
        if not missing:
            return Verdict(allowed=False)
        told = list(dict.fromkeys(missing))
        return Verdict(allowed=False, reason=f"RBAC: {told[0] if len(told) == 1 else '[' + ', '.join(told) + ']'}")

    def rules(self, user: User, namespace: str) -> Rules:
        """All that the user may do in a namespace, and everywhere."""
        found = EVERYTHING if MASTERS in user.groups else Rules([], [])
        for binding in self._of(user, namespace):
            for each in self._rules(binding, lambda _: None):
                if each.get("resources"):
                    kept = ("verbs", "apiGroups", "resources", "resourceNames")
                    found = Rules([*found.resource, {key: each[key] for key in kept if each.get(key)}], found.path)
                if each.get("nonResourceURLs"):
                    paths = {"verbs": each["verbs"], "nonResourceURLs": each["nonResourceURLs"]}
                    found = Rules(found.resource, [*found.path, paths])
        return found

    def _rules(self, binding: _Binding, missing: Callable[[str], None]) -> Iterable[Rule]:
        kind, name = binding.role["kind"], binding.role["name"]
        role = self._role(kind, binding.namespace or "", name)
        if role is None:
            missing(f'{kind.lower()}.{GROUP} "{name}" not found')
            return ()
        rules: Iterable[Rule] = role.get("rules") or ()
        return rules

    def _role(self, kind: str, namespace: str, name: str) -> Object | None:
        cluster = kind == CLUSTER_ROLES.kind
        return self._server.find(CLUSTER_ROLES if cluster else ROLES, "" if cluster else namespace, name)

    def refuse_grant(self, user: User, resource: ResourceType, new: Object, old: Object | None) -> None:
        """Raise 403 if the user has not the rights that a role, or a binding's role, would give away.

        With the verb ``escalate`` on the role, or ``bind`` on a binding's, they may all the same.
        """
        if resource not in GRANTING or MASTERS in user.groups or (old is not None and _same_grant(new, old)):
            return
        namespace = namespace_of(new)
        if resource in (ROLES, CLUSTER_ROLES):
            wanted = Attributes(
                "escalate", group=GROUP, resource=resource.plural, namespace=namespace, name=name_of(new)
            )
            rules = escalation.EVERYTHING if new.get("aggregationRule") else new.get("rules") or ()
        else:
            bound = new["roleRef"]
            plural = f"{bound['kind'].lower()}s"
            wanted = Attributes("bind", group=GROUP, resource=plural, namespace=namespace, name=bound["name"])
            role = self._role(bound["kind"], namespace, bound["name"])
            if role is None:
                raise errors.not_found(resource.plural, bound["name"], GROUP)  # upstream names the binding's kind
            rules = role.get("rules") or ()
        held = [rule for binding in self._of(user, namespace) for rule in self._rules(binding, lambda _: None)]
        lacking = escalation.missing(held, rules)
        if not lacking or self.decide(user, wanted).allowed:
            return
        if new.get("aggregationRule"):
            why = "must have cluster-admin privileges to use the aggregationRule"
        else:
            groups = " ".join(json.dumps(each) for each in user.groups)
            attempt = "is attempting to grant RBAC permissions not currently held"
            why = f"user {json.dumps(user.name)} (groups=[{groups}]) {attempt}:\n{lacking}"
        raise errors.forbidden(resource.plural, name_of(new), why, GROUP)

    # --- who is bound ---

    def _bindings_changed(self, _change: Change) -> None:
        self._bindings = None

    def _of(self, user: User, namespace: str) -> Iterator[_Binding]:
        """The user's bindings: those of the cluster first, then those of the namespace."""
        if self._bindings is None:
            self._bindings = {}
            for resource in (CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS):
                for each in self._server.list(resource, None)["items"]:
                    self._add(self._bindings, each, within=resource is ROLE_BINDINGS)
        found = [
            each for subject in _subjects(user) for each in self._bindings.get(subject, ()) if each.namespace is None
        ]
        yield from found
        if namespace:
            for subject in _subjects(user):
                yield from (each for each in self._bindings.get(subject, ()) if each.namespace == namespace)

    def _add(self, index: dict[tuple[str, str], list[_Binding]], binding: Object, *, within: bool) -> None:
        namespace = namespace_of(binding) if within else None
        named = f'"{name_of(binding)}/{namespace}"' if within else f'"{name_of(binding)}"'
        role = binding.get("roleRef") or {}
        for subject in binding.get("subjects") or ():
            kind, name, place = subject["kind"], subject["name"], subject.get("namespace") or namespace or ""
            who = f'{kind} "{name}/{place}"' if kind == "ServiceAccount" else f'{kind} "{name}"'
            words = f'{binding["kind"]} {named} of {role.get("kind")} "{role.get("name")}" to {who}'
            key = ("User", f"system:serviceaccount:{place}:{name}") if kind == "ServiceAccount" else (kind, name)
            index.setdefault(key, []).append(_Binding(namespace, role, words))


def _same_grant(new: Object, old: Object) -> bool:
    """Whether an update changes nothing but what the garbage collector looks at."""
    apart = ("finalizers", "ownerReferences", "managedFields", "resourceVersion", "generation")

    def said(obj: Object) -> Object:
        return {**obj, "metadata": without(obj["metadata"], *apart)}

    return said(new) == said(old)


def _subjects(user: User) -> Iterator[tuple[str, str]]:
    yield "User", user.name
    for each in user.groups:
        yield "Group", each


def allows(rule: Rule, wanted: Attributes) -> bool:
    """Whether a rule of a role allows what is wanted."""
    if not _has(rule.get("verbs"), wanted.verb):
        return False
    if not wanted.resource:
        return any(_covers(each, wanted.path) for each in rule.get("nonResourceURLs") or ())
    if not _has(rule.get("apiGroups"), wanted.group):
        return False
    named = rule.get("resources") or ()
    whole = wanted.whole_resource
    if not ("*" in named or whole in named or (wanted.subresource and f"*/{wanted.subresource}" in named)):
        return False
    names = rule.get("resourceNames") or ()
    return not names or wanted.name in names


def _has(values: Iterable[str] | None, wanted: str) -> bool:
    listed = list(values or ())
    return "*" in listed or wanted in listed


def _covers(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))
