"""What goes with the fake ECS, answered by moto: the seam that its version is pinned for."""

import subprocess
import sys
from random import Random
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fakes.cloud.settings import CloudSettings, Fault, FaultKind, Latency
from fakes.fargate.errors import AwsError
from fakes.fargate.sdk import InProcess
from fakes.fargate.service import FargateService
from vksim.loop import EPOCH

ONCE = Config(retries={"total_max_attempts": 1})


class Aws:
    """A fake, and clients of its services."""

    def __init__(self, *faults: Fault) -> None:
        self.service = FargateService(
            lambda: EPOCH, Random(1), CloudSettings(latencies={"start": Latency(3)}, faults=faults)
        )
        self._door = InProcess(self.service)
        self._session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")

    def __getattr__(self, service: str) -> Any:
        return self._door.attach(self._session.client(service, config=ONCE))


def test_a_network_is_there():
    ec2 = Aws().ec2
    vpcs = {each["VpcId"] for each in ec2.describe_subnets()["Subnets"]}
    assert {each["VpcId"] for each in ec2.describe_security_groups()["SecurityGroups"]} == vpcs


def test_an_error_of_a_service_is_its_own():
    with pytest.raises(ClientError, match=r"InvalidSubnetID\.NotFound"):
        Aws().ec2.describe_subnets(SubnetIds=["subnet-a"])
    with pytest.raises(ClientError, match="NoSuchEntity"):
        Aws().iam.get_role(RoleName="nobody")


def test_each_fake_begins_with_nothing():
    Aws().ssm.put_parameter(Name="/a", Value="x", Type="SecureString")
    with pytest.raises(ClientError, match="ParameterNotFound"):
        Aws().ssm.get_parameter(Name="/a")


def test_the_fake_reads_secrets_by_name_and_by_arn():
    aws = Aws()
    aws.ssm.put_parameter(Name="/a/b", Value="x", Type="SecureString")
    arn = aws.secretsmanager.create_secret(Name="/c", SecretString="y")["ARN"]
    beside = aws.service.beside
    assert [beside.secret("/a/b"), beside.secret(arn), beside.login("/c")] == ["x", "y", "y"]
    assert beside.secret("arn:aws:ssm:eu-west-1:123456789012:parameter/a/b") == "x"
    with pytest.raises(AwsError, match="not found"):
        beside.secret("/nothing")


@pytest.mark.parametrize("service", ["ec2", "iam", "ssm"])
def test_faults_hold_for_every_service_in_its_own_words(service: str):
    client = getattr(Aws(Fault(FaultKind.OUTAGE)), service)
    ask = {"ec2": "describe_subnets", "iam": "list_roles", "ssm": "describe_parameters"}[service]
    with pytest.raises(ClientError) as refused:
        getattr(client, ask)()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_moto_is_loaded_when_it_is_asked_and_not_before():
    code = "import vksim.clouds.fargate, fakes.fargate.service, sys; sys.exit('moto.core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
