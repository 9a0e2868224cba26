"""The Fargate provider's configuration file."""

from typing import Any

import pytest

from providers.errors import InvalidConfig
from providers.fargate import config, factory

LEAST = {"Subnets": ["subnet-a"]}


def parse(**fields: Any) -> config.FargateConfig:
    return config.parse({**LEAST, **fields}, source="fargate.toml")


def test_the_file_of_2018_is_understood():
    parsed = parse(
        Region="us-east-1",
        ClusterName="vk",
        SecurityGroups=["sg-1"],
        AssignPublicIPv4Address=True,
        ExecutionRoleArn="arn:aws:iam::1:role/x",
        CloudWatchLogGroupName="/ecs/vk",
        PlatformVersion="LATEST",
        OperatingSystem="Linux",
        CPU="20",
        Memory="40Gi",
        Storage="40Gi",
        Pods="20",
    )
    assert (parsed.cluster, parsed.public_ip, parsed.log_group) == ("vk", True, "/ecs/vk")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"Subnets": []}, "Subnets: none"),
        ({"Subnets": [f"s-{n}" for n in range(17)]}, "at most 16"),
        ({"SecurityGroups": [f"s-{n}" for n in range(6)]}, "at most 5"),
        ({"CPU": "100m"}, "CPU: 100m is less than 250m"),
        ({"Memory": "lots"}, "not a quantity"),
        ({"OperatingSystem": "Windows"}, "only Linux"),
        ({"CloudWatchLogGroupName": "x"}, "ExecutionRoleArn"),
        ({"SecretsPath": "vk", "ExecutionRoleArn": "x"}, "no path"),
        ({"CapacityProvider": "EC2"}, "FARGATE_SPOT"),
        ({"ClusterName": "a b"}, "letters, digits"),
        ({"Subnet": ["a"]}, "did you mean Subnets"),
        ({"AssignPublicIPv4Address": "yes"}, "neither true nor false"),
    ],
)
def test_what_is_wrong_is_told_with_source_and_field(fields: dict[str, Any], told: str):
    with pytest.raises(InvalidConfig, match=f"^fargate.toml: .*{told}"):
        parse(**fields)


@pytest.fixture
def nothing_around(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing about AWS."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    return monkeypatch


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_region_that_the_file_does_not_name_is_the_environments(variable: str, nothing_around: pytest.MonkeyPatch):
    nothing_around.setenv(variable, "eu-north-1")
    assert factory._placed(parse(), "f.toml").region == "eu-north-1"


def test_a_region_that_nobody_names_is_one_line(nothing_around: pytest.MonkeyPatch):
    with pytest.raises(InvalidConfig, match=r"f\.toml: Region: none; name it, or set AWS_REGION"):
        factory._placed(parse(), "f.toml")


def test_a_profile_that_is_not_there_is_one_line(nothing_around: pytest.MonkeyPatch):
    nothing_around.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(InvalidConfig, match=r"f\.toml: Region: .*nobody"):
        factory._placed(parse(), "f.toml")
