"""Serves the fake Fargate over HTTP, and writes what the runner's provider needs to find it."""

import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

import boto3
from botocore.exceptions import ClientError

from fakes.fargate import http
from fakes.fargate.beside import TASKS
from fakes.fargate.sdk import InProcess
from fakes.fargate.service import FargateService
from runner.ports import SystemClock
from vksim.clouds import serving
from vksim.clouds.serving import Up
from vksim.serving import WrongUsage, reachable

LOG_GROUP = "vksim"
ROLES = ("vksim-execution", "vksim-task")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(serving.Options):
    """What to serve.

    Attributes:
        region: the only one there is.
    """

    region: str


def main(options: Options) -> tuple[int, str]:
    """Serve until a signal: the exit code, and one line that says what went wrong."""
    return serving.main(options, served)


@asynccontextmanager
async def served(options: Options) -> AsyncIterator[Up]:
    """A cloud that is up.

    Raises:
        OSError: the address cannot be used.
        WrongUsage: the settings cannot be read.
    """
    settings = serving.settings(options.settings)
    service = FargateService(SystemClock().now, Random(options.seed), settings, region=options.region)
    places = _furnished(service)
    server, port = await http.start(service, options.host, options.port)
    try:
        address = reachable(options.host)
        endpoint = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
        with tempfile.TemporaryDirectory(prefix="vksim-") as folder:
            config = _written(Path(folder), options.region, endpoint, places)
            keys = ("AWS_ACCESS_KEY_ID=fake", "AWS_SECRET_ACCESS_KEY=fake")
            regions = (f"AWS_REGION={options.region}", f"AWS_DEFAULT_REGION={options.region}")
            exports = (*keys, *regions, f"AWS_ENDPOINT_URL={endpoint}", f"FARGATE_CONFIG={config}")
            yield Up(f"Fargate at {endpoint}", exports)
    finally:
        await server.cleanup()


class _Places(NamedTuple):
    """What the account has for the provider."""

    subnets: list[str]
    execution_role: str
    task_role: str


def _furnished(service: FargateService) -> _Places:
    """Make in the account what the steps of docs/fargate.md make. Raises WrongUsage if moto is not there."""
    door, session = InProcess(service), boto3.session.Session(aws_access_key_id="fake", aws_secret_access_key="fake")  # noqa: S106  (a fake's)
    ec2, iam, logs = (
        door.attach(session.client(each, region_name=service.account.region)) for each in ("ec2", "iam", "logs")
    )
    trust = {"Effect": "Allow", "Principal": {"Service": TASKS}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    try:
        logs.create_log_group(logGroupName=LOG_GROUP)
        roles = [iam.create_role(RoleName=each, AssumeRolePolicyDocument=policy)["Role"]["Arn"] for each in ROLES]
        subnets = sorted(each["SubnetId"] for each in ec2.describe_subnets()["Subnets"])
    except ClientError as error:
        raise WrongUsage(error.response["Error"]["Message"]) from error
    return _Places(subnets[:2], *roles)


def _written(folder: Path, region: str, endpoint: str, places: _Places) -> Path:
    """The provider's file: where the cloud is, and what a task cannot do without."""
    config = folder / "fargate.toml"
    fields = {
        "Region": region,
        "Endpoint": endpoint,
        "Subnets": places.subnets,
        "ExecutionRoleArn": places.execution_role,
        "TaskRoleArn": places.task_role,
        "CloudWatchLogGroupName": LOG_GROUP,
        "EnableExec": True,
    }
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items()), encoding="utf-8")
    return config
