"""Who may write roles cannot give away what they do not have themselves."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from fakes.apiserver import bootstrap
from fakes.apiserver.authorizer import ADMINISTRATOR, User
from fakes.apiserver.catalog import CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from fakes.apiserver.errors import StatusError
from fakes.apiserver.escalation import missing
from fakes.apiserver.rbac import Rbac
from fakes.apiserver.resources import ResourceType
from fakes.apiserver.server import ApiServer

BOB = User("bob", ("system:authenticated",))
PODS = '{APIGroups:[""], Resources:["pods"], '
READ = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}


@pytest.mark.parametrize(
    ("held", "wanted", "lacking"),
    [
        ([READ], [READ], ""),
        ([READ], [{**READ, "verbs": ["get"]}], ""),
        ([READ], [{**READ, "verbs": ["list", "delete", "patch"]}], PODS + 'Verbs:["delete" "patch"]}'),
        ([READ], [{**READ, "resources": ["pods/log"]}], PODS.replace("pods", "pods/log") + 'Verbs:["get" "list"]}'),
        ([{**READ, "resources": ["*/log"]}], [{**READ, "resources": ["pods/log"]}], ""),
        ([{**READ, "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}], [{**READ, "apiGroups": ["apps"]}], ""),
        ([READ], [{**READ, "resourceNames": ["a"]}], ""),
        ([{**READ, "resourceNames": ["a"]}], [READ], PODS + 'Verbs:["get" "list"]}'),
        (
            [{"verbs": ["get"], "nonResourceURLs": ["/healthz/*"]}],
            [{"verbs": ["get"], "nonResourceURLs": ["/healthz/ping", "/metrics"]}],
            '{NonResourceURLs:["/metrics"], Verbs:["get"]}',
        ),
        ([], [READ, {**READ, "apiGroups": ["apps"]}],
         '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}\n'
         '{APIGroups:["apps"], Resources:["pods"], Verbs:["get" "list"]}'),
    ],
)  # fmt: skip
def test_what_is_lacking_is_told(held: list[Any], wanted: list[Any], lacking: str) -> None:
    assert missing(held, wanted) == lacking


@pytest.fixture
def rbac() -> Rbac:
    """Bob may read pods in the namespace default, and write roles and bindings there."""
    server = ApiServer(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), random=Random(1))
    bootstrap.publish_policy(server)
    roles = {"verbs": ["*"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"]}
    server.create(ROLES, "default", role("clerk", [READ, {**roles, "verbs": ["create", "update"]}]))
    server.create(ROLE_BINDINGS, "default", binding("clerks", "Role", "clerk"))
    return Rbac(server)


def role(name: str, rules: list[Any], **more: Any) -> dict[str, Any]:
    return {"kind": "Role", "metadata": {"name": name, "namespace": "default"}, "rules": rules, **more}


def binding(name: str, kind: str, role: str) -> dict[str, Any]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob"}
    metadata = {"name": name, "namespace": "default"}
    return {"kind": "RoleBinding", "metadata": metadata, "roleRef": reference, "subjects": [subject]}


def refusal(rbac: Rbac, resource: ResourceType, new: dict[str, Any], old: dict[str, Any] | None = None) -> str:
    with pytest.raises(StatusError) as caught:
        rbac.refuse_grant(BOB, resource, new, old)
    message: str = caught.value.status["message"]
    return message


def test_a_role_gives_what_its_author_has(rbac: Rbac) -> None:
    rbac.refuse_grant(BOB, ROLES, role("r", [READ]), None)
    rbac.refuse_grant(ADMINISTRATOR, ROLES, role("r", [{**READ, "verbs": ["*"]}]), None)
    assert refusal(rbac, ROLES, role("r", [{**READ, "verbs": ["delete"]}])) == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "bob" (groups=["system:authenticated"]) is attempting '
        'to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'
    )


def test_rights_in_a_namespace_are_none_in_the_cluster(rbac: Rbac) -> None:
    whole = {"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [READ]}
    assert "not currently held" in refusal(rbac, CLUSTER_ROLES, whole)
    aggregated = {**whole, "rules": [], "aggregationRule": {"clusterRoleSelectors": []}}
    assert "must have cluster-admin privileges to use the aggregationRule" in refusal(rbac, CLUSTER_ROLES, aggregated)


def test_a_binding_gives_what_its_role_has(rbac: Rbac) -> None:
    rbac.refuse_grant(BOB, ROLE_BINDINGS, binding("b", "Role", "clerk"), None)
    assert "not currently held" in refusal(rbac, ROLE_BINDINGS, binding("b", "ClusterRole", "admin"))
    assert 'rolebindings.rbac.authorization.k8s.io "none" not found' in refusal(
        rbac, ROLE_BINDINGS, binding("b", "ClusterRole", "none")
    )


def test_who_may_escalate_or_bind_gives_anything(rbac: Rbac) -> None:
    free = {"verbs": ["escalate", "bind"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"]}
    server = rbac._server
    server.create(ROLES, "default", role("free", [free]))
    server.create(ROLE_BINDINGS, "default", binding("free", "Role", "free"))
    rbac.refuse_grant(BOB, ROLES, role("r", [{**READ, "verbs": ["delete"]}]), None)
    rbac.refuse_grant(BOB, ROLE_BINDINGS, binding("b", "ClusterRole", "admin"), None)


def test_what_the_garbage_collector_changes_is_no_grant(rbac: Rbac) -> None:
    before = role("r", [{**READ, "verbs": ["delete"]}])
    held = {**before, "metadata": {**before["metadata"], "finalizers": ["x.example/y"]}}
    rbac.refuse_grant(BOB, ROLES, before, held)
    assert "not currently held" in refusal(rbac, ROLES, {**before, "rules": [{**READ, "verbs": ["patch"]}]}, before)
