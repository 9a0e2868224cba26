"""Label selectors as objects have them: ``matchLabels`` and ``matchExpressions``. Pure."""

from collections.abc import Mapping
from typing import Any

Labels = Mapping[str, str]


def matches(selector: Mapping[str, Any] | None, labels: Labels | None) -> bool:
    """Whether labels are meant by a selector. None means nothing, an empty one everything."""
    if selector is None:
        return False
    has = labels or {}
    if any(has.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(expression_matches(each, has) for each in selector.get("matchExpressions") or ())


def expression_matches(expression: Mapping[str, Any], labels: Labels) -> bool:
    """Whether labels satisfy a requirement; Gt and Lt are those of a node selector."""
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or ()
    value = labels.get(key)
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "Gt" | "Lt":
            return _compares(value, operator, values)
    return False


def _compares(value: str | None, operator: str, values: Any) -> bool:
    try:
        number, bound = int(value or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return number > bound if operator == "Gt" else number < bound
