"""The project's own files: what packaging, continuous integration and deployment rely on."""

import ast
import importlib
import re
import shutil
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner import config_file
from runner.cli import runner

ROOT = Path(__file__).parents[2]
PACKAGES = ("wire", "providers", "runner", "fakes", "vksim", "features")
LONGEST_MODULE = 500
"""Lines. A module that needs more has two ideas."""
MAY_BE_LONGER: set[str] = set()
SCRIPTS = (".ci/run", ".ci/package", ".ci/kind")
WORKFLOW = ".github/workflows/ci.yml"


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def load_yaml(name: str) -> list[Any]:
    return list(yaml.safe_load_all((ROOT / name).read_text()))


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def workflow_steps() -> list[dict[str, Any]]:
    [workflow] = load_yaml(WORKFLOW)
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def manifests() -> dict[str, list[dict[str, Any]]]:
    """Kind -> objects of deploy/."""
    found: dict[str, list[dict[str, Any]]] = {}
    [kustomization] = load_yaml("deploy/kustomization.yaml")
    for name in kustomization["resources"]:
        for obj in load_yaml(f"deploy/{name}"):
            found.setdefault(obj["kind"], []).append(obj)
    return found


# --- modules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_opens_with_a_docstring_and_stays_short(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "a module says first what it is for"
    if named(path) not in MAY_BE_LONGER:
        assert text.count("\n") <= LONGEST_MODULE, "too long: which two ideas are in it?"


@pytest.mark.parametrize("path", [path for path in modules() if path.name == "__init__.py"], ids=named)
def test_an_init_file_holds_no_logic(path: Path) -> None:
    logic = [ast.unparse(node) for node in ast.parse(path.read_text()).body if not _declares(node)]
    assert not logic, "only a docstring, imports and __all__ belong in an __init__.py"


def _declares(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=[]):
            return all(_declares(each) for each in body)
    return False


def test_every_folder_with_python_in_it_is_a_package() -> None:
    folders = {path.parent for path in modules()}
    assert not [named(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()]


def test_every_package_is_marked_as_typed() -> None:
    assert not [name for name in PACKAGES if not (ROOT / name / "py.typed").exists()]


# --- packaging ------------------------------------------------------------------------------------------------------


def entry_points() -> list[str]:
    groups = {"scripts": project()["project"]["scripts"], **project()["project"]["entry-points"]}
    return [target for group in groups.values() for target in group.values()]


@pytest.mark.parametrize("target", entry_points())
def test_an_entry_point_is_there_and_can_be_called(target: str) -> None:
    module, _, attribute = target.partition(":")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_the_wheel_ships_all_packages() -> None:
    assert set(project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PACKAGES)


def test_import_contracts_cover_all_packages() -> None:
    assert set(project()["tool"]["importlinter"]["root_packages"]) == set(PACKAGES)


def test_the_image_gets_all_that_the_wheel_is_built_from() -> None:
    wheel = project()["tool"]["hatch"]["build"]["targets"]["wheel"]
    metadata = project()["project"]
    needed = {*wheel["packages"], *wheel["force-include"], metadata["readme"], *metadata["license-files"]}
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == needed | {"pyproject.toml"}


def test_the_changelog_tells_of_the_current_version() -> None:
    assert f"## {project()['project']['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_complete() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert all(f"   {number}. " in text for number in range(1, 10))
    assert "END OF TERMS AND CONDITIONS" in text


# --- scripts and continuous integration -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_executable_strict_and_parses(name: str) -> None:
    path = ROOT / name
    assert path.stat().st_mode & 0o111, "chmod +x"
    lines = path.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    bash = shutil.which("bash")
    assert bash, "the scripts need bash"
    parsed = subprocess.run([bash, "-n", str(path)], capture_output=True, text=True, check=False)
    assert (parsed.returncode, parsed.stderr) == (0, "")


def test_every_script_is_checked() -> None:
    found = sorted(named(path) for path in [*(ROOT / ".ci").iterdir(), *(ROOT / "deploy").glob("*.sh")])
    assert found == sorted(SCRIPTS)


def test_the_workflow_has_the_jobs_that_the_documents_promise() -> None:
    [workflow] = load_yaml(WORKFLOW)
    assert set(workflow["jobs"]) == {"lint", "test", "kind"}
    assert {"push", "pull_request"} <= set(workflow[True]), "yaml reads the key `on` as true"


def test_the_workflow_tests_the_pythons_that_the_package_claims() -> None:
    [workflow] = load_yaml(WORKFLOW)
    claimed = re.findall(r"Python :: (3\.\d+)", "\n".join(project()["project"]["classifiers"]))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == claimed


def test_each_workflow_step_does_one_thing_with_a_pinned_action() -> None:
    for step in workflow_steps():
        assert ("run" in step) != ("uses" in step), step
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "owner/name@v1")), step


def test_what_the_workflow_names_exists() -> None:
    words = [word for step in workflow_steps() for word in step.get("run", "").split()]
    made_on_the_way = ("build/", ".venv/")
    paths = [word for word in words if "/" in word and not word.startswith(made_on_the_way)]
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]
    assert not make_targets_in(words) - make_targets()


def make_targets_in(words: list[str]) -> set[str]:
    return {target for command, target in pairwise(words) if command == "make"}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def test_the_makefile_declares_its_targets_as_phony() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert phony
    assert set(phony.group(1).split()) == make_targets()


@pytest.mark.parametrize("name", ["kind-config.yaml", ".pre-commit-config.yaml", "deploy/kustomization.yaml"])
def test_a_configuration_file_is_one_yaml_object(name: str) -> None:
    [document] = load_yaml(name)
    assert isinstance(document, dict)


# --- deployment -----------------------------------------------------------------------------------------------------


def test_kustomize_names_every_manifest() -> None:
    [kustomization] = load_yaml("deploy/kustomization.yaml")
    files = {path.name for path in (ROOT / "deploy").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files


def test_the_runner_has_the_service_account_that_the_roles_are_bound_to() -> None:
    objects = manifests()
    [deployment], [account] = objects["Deployment"], objects["ServiceAccount"]
    identity = (account["metadata"]["namespace"], account["metadata"]["name"])
    pod = deployment["spec"]["template"]["spec"]
    assert (deployment["metadata"]["namespace"], pod["serviceAccountName"]) == identity
    for binding in [*objects["ClusterRoleBinding"], *objects["RoleBinding"]]:
        assert [(each["namespace"], each["name"]) for each in binding["subjects"]] == [identity]


def test_each_binding_names_a_role_that_is_there() -> None:
    objects = manifests()
    for kind in ("Role", "ClusterRole"):
        there = {(role["metadata"].get("namespace"), role["metadata"]["name"]) for role in objects[kind]}
        bound = {(it["metadata"].get("namespace"), it["roleRef"]["name"]) for it in objects[f"{kind}Binding"]}
        assert bound == there


def test_no_role_grants_everything() -> None:
    objects = manifests()
    for role in [*objects["Role"], *objects["ClusterRole"]]:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def test_only_one_runner_is_ever_alive_for_the_node() -> None:
    [deployment] = manifests()["Deployment"]
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_the_deployment_runs_the_image_that_the_script_builds() -> None:
    [deployment] = manifests()["Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert f"image={container['image']}\n" in (ROOT / ".ci/kind").read_text()
    [config] = load_yaml("deploy/config/runner.yaml")
    assert f"node={config['nodename']}\n" in (ROOT / ".ci/kind").read_text()


def test_the_runner_takes_the_configuration_of_the_deployment() -> None:
    [deployment] = manifests()["Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    [generated] = load_yaml("deploy/kustomization.yaml")[0]["configMapGenerator"]
    [mount] = [each for each in container["volumeMounts"] if each["name"] == "config"]
    [volume] = [each for each in pod["volumes"] if each["name"] == "config"]
    [file] = generated["files"]
    assert (volume["configMap"]["name"], deployment["metadata"]["namespace"]) == (
        generated["name"],
        generated["namespace"],
    )
    assert container["args"] == ["--config", f"{mount['mountPath']}/{Path(file).name}"]
    with runner.make_context("runner", ["--config", str(ROOT / "deploy" / file)]) as ctx:
        general, nodes = config_file.read(ROOT / "deploy" / file, ctx)
    assert (general["provider"], general["startup_timeout"].total_seconds(), nodes) == ("mock", 60, [])
