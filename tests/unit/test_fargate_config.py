"""The Fargate provider's configuration file."""

from typing import Any

import pytest

from providers.errors import InvalidConfig
from providers.fargate import config

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
