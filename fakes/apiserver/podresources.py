"""What a pod as a whole asks for and may use. Pure."""

from fakes.apiserver.amounts import Amounts, amounts, greatest, total
from fakes.apiserver.objects import Object


def requests(pod: Object) -> Amounts:
    """What its containers request, side by side or one after the other, with the pod's overhead."""
    spec = pod["spec"]
    return total(_of_containers(spec, "requests"), amounts(spec.get("overhead")))


def limits(pod: Object) -> Amounts:
    """What its containers may use, with the overhead where there is a limit."""
    spec = pod["spec"]
    found = _of_containers(spec, "limits")
    return total(found, {name: each for name, each in amounts(spec.get("overhead")).items() if name in found})


def without_overhead(pod: Object, which: str) -> Amounts:
    """The ``requests`` or ``limits`` of its containers."""
    return _of_containers(pod["spec"], which)


def _of_containers(spec: Object, which: str) -> Amounts:
    together = total(*(_of(each, which) for each in spec.get("containers") or ()))
    sidecars: Amounts = {}
    starting: Amounts = {}
    for each in spec.get("initContainers") or ():
        own = _of(each, which)
        if each.get("restartPolicy") == "Always":
            together, sidecars = total(together, own), total(sidecars, own)
            starting = greatest(starting, sidecars)
        else:
            starting = greatest(starting, total(own, sidecars))
    found = greatest(together, starting)
    return {**found, **amounts((spec.get("resources") or {}).get(which))}


def _of(container: Object, which: str) -> Amounts:
    return amounts((container.get("resources") or {}).get(which))
