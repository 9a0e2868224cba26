"""What goes with ECS and is answered by moto, in this process: EC2, IAM, Parameter Store, Secrets Manager and so on.

Moto's way in is one function, ``BotocoreStubber.process_request``, by which its own mocks are answered: no server, and
nothing of botocore's is patched. Its version is pinned; tests hold it. Its state is global, an account's for a process:
a new fake begins with none, and takes the account over from the one before. It is loaded when it is first asked, as
that takes a second.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from botocore.awsrequest import AWSPreparedRequest

from fakes.fargate.errors import AwsError
from fakes.fargate.requests import Request

SERVICES = frozenset({"ec2", "iam", "logs", "ssm", "secretsmanager", "sqs", "events", "sts"})
"""By the names that requests are signed for."""
TASKS = "ecs-tasks.amazonaws.com"
MISSING = "{service} is answered by moto, which is not there: pip install 'vksim[fargate-fake]'"

Answered = tuple[int, Mapping[str, str], bytes]


class Beside:
    """What of AWS is no task.

    Args:
        region: of all services.
        account: its number.
    """

    def __init__(self, region: str, account: str) -> None:
        self._region = region
        self._account = account
        self._stubber: Any = None
        if "moto.backends" in sys.modules:
            self._forget()

    def answer(self, request: Request) -> Answered:
        """A response: status, headers, body. Raises AwsError if there is no moto."""
        if self._stubber is None:
            self._stubber = _stubber(request.service)
        host = "iam.amazonaws.com" if request.service == "iam" else f"{request.service}.{self._region}.amazonaws.com"
        scope = f"Credential=fake/20260101/{self._region}/{request.service}/aws4_request"
        headers = {
            **request.headers,
            "Host": host,
            "Authorization": f"AWS4-HMAC-SHA256 {scope}",
            "X-Moto-Account-Id": self._account,
        }
        prepared = AWSPreparedRequest(request.method, f"https://{host}{request.path}", headers, request.body, False)
        status, answered, body = self._stubber.process_request(prepared)
        return status, answered, body.encode() if isinstance(body, str) else body

    def ask(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call a service that speaks JSON, as the fake's own. Raises AwsError."""
        target = {"ssm": "AmazonSSM", "logs": "Logs_20140328", "sqs": "AmazonSQS", "events": "AWSEvents"}
        headers = {
            "X-Amz-Target": f"{target.get(service, service)}.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        status, _, body = self.answer(
            Request(service, operation, "POST", "/", headers, json.dumps(parameters).encode())
        )
        answer: dict[str, Any] = json.loads(body or b"{}")
        if status >= 400:
            code = str(answer.get("__type", "")).rpartition("#")[2]
            raise AwsError(code, str(answer.get("message") or answer.get("Message") or ""), status)
        return answer

    def secret(self, name: str) -> str:
        """The value of a parameter, or of a secret of Secrets Manager. Raises AwsError."""
        if ":secretsmanager:" in name:
            return str(self.ask("secretsmanager", "GetSecretValue", SecretId=name)["SecretString"])
        name = "/" + name.partition(":parameter/")[2] if ":parameter/" in name else name
        found = self.ask("ssm", "GetParameters", Names=[name], WithDecryption=True)["Parameters"]
        if not found:
            raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
        return str(found[0]["Value"])

    def login(self, name: str) -> str:
        """The value of a secret of Secrets Manager, by its name or ARN. Raises AwsError."""
        return str(self.ask("secretsmanager", "GetSecretValue", SecretId=name)["SecretString"])

    def _forget(self) -> None:
        from moto.backends import get_backend  # noqa: PLC0415  (see the module's docstring)

        for service in SERVICES:
            backends: Any = get_backend(service)  # type: ignore[call-overload]  # it wants the names written out
            if self._account in dict.keys(backends):
                backends[self._account].reset()


def _stubber(service: str) -> Any:
    try:
        from moto.core.botocore_stubber import BotocoreStubber  # noqa: PLC0415  (see the module's docstring)
    except ImportError:
        raise AwsError("ServiceUnavailable", MISSING.format(service=service), 503) from None
    return BotocoreStubber()
