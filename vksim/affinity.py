"""Which nodes a pod may go to by its own word: node selector, node affinity, tolerations. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from vksim.controllers.selector import expression_matches

Object = Mapping[str, Any]


def node_matches(spec: Object, node: Object) -> bool:
    """Whether a pod's ``nodeName``, ``nodeSelector`` and required node affinity allow a node."""
    labels = node["metadata"].get("labels") or {}
    if spec.get("nodeName") not in (None, "", node["metadata"]["name"]):
        return False
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    node_affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(term_matches(each, node) for each in required.get("nodeSelectorTerms") or ())


def term_matches(term: Object, node: Object) -> bool:
    """Whether a node satisfies a node selector term; an empty one nobody does."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    labels = node["metadata"].get("labels") or {}
    name = {"metadata.name": node["metadata"]["name"]}
    return all(expression_matches(each, labels) for each in expressions) and all(
        expression_matches(each, name) for each in fields
    )


def tolerates(tolerations: Sequence[Object], taint: Object) -> bool:
    """Whether a taint is tolerated."""
    return any(_fits(each, taint) for each in tolerations)


def _fits(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect", "") not in ("", taint["effect"]):
        return False
    key = toleration.get("key", "")
    if toleration.get("operator", "Equal") == "Exists":
        return key in ("", taint["key"])
    return bool(key == taint["key"] and toleration.get("value", "") == taint.get("value", ""))
