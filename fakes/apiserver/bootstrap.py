"""What a kube-apiserver itself writes into its cluster when it starts: where it listens, and whom it trusts.

Scheduler and controllers read it, and so does whoever looks for the service ``kubernetes``.
"""

from collections.abc import Iterator

from fakes.apiserver.errors import StatusError
from fakes.apiserver.objects import Object
from fakes.apiserver.schema import archive
from fakes.apiserver.server import ApiServer

NAME = "kubernetes"
"""Of the service, and of all that belongs to it."""
NOT_FOUND = 404
SERVICE_IP, SERVICE_RANGE = "10.96.0.1", "10.96.0.0/16"

_HTTPS = {"name": "https", "protocol": "TCP"}

Written = tuple[str, str, str | None, Object]
"""The group and plural of an object, its namespace, and itself."""


def publish(server: ApiServer, *, authority: bytes, address: str, port: int, today: str) -> None:
    """Write it; after a restart, bring it up to date.

    Args:
        server: the API server.
        authority: the certificate, PEM, that vouches for the server and for clients.
        address: where it listens.
        port: where it listens.
        today: the date, as ``2026-01-31``.
    """
    for group, plural, namespace, obj in (*_trust(authority, today), *_service(address, port)):
        resource = server.resources.get(group, plural)
        assert resource is not None, plural  # noqa: S101  (they are built in)
        try:
            server.update(resource, namespace, obj["metadata"]["name"], obj)
        except StatusError as error:
            if error.code != NOT_FOUND:
                raise
            server.create(resource, namespace, obj)


def publish_policy(server: ApiServer) -> None:
    """Write the roles and bindings of a new cluster, those that are not there."""
    for obj in archive.policy():
        resource = server.resources.by_kind(obj["kind"], "rbac.authorization.k8s.io")
        namespace = obj["metadata"].get("namespace")
        assert resource is not None, obj["kind"]  # noqa: S101  (they are built in)
        if server.find(resource, namespace or "", obj["metadata"]["name"]) is None:
            server.create(resource, namespace, obj)


def _trust(authority: bytes, today: str) -> Iterator[Written]:
    """How other servers of the cluster are to know their clients."""
    data = {
        "client-ca-file": authority.decode(),
        "requestheader-allowed-names": "[]",
        "requestheader-client-ca-file": authority.decode(),
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-username-headers": '["X-Remote-User"]',
    }
    yield "", "configmaps", "kube-system", _object("extension-apiserver-authentication", data=data)
    tracking = _object("kube-apiserver-legacy-service-account-token-tracking", data={"since": today})
    yield "", "configmaps", "kube-system", tracking


def _service(address: str, port: int) -> Iterator[Written]:
    """The service ``kubernetes`` and what is behind it."""
    yield "networking.k8s.io", "servicecidrs", None, _object(NAME, spec={"cidrs": [SERVICE_RANGE]})
    spec = {"clusterIP": SERVICE_IP, "ports": [{**_HTTPS, "port": 443, "targetPort": port}]}
    yield "", "services", "default", _object(NAME, {"component": "apiserver", "provider": NAME}, spec=spec)
    subsets = [{"addresses": [{"ip": address}], "ports": [{**_HTTPS, "port": port}]}]
    not_mirrored = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    yield "", "endpoints", "default", _object(NAME, not_mirrored, subsets=subsets)
    endpoints = {
        "addressType": "IPv6" if ":" in address else "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{**_HTTPS, "port": port}],
    }
    yield "discovery.k8s.io", "endpointslices", "default", _object(NAME, {f"{NAME}.io/service-name": NAME}, **endpoints)


def _object(name: str, labels: Object | None = None, **fields: object) -> Object:
    return {"metadata": {"name": name, **({"labels": labels} if labels else {})}, **fields}
