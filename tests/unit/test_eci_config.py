"""``eci.toml`` and the variables: what is understood, what is refused with one clear line."""

from datetime import timedelta
from typing import Any

import pytest

from providers.eci.config import EciConfig, parse
from providers.errors import InvalidConfig

OLD_FILE = {
    "Region": "cn-shanghai",
    "OperatingSystem": "Linux",
    "CPU": "20",
    "Memory": "100Gi",
    "Pods": "20",
    "VSwitch": "vsw-1",
    "SecureGroup": "sg-1",
    "ClusterName": "prod",
}


def parsed(config: dict[str, Any] | None = None, **environment: str) -> EciConfig:
    return parse(config or {}, environment, source="eci.toml")


def test_the_file_of_2018_is_understood_its_dead_keys_too():
    config = parsed(OLD_FILE)
    assert (config.region, config.vswitches, config.security_group) == ("cn-shanghai", ("vsw-1",), "sg-1")
    assert (config.cpu, config.memory, config.pods, config.cluster) == ("20", "100Gi", "20", "prod")


def test_the_variables_of_2018_go_before_the_file():
    config = parsed(OLD_FILE, ECI_REGION="us-west-1", ECI_VSWITCH="a,b", ECI_QUOTA_POD="7", ECI_SECURITY_GROUP="sg-2")
    assert (config.region, config.vswitches, config.pods, config.security_group) == (
        "us-west-1",
        ("a", "b"),
        "7",
        "sg-2",
    )


def test_nothing_at_all_gives_the_defaults_of_2018():
    config = parsed()
    assert (config.region, config.cpu, config.memory, config.pods) == ("cn-hangzhou", "1000", "4Ti", "1000")


@pytest.mark.parametrize(
    "names",
    [
        ("ECI_ACCESS_KEY", "ECI_SECRET_KEY", "ECI_SECURITY_TOKEN"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    ],
)
def test_keys_come_from_variables(names: tuple[str, str, str]):
    keys = parsed(**dict(zip(names, ("id", "secret", "token"), strict=True))).credentials
    assert (keys.key_id, keys.secret, keys.token) == ("id", "secret", "token")


def test_a_configuration_does_not_show_its_secrets():
    assert "s3cret" not in repr(parsed(ECI_ACCESS_KEY="id", ECI_SECRET_KEY="s3cret"))


def test_todays_fields_are_read():
    config = parsed({"VSwitches": ["a", "b"], "PollInterval": "5s", "ClusterDNS": "172.21.0.10", "ImageCache": True})
    assert config.vswitches == ("a", "b")
    assert config.poll_interval == timedelta(seconds=5)
    assert config.cluster_dns == ("172.21.0.10",)
    assert config.image_cache is True


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"Regoin": "x"}, r"eci\.toml: Regoin: unknown field; did you mean Region\?"),
        ({"CPU": "lots"}, r"eci\.toml: CPU: 'lots' is not a quantity"),
        ({"Protocol": "ftp"}, r"Protocol: 'ftp' is none of https, http"),
        ({"Region": 7}, r"Region: 7 is no text"),
        ({"VSwitches": [f"v{n}" for n in range(11)]}, "at most 10"),
        ({"SpotStrategy": "SpotWithPriceLimit"}, "SpotPriceLimit: goes with"),
        ({"OperatingSystem": "Windows"}, "only Linux"),
        ({"ImageCache": "maybe"}, "neither true nor false"),
        ({"PollInterval": "soon"}, "not a duration"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(config: dict[str, Any], told: str):
    with pytest.raises(InvalidConfig, match=told):
        parsed(config)


def test_half_a_key_is_refused():
    with pytest.raises(InvalidConfig, match="ECI_SECRET_KEY: missing"):
        parsed(ECI_ACCESS_KEY="id")
