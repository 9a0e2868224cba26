"""Alibaba's own SDK on the fake, without a socket: what it would send is answered in the same process.

``InProcessClient`` is the SDK's client with another way out. It fails as the SDK does, and says how long a call took by
``fakes.cloud.elapsed``. Requests are trusted: signatures are checked where they travel, at the HTTP door.
"""

from typing import Any

from alibabacloud_eci20180808.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from darabonba.exceptions import UnretryableException
from darabonba.policy.retry import RetryPolicyContext

from fakes.cloud import elapsed
from fakes.eci.service import EciService

READ_TIMEOUT = 10.0
"""Seconds after which the SDK gives up on an answer that does not come."""


class InProcessClient(Client):  # type: ignore[misc]  # the SDK has no types
    """The SDK's client for one fake.

    Args:
        service: what answers.
        patience: seconds after which an answer that does not come is given up.
    """

    def __init__(self, service: EciService, patience: float = READ_TIMEOUT) -> None:
        super().__init__(Config(region_id=service.region.name, endpoint="eci.fake.invalid"))
        self._service = service
        self._patience = patience

    def call_api(self, params: Params, request: OpenApiRequest, runtime: Any) -> dict[str, Any]:  # noqa: ARG002  (the SDK's signature)
        """Answer a call as the SDK would, be it good or bad."""
        response = self._service.call(params.action, request.query)
        if not response.heard:
            elapsed.spend(self._patience)
            lost = ConnectionError(f"{params.action}: read timed out")
            raise UnretryableException(RetryPolicyContext(exception=lost))
        elapsed.spend(response.delay)
        if response.status < 400:
            return {"body": response.body, "headers": {}, "statusCode": response.status}
        body = response.body
        failure = ClientException if response.status < 500 else ServerException
        raise failure(
            status_code=response.status,
            code=body["Code"],
            message=f"code: {response.status}, {body['Message']} request id: {body['RequestId']}",
            data=body,
            request_id=body["RequestId"],
        )
