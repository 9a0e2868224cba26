"""What the runner must be allowed to do in the cluster, and why: for ``runner check`` and deploy/rbac.yaml."""

from dataclasses import dataclass

from runner.config import RunnerConfig, Shutdown
from runner.kube import CONFIG_MAPS, EVENTS, LEASES, NODES, PODS, SECRETS, SERVICE_ACCOUNTS, SERVICES, Resource
from runner.kubelet.auth import ACCESS_REVIEWS, TOKEN_REVIEWS
from runner.kubelet.signing import REQUESTS
from runner.node import LEASE_NAMESPACE


@dataclass(frozen=True, slots=True)
class Permission:
    """A right to ask the API server for something.

    Attributes:
        verb: get, list, watch, create, update, patch or delete.
        resource: of which kind.
        why: what it is for.
        subresource: the part of the object; empty for the object itself.
        namespace: where; empty for everywhere.
        essential: whether the node cannot do without; else it is only for some pods.
    """

    verb: str
    resource: Resource
    why: str
    subresource: str = ""
    namespace: str = ""
    essential: bool = True

    def __str__(self) -> str:
        what = f"{self.resource}/{self.subresource}" if self.subresource else str(self.resource)
        return f"{self.verb} {what}{f' in {self.namespace}' if self.namespace else ''}"


def needed(config: RunnerConfig) -> list[Permission]:
    """All that a node so configured needs."""
    everywhere, leases = config.namespace, LEASE_NAMESPACE
    ends = config.shutdown
    table = [
        *_each("get create patch", NODES, "registration, labels and taints"),
        *_each("patch", NODES, "capacity, conditions, addresses", subresource="status"),
        *_each("get create update", LEASES, "the heartbeat", namespace=leases),
        *_each("list watch delete", PODS, "the pods of the node, and removing those that have ended", everywhere),
        *_each("patch", PODS, "reporting", everywhere, "status"),
        *_each("create patch", EVENTS, "telling the pods' owners", everywhere),
        *_each("get list watch", CONFIG_MAPS, "pods that refer to them", everywhere, essential=False),
        *_each("get list watch", SECRETS, "pods that refer to them", everywhere, essential=False),
        *_each("list watch", SERVICES, "pods' variables for Services", essential=False),
        *_each("create", SERVICE_ACCOUNTS, "service-account tokens in pods", everywhere, "token", essential=False),
    ]
    for resource in (TOKEN_REVIEWS, ACCESS_REVIEWS):
        table += _each("create", resource, "asking who calls the kubelet API (--client-verify-ca)", essential=False)
    if ends in (Shutdown.DRAIN, Shutdown.DELETE):
        table += _each("create", PODS, f"--shutdown={ends}", everywhere, "eviction")
    if ends is Shutdown.DELETE:
        table += _each("delete", NODES, f"--shutdown={ends}")
    return table


def needed_to_know_callers() -> list[Permission]:
    """What asking who calls the kubelet API needs beside."""
    why = "knowing who calls the kubelet API, and whether it may"
    return [*_each("create", TOKEN_REVIEWS, why), *_each("create", ACCESS_REVIEWS, why)]


def needed_to_be_signed() -> list[Permission]:
    """What having the cluster sign the kubelet API's certificate needs beside."""
    return _each("create get", REQUESTS, "--rotate-server-certificates")


def _each(
    verbs: str, resource: Resource, why: str, namespace: str = "", subresource: str = "", *, essential: bool = True
) -> list[Permission]:
    return [Permission(verb, resource, why, subresource, namespace, essential) for verb in verbs.split()]
