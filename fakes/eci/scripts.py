"""The script in a container's environment: see ``fakes.cloud.scripts``."""

from collections.abc import Mapping
from typing import Any

import msgspec

from fakes.cloud.scripts import NO_SCRIPT, VARIABLE, Script
from fakes.eci import errors


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
