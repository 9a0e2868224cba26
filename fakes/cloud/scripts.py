"""What a container of a fake does: told by a variable of its environment, as nothing really runs here.

``VKSIM_SCRIPT={"run_for": 5, "exit_code": 1}`` makes a container end after five seconds with 1. Without it a container
just runs. Its image is never looked at.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

VARIABLE = "VKSIM_SCRIPT"
KILLED, TERMINATED = 137, 143
"""128 + SIGKILL, 128 + SIGTERM."""

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
