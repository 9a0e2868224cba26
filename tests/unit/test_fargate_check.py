"""What ``runner check`` finds on AWS: cluster, network, roles and log group, on moto behind the fake."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from fakes.cloud.settings import Fault, FaultKind
from providers.base import Finding
from providers.fargate.check import trusts
from tests.unit.test_fargate_provider import Setting, in_virtual_time

TASKS = "ecs-tasks.amazonaws.com"


class Account:
    """A VPC's subnets and security group, a role for tasks and one for nobody, a log group."""

    def __init__(self, setting: Setting) -> None:
        session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
        self.ec2, self.iam, logs = (
            setting.backend.door.attach(session.client(each)) for each in ("ec2", "iam", "logs")
        )
        self.subnets = [each["SubnetId"] for each in self.ec2.describe_subnets()["Subnets"]][:2]
        self.group = self.ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        self.role = self.make_role("tasks", TASKS)
        logs.create_log_group(logGroupName="pods")

    def make_role(self, name: str, service: str) -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        return str(self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])

    def config(self) -> dict[str, Any]:
        return {
            "Subnets": self.subnets,
            "SecurityGroups": [self.group],
            "ExecutionRoleArn": self.role,
            "CloudWatchLogGroupName": "pods",
        }


async def found(setting: Setting, config: Mapping[str, Any]) -> dict[str, list[Finding]]:
    findings: dict[str, list[Finding]] = {}
    for each in await setting.new_provider(**config).check():
        findings.setdefault(each.verdict, []).append(each)
    return findings


async def the_missing(setting: Setting, **changed: Any) -> Finding:
    """The only finding that is wrong."""
    (missing,) = (await found(setting, {**Account(setting).config(), **changed}))["missing"]
    return missing


@in_virtual_time
async def test_an_account_as_it_should_be_has_nothing_missing(setting: Setting):
    findings = await found(setting, Account(setting).config())
    assert set(findings) == {"ok"}
    what = [each.what for each in findings["ok"]]
    assert what == ["cluster", "subnet", "subnet", "security group", "execution role", "log group"]


@in_virtual_time
async def test_a_subnet_that_is_not_there_is_named(setting: Setting):
    missing = await the_missing(setting, Subnets=["subnet-0123"])
    assert (missing.what, missing.detail) == (
        "subnet",
        "subnet-0123: not in this region and account; correct Subnets",
    )


@in_virtual_time
async def test_subnets_of_two_vpcs_do_not_go_together(setting: Setting):
    account = Account(setting)
    vpc = account.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    other = account.ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    config = {**account.config(), "Subnets": [account.subnets[0], other]}
    assert "in several VPCs" in (await found(setting, config))["missing"][0].detail


@in_virtual_time
async def test_a_small_subnet_is_a_warning(setting: Setting):
    account = Account(setting)
    vpc = account.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    small = account.ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/28")["Subnet"]["SubnetId"]
    (warning,) = (await found(setting, {**account.config(), "Subnets": [small], "SecurityGroups": []}))["warning"]
    assert "11 addresses left" in warning.detail


@in_virtual_time
async def test_a_security_group_of_another_vpc_is_named(setting: Setting):
    account = Account(setting)
    vpc = account.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    other = account.ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    (missing,) = (await found(setting, {**account.config(), "SecurityGroups": [other]}))["missing"]
    assert f"{other}: in {vpc}, not in the subnets' VPC" in missing.detail


@in_virtual_time
async def test_a_security_group_that_is_not_there_is_named(setting: Setting):
    assert (await the_missing(setting, SecurityGroups=["sg-0123"])).detail.startswith("sg-0123: not in this region")


@in_virtual_time
async def test_a_role_that_is_not_there_is_named(setting: Setting):
    missing = await the_missing(setting, ExecutionRoleArn="arn:aws:iam::123456789012:role/nobody")
    assert missing.what == "execution role"
    assert "there is no such role" in missing.detail


@in_virtual_time
async def test_a_role_that_does_not_trust_tasks_is_named_with_the_remedy(setting: Setting):
    account = Account(setting)
    role = account.make_role("machines", "ec2.amazonaws.com")
    (missing,) = (await found(setting, {**account.config(), "TaskRoleArn": role}))["missing"]
    assert missing.what == "task role"
    assert "aws iam update-assume-role-policy --role-name machines" in missing.detail


@in_virtual_time
async def test_a_role_of_another_account_is_named(setting: Setting):
    missing = await the_missing(setting, ExecutionRoleArn="arn:aws:iam::999999999999:role/tasks")
    assert "correct the ARN" in missing.detail


@in_virtual_time
async def test_a_log_group_that_is_not_there_is_named_with_the_remedy(setting: Setting):
    missing = await the_missing(setting, CloudWatchLogGroupName="pod")
    assert missing.detail.endswith("aws logs create-log-group --log-group-name pod")


@in_virtual_time
async def test_commands_without_a_role_for_tasks_are_a_warning(setting: Setting):
    (warning,) = (await found(setting, {**Account(setting).config(), "EnableExec": True}))["warning"]
    assert warning.what == "task role"


@in_virtual_time
async def test_a_cloud_that_does_not_answer_is_one_line(setting: Setting):
    config = Account(setting).config()
    setting.fail(FaultKind.OUTAGE)
    findings = await found(setting, config)
    assert [each.what for each in findings["missing"]] == ["cluster"]
    assert set(findings) == {"missing"}


@in_virtual_time
async def test_what_cannot_be_looked_at_is_a_warning_that_names_the_permission(setting: Setting):
    config = Account(setting).config()
    setting.backend.model.faults.append(Fault(FaultKind.OUTAGE, operations=("GetRole", "DescribeSubnets")))
    warnings = (await found(setting, config))["warning"]
    assert [each.what for each in warnings] == ["subnets", "execution role"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Effect": "Allow", "Principal": {"Service": TASKS}, "Action": "sts:AssumeRole"}, True),
        ({"Effect": "Allow", "Principal": {"Service": ["a", TASKS]}, "Action": ["sts:AssumeRole"]}, True),
        ([{"Effect": "Allow", "Principal": "*", "Action": "*"}], True),
        ({"Effect": "Deny", "Principal": {"Service": TASKS}, "Action": "sts:AssumeRole"}, False),
        ({"Effect": "Allow", "Principal": {"Service": TASKS}, "Action": "sts:TagSession"}, False),
        ({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:root"}, "Action": "sts:AssumeRole"}, False),
        ([], False),
    ],
)
def test_a_trust_policy_is_understood(statement: Any, expected: bool):
    assert trusts({"Statement": statement}) is expected
    assert trusts(json.dumps({"Statement": statement})) is expected
