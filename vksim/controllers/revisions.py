"""ControllerRevisions: which template a StatefulSet's or DaemonSet's pods were made from. Pure names and bodies."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from providers.types import KubeObject
from runner.kube import Resource
from vksim.controllers.pods import owner_reference

CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision", namespaced=True)
HASH_LABEL = "controller-revision-hash"

_SAFE = "bcdfghjklmnpqrstvwxz2456789"


def hash_of(template: Mapping[str, Any]) -> str:
    """What names a template: ten letters and digits that make no word."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    return "".join(_SAFE[byte % len(_SAFE)] for byte in hashlib.sha256(text.encode()).digest()[:10])


def body(owner: KubeObject, resource: Resource, hashed: str, number: int) -> dict[str, Any]:
    """The revision of the owner's template."""
    template = owner["spec"]["template"]
    labels = {**((template.get("metadata") or {}).get("labels") or {}), HASH_LABEL: hashed}
    return {
        "metadata": {
            "name": f"{owner['metadata']['name']}-{hashed}",
            "labels": labels,
            "ownerReferences": [owner_reference(owner, resource)],
        },
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": number,
    }
