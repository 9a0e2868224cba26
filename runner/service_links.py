"""The variables that tell a container of its namespace's Services, as Docker's links once did. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

MASTER_NAMESPACE, MASTER_NAME = "default", "kubernetes"


def service_variables(
    services: Iterable[Mapping[str, Any]], master: Mapping[str, Any] | None, *, enabled: bool
) -> dict[str, str]:
    """The variables of a pod.

    Args:
        services: those of its namespace.
        master: the Service of the API server, which every pod is told of; None if there is none.
        enabled: the pod's ``enableServiceLinks``.
    """
    chosen = {master["metadata"]["name"]: master} if master is not None else {}
    if enabled:
        chosen.update({each["metadata"]["name"]: each for each in services})
    variables: dict[str, str] = {}
    for _, service in sorted(chosen.items()):
        variables.update(_of(service))
    return variables


def _of(service: Mapping[str, Any]) -> dict[str, str]:
    spec = service.get("spec") or {}
    ip, ports = spec.get("clusterIP") or "None", spec.get("ports") or []
    if ip == "None" or not ports:
        return {}
    prefix = _upper(service["metadata"]["name"])
    host = f"[{ip}]" if ":" in ip else ip
    variables = {f"{prefix}_SERVICE_HOST": ip, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            variables[f"{prefix}_SERVICE_PORT_{_upper(port['name'])}"] = str(port["port"])
    for number, port in enumerate(ports):
        protocol = port.get("protocol") or "TCP"
        url = f"{protocol.lower()}://{host}:{port['port']}"
        if number == 0:
            variables[f"{prefix}_PORT"] = url
        one = f"{prefix}_PORT_{port['port']}_{protocol.upper()}"
        variables |= {one: url, f"{one}_PROTO": protocol.lower(), f"{one}_PORT": str(port["port"]), f"{one}_ADDR": ip}
    return variables


def _upper(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "_")
