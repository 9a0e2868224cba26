"""The whole API behind one function: a request in, a response out. No transport, no waiting; the doors do that."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from fakes.cloud.model import CloudModel
from fakes.cloud.settings import CloudSettings, FaultKind
from fakes.eci import errors, signatures
from fakes.eci.defaults import KEY_ID, OPERATIONS, REALISTIC, REGION, SECRET
from fakes.eci.errors import EciError
from fakes.eci.operations import Operations
from fakes.eci.parameters import nested
from fakes.eci.region import Region
from fakes.eci.sessions import Sessions
from fakes.eci.signatures import Request

NONCES_KEPT = 10_000
_COMMON = frozenset(
    {
        *("Action", "Version", "Format", "AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce"),
        *("Timestamp", "Signature", "SecurityToken", "SignatureType"),
    }
)
"""Parameters of every call in the style of 2018."""


@dataclass(frozen=True, slots=True)
class Response:
    """What comes back.

    Attributes:
        status: of HTTP.
        body: JSON.
        delay: seconds until it is there.
        heard: whether it gets there; if not, the connection breaks.
    """

    status: int
    body: dict[str, Any]
    delay: float = 0.0
    heard: bool = True

    def encoded(self) -> bytes:
        """The body's bytes."""
        return json.dumps(self.body, separators=(",", ":")).encode()


class EciService:
    """A fake Elastic Container Instance: one account in one region.

    Args:
        now: the wall clock.
        random: the only source of chance.
        settings: how the cloud behaves; None for about what the real one does.
        region: its name.
        keys: access key -> secret.
        vswitches: vSwitch -> zone; None takes any.

    Attributes:
        model: latencies, quotas, rates, faults, and who has called what.
        region: the state.
        sessions: the commands that run in containers.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        random: Random,
        settings: CloudSettings | None = None,
        *,
        region: str = REGION,
        keys: Mapping[str, str] | None = None,
        vswitches: Mapping[str, str] | None = None,
    ) -> None:
        self.model = CloudModel(REALISTIC if settings is None else settings, now, random)
        self.region = Region(region, self.model, now, random, vswitches)
        self.sessions = Sessions(now, random)
        self._operations = Operations(self.region, self.sessions)
        self._keys = {KEY_ID: SECRET} if keys is None else keys
        self._nonces: dict[str, None] = {}
        self._requests = 0

    def handle(self, request: Request) -> Response:
        """Check the signature and do what is asked."""
        try:
            signed = signatures.verify(request, self._keys.get)
            self._check_nonce(signed.nonce)
        except EciError as error:
            return self._refused(error)
        flat = {key: value for key, value in request.query.items() if key not in _COMMON}
        return self.call(signed.action, flat)

    def call(self, action: str, flat: Mapping[str, str]) -> Response:
        """Do what a trusted caller asks for.

        Args:
            action: ``CreateContainerGroup`` and so on.
            flat: its parameters as they are on the wire.
        """
        operation = self._operations.table.get(action)
        if operation is None:
            return self._refused(
                errors.EciError(404, "InvalidAction.NotFound", f"Specified api {action} is not found.")
            )
        resource = flat.get("ContainerGroupId") or flat.get("ContainerGroupName") or ""
        verdict = self.model.admit(OPERATIONS[action], resource)
        delay = self.model.takes("call") + verdict.delay
        if not verdict.done:
            return self._refused(_FAULTS[verdict.fault or FaultKind.OUTAGE], delay, heard=verdict.heard)
        try:
            parameters = nested(flat)
            if action != "DescribeRegions":
                self._check_region(parameters)
            answer = operation(parameters)
        except EciError as error:
            return self._refused(error, delay, heard=verdict.heard)
        if action == "CreateContainerGroup":
            group = self.region.groups.get(answer["ContainerGroupId"])
            delay += group.script.create_takes if group else 0.0
        return Response(200, {"RequestId": self._request_id(), **answer}, delay, verdict.heard)

    def _check_region(self, parameters: Mapping[str, Any]) -> None:
        region = parameters.get("RegionId")
        if not region:
            raise errors.missing("RegionId")
        if region != self.region.name:
            raise errors.EciError(404, "InvalidRegionId.NotFound", f"The region {region} does not exist.")

    def _check_nonce(self, nonce: str) -> None:
        if nonce in self._nonces:
            raise errors.EciError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self._nonces[nonce] = None
        if len(self._nonces) > NONCES_KEPT:
            del self._nonces[next(iter(self._nonces))]

    def _refused(self, error: EciError, delay: float = 0.0, *, heard: bool = True) -> Response:
        return Response(error.status, error.body(self._request_id(), "eci.aliyuncs.com"), delay, heard)

    def _request_id(self) -> str:
        self._requests += 1
        return f"00000000-0000-4000-8000-{self._requests:012X}"


_FAULTS = {
    FaultKind.OUTAGE: errors.unavailable(),
    FaultKind.THROTTLED: errors.throttled(),
    FaultKind.NO_CAPACITY: errors.no_stock("all zones"),
    FaultKind.LOST_REQUEST: errors.unavailable(),
}
