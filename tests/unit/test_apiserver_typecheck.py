"""Values of the wrong JSON kind, in the words of Go's decoder (``fakes.apiserver.typecheck``)."""

from typing import Any

import pytest

from fakes.apiserver.schema import of_kind
from fakes.apiserver.typecheck import mistyped


def of_deployment(**spec: Any) -> str:
    schema = of_kind("apps/v1", "Deployment")
    assert schema is not None
    return mistyped({"spec": spec}, schema, "Deployment")


def of_container(**container: Any) -> str:
    return of_deployment(template={"spec": {"containers": [{"name": "c"}, container]}})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (of_deployment(replicas="3"), "string into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (of_deployment(replicas=1.5), "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (of_deployment(replicas=True), "bool into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (of_deployment(paused=1), "number into Go struct field DeploymentSpec.spec.paused of type bool"),
        (
            of_container(image=True),
            "bool into Go struct field Container.spec.template.spec.containers.image of type string",
        ),
        (
            of_container(args="a"),
            "string into Go struct field Container.spec.template.spec.containers.args of type []string",
        ),
        (
            of_deployment(selector=[]),
            "array into Go struct field DeploymentSpec.spec.selector of type v1.LabelSelector",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(wrong: str, why: str) -> None:
    assert wrong == f"json: cannot unmarshal {why}"


@pytest.mark.parametrize("value", ["1", 1, 0.5])
def test_a_quantity_is_a_string_or_a_number(value: str | float) -> None:
    assert of_container(resources={"requests": {"cpu": value}}) == ""


@pytest.mark.parametrize("value", ["25%", 1, None])
def test_an_int_or_string_is_either_and_null_is_absent(value: str | int | None) -> None:
    assert of_deployment(strategy={"rollingUpdate": {"maxSurge": value}}) == ""
