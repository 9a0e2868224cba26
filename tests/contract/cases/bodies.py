"""The objects that the cases send."""

from typing import Any


def config_map(name: str = "a", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "data": {"k": "v"}}


def pod(name: str = "p", *, metadata: Any = None, container: Any = None, **spec: Any) -> dict[str, Any]:
    main = {"name": "main", "image": "registry.example/app:1", **(container or {})}
    return {"metadata": {"name": name, **(metadata or {})}, "spec": {"containers": [main], **spec}}


def node(name: str = "node-$NS", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **more}


def service(name: str = "s", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], "selector": {"app": "a"}, **spec}}


def secret(name: str = "s", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **more}


def lease(name: str = "l", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"holderIdentity": "me", "leaseDurationSeconds": 40, **spec}}


def event(name: str = "e", **more: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "namespace": "$NS", "name": "p"}
    return {"metadata": {"name": name}, "involvedObject": about, "reason": "Tested", "message": "m", **more}
