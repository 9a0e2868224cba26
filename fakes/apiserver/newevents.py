"""Events of events.k8s.io/v1: the same objects as those of core/v1, under other names and stricter rules. Pure."""

from fakes.apiserver.causes import Causes, immutable, invalid, required, unsupported
from fakes.apiserver.names import qualified_name, wrong
from fakes.apiserver.objects import Object, without

_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
"""What a field is called here, and in core/v1."""
FIELDS = {"regarding.": "involvedObject.", "reportingController": "reportingComponent"}
_OLD_NAMES = {old: new for new, old in _NAMES.items()}
_UNSAID = ("reportingController", "reportingInstance", "action", "note")
"""Left out if empty."""
_FIXED = ("involvedObject", "reason", "message", "type", "reportingComponent", "reportingInstance", "action", "related")
LONGEST = 128
"""Characters of a reason, an action and the name of an instance."""
LONGEST_NOTE = 1024


def as_core(event: Object) -> Object:
    """The event as core/v1 has it."""
    return {_NAMES.get(key, key): value for key, value in event.items()} | {"apiVersion": "v1"}


def from_core(event: Object) -> Object:
    """The event as events.k8s.io/v1 has it."""
    new = {_OLD_NAMES.get(key, key): value for key, value in event.items()}
    return without(new, *(each for each in _UNSAID if not new.get(each))) | {"apiVersion": "events.k8s.io/v1"}


def check(new: Object, old: Object | None) -> Causes:
    """What may not be written in this version: little may be left out, and little may change."""
    if old is not None:
        changed = [each for each in _FIXED if (new.get(each) or None) != (old.get(each) or None)]
        return [immutable(each, new.get(each)) for each in changed]
    controller = new.get("reportingComponent") or ""
    causes = [] if new.get("eventTime") else [required("eventTime")]
    if not controller:
        causes.append(required("reportingController"))
    causes += wrong("reportingController", controller, qualified_name)
    for field in ("reportingInstance", "action", "reason"):
        value = new.get(field) or ""
        if not value:
            causes.append(required(field))
        if len(value) > LONGEST:
            causes.append(invalid(field, "", f"can have at most {LONGEST} characters"))
    if len(new.get("message") or "") > LONGEST_NOTE:
        causes.append(invalid("message", "", f"can have at most {LONGEST_NOTE} characters"))
    if new.get("type") not in ("Normal", "Warning"):
        causes.append(unsupported("type", new.get("type") or "", ("Normal", "Warning")))
    return causes
