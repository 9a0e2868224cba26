"""The conditions of a status: what Go's types have in each of them, if only empty. Pure."""

from fakes.apiserver.objects import Object


def with_times(status: Object, times: tuple[str, ...]) -> Object:
    """The status with a null for each time that a condition lacks: the field is not ``omitempty`` in Go."""
    conditions = status.get("conditions") or ()
    if all(name in each for each in conditions for name in times):
        return status
    missing = [{**each, **{name: None for name in times if name not in each}} for each in conditions]
    return {**status, "conditions": missing}
