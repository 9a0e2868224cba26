"""How the containers of a group behave: what they are told to do, since nothing really runs here.

A script travels with the group: as JSON in the environment variable ``VKSIM_SCRIPT`` of a container. A cloud may be
given another source of scripts. A container without one does what its command says, as far as the little shell knows it
(``sleep 30``, ``sh -c "echo hello; exit 3"``); any other program runs until it is told to end.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from fakes.aci import shapes
from fakes.aci.errors import undeserializable
from fakes.cloud.shell import Outcome, Piece, Shell, runs_on

VARIABLE = "VKSIM_SCRIPT"

Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Times are in seconds; what is left out is as the cloud and the command have it.

    Attributes:
        run_for: the container runs so long, each time it is started.
        exit_code: and ends with this.
        never_starts: the container waits for ever, for this reason.
        ends_after: so long it takes to end when it is told to.
        start_after: so long it takes to provision the group.
        create_takes: so long it takes to answer a create; the group is there at once.
        create_error: how creates of the group fail; after a ``timeout`` the group is there all the same.
        create_errors: so many of them fail; none means all, if create_error is set.
        delete_errors: so many deletes of the group fail, with an error that a retry helps.
        log: what the container writes when it starts.
        log_every: it then writes a numbered line this often.
    """

    run_for: Seconds | None = None
    exit_code: Annotated[int, Meta(ge=0, le=255)] | None = None
    never_starts: str = ""
    ends_after: Seconds = 0.0
    start_after: Seconds | None = None
    create_takes: Seconds | None = None
    create_error: Literal["", "retryable", "permanent", "invalid", "timeout"] = ""
    create_errors: Count | None = None
    delete_errors: Count = 0
    log: str | None = None
    log_every: Annotated[float, Meta(gt=0)] | None = None

    @property
    def is_done_anyway(self) -> bool:
        """Whether a create that fails has done what it was asked."""
        return self.create_error == "timeout"


NO_SCRIPT = Script()

Scripts = Callable[[shapes.ContainerGroup, shapes.AnyContainer], Script]
"""(the group, one of its containers) -> what that container is to do. The script of a group's first container also says
how creates and deletes fare."""


def from_environment(_: shapes.ContainerGroup, container: shapes.AnyContainer) -> Script:
    """The script in a container's environment. Raises ArmError if it is none."""
    for each in container.properties.environment_variables or ():
        if each.name == VARIABLE:
            try:
                return msgspec.json.decode((each.value or each.secure_value or "{}").encode(), type=Script)
            except msgspec.DecodeError as error:
                raise undeserializable(f"{VARIABLE}: {error}", f"containers.{container.name}") from None
    return NO_SCRIPT


def environment(container: shapes.AnyContainer) -> dict[str, str]:
    """A container's variables, secret ones too."""
    variables = container.properties.environment_variables or ()
    return {each.name: each.value if each.value is not None else each.secure_value or "" for each in variables}


def outcome(script: Script, container: shapes.AnyContainer, group: str) -> Outcome:
    """What one run of a container comes to."""
    command = container.properties.command
    found = Shell(environment(container), group, runs_on).run(command) if command else runs_on("")
    output = found.output
    if script.log is not None:
        output = (Piece(0.0, script.log if script.log.endswith("\n") else f"{script.log}\n"),)
    elif not output:
        output = (Piece(0.0, f"{container.name} started\n"),)
    takes = found.takes if script.run_for is None else script.run_for
    code = found.code if script.exit_code is None else script.exit_code
    return Outcome(tuple(each for each in output if each.at <= takes), takes, code)
