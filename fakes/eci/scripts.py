"""What a container of the fake does: told by a variable of its environment, as nothing really runs here.

``VKSIM_SCRIPT={"run_for": 5, "exit_code": 1}`` makes a container end after five seconds with 1. Without it a container
just runs. Its image is never looked at.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from fakes.eci import errors

VARIABLE = "VKSIM_SCRIPT"

Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A container's behaviour, times in seconds. What concerns the whole group is taken from its first container.

    Attributes:
        run_for: it runs so long, each time; None for as long as it may.
        exit_code: and ends with this.
        reason: why it ended; empty for Completed or Error.
        ready_after: it is ready so long after each start.
        never_starts: it waits for ever, for this reason.
        ends_after: so long it takes to end when it is told to.
        start_after: so long it takes to start the group; None for what the cloud takes.
        schedule_fails: the group cannot be placed, for this reason.
        create_takes: so long it takes to answer the create; the group is there at once.
        create_error: how creates of the group fail.
        create_errors: so many of them; None for all, if create_error is set.
        delete_errors: so many deletes fail, with an error that a retry helps.
        log: what it writes when it starts; None for a word about itself.
        log_every: it then writes a numbered line this often.
    """

    run_for: Seconds | None = None
    exit_code: Annotated[int, Meta(ge=0, le=255)] = 0
    reason: str = ""
    ready_after: Seconds = 0.0
    never_starts: str = ""
    ends_after: Seconds = 0.0
    start_after: Seconds | None = None
    schedule_fails: str = ""
    create_takes: Seconds = 0.0
    create_error: Literal["", "retryable", "permanent", "invalid"] = ""
    create_errors: Count | None = None
    delete_errors: Count = 0
    log: str | None = None
    log_every: Annotated[float, Meta(gt=0)] | None = None


NO_SCRIPT = Script()


def of(container: Mapping[str, Any]) -> Script:
    """The script in a container's environment.

    Raises:
        EciError: it cannot be understood.
    """
    for variable in container.get("EnvironmentVar") or []:
        if variable.get("Key") == VARIABLE:
            try:
                return msgspec.json.decode(str(variable.get("Value", "")).encode(), type=Script)
            except msgspec.DecodeError as error:
                raise errors.invalid(f"EnvironmentVar.{VARIABLE}", str(error)) from None
    return NO_SCRIPT
