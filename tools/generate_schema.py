"""Make the API server's schema archive from published Kubernetes sources.

    python tools/generate_schema.py 1.34.4

Go's module proxy carries the sources (``go`` must be there): the OpenAPI documents in ``k8s.io/kubernetes``, and the
Go types and ``generated.proto`` files of the API modules. What is written is one zip archive with three JSON files for
each API package:

- ``types/<package>.json``: the OpenAPI schemas, less descriptions;
- ``descriptions/<package>.json``: for each type its own description (under ""), and its fields';
- ``messages/<package>.json``: the protobuf messages, for each field ``[number, name, type, how, presence]``.

Beside them, ``packages.json`` tells the package of each API version, ``parameters.json`` the query parameters of each
verb, and ``policy.json`` the roles and bindings of a new cluster. The same version gives the same bytes.
"""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ARCHIVE = Path(__file__).parent.parent / "fakes/apiserver/schema/kubernetes.zip"
MODULES = ("k8s.io/api", "k8s.io/apimachinery", "k8s.io/apiextensions-apiserver", "k8s.io/kube-aggregator")
UNSTABLE = re.compile(r"v\d+(alpha|beta)\d+$")
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The timestamp of all files in the archive."""

SCALARS = ("string", "bytes", "bool", "int32", "int64", "double")

Documents = dict[str, dict[str, Any]]


def main() -> None:
    """Write the archive of the version that is named on the command line."""
    version = sys.argv[1]
    kubernetes = _download(f"k8s.io/kubernetes@v{version}")
    modules = {name: _download(f"{name}@v0{version.removeprefix('1')}") for name in MODULES}
    specs = [json.loads(path.read_text()) for path in _stable(kubernetes / "api/openapi-spec/v3")]
    types = _types(specs)
    descriptions = {package: _descriptions(schemas) for package, schemas in types.items()}
    files: dict[str, Any] = {"version.json": version, "packages.json": _packages(types)}
    files["parameters.json"] = _parameters(specs)
    files["policy.json"] = list(_policy(kubernetes / "plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata"))
    files |= {f"types/{package}.json": _bare(schemas) for package, schemas in types.items()}
    files |= {f"descriptions/{package}.json": texts for package, texts in descriptions.items()}
    files |= {f"messages/{package}.json": messages for package, messages in _messages(modules).items()}
    with zipfile.ZipFile(ARCHIVE, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), _dump(content), zipfile.ZIP_DEFLATED)
    sys.stdout.write(f"{ARCHIVE.name}: {len(files)} files, {ARCHIVE.stat().st_size // 1024} KiB\n")


def _policy(folder: Path) -> Iterator[dict[str, Any]]:
    """The roles and bindings that kube-apiserver makes."""
    for path in sorted(folder.glob("*role*.yaml")):
        if "featuregates" not in path.name:
            yield from yaml.safe_load(path.read_text())["items"]


def _dump(content: Any) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _download(module: str) -> Path:
    """The folder of a module in Go's cache."""
    command = ["go", "mod", "download", "-json", module]
    done = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603  (a fixed command)
    return Path(json.loads(done.stdout)["Dir"])


# --- OpenAPI --------------------------------------------------------------------------------------------------------


def _stable(folder: Path) -> Iterator[Path]:
    """The documents of the API versions that are neither alpha nor beta."""
    for path in sorted(folder.glob("api*__v*_openapi.json")):
        if not UNSTABLE.search(path.name.removesuffix("_openapi.json")):
            yield path


def _types(specs: list[dict[str, Any]]) -> Documents:
    """Package -> type -> schema."""
    found: Documents = {}
    for spec in specs:
        for name, schema in spec["components"]["schemas"].items():
            package, _, short = name.rpartition(".")
            found.setdefault(package, {})[short] = schema
    return found


def _packages(types: Documents) -> dict[str, str]:
    """``group/version`` -> the package that has its own kinds."""
    found = {}
    for package, schemas in types.items():
        if package.endswith("apis.meta.v1"):  # what all groups share, though some of it names v1
            continue
        for schema in schemas.values():
            kinds = schema.get("x-kubernetes-group-version-kind", [])
            if len(kinds) == 1:
                found[f"{kinds[0]['group']}/{kinds[0]['version']}".lstrip("/")] = package
    return found


def _parameters(specs: list[dict[str, Any]]) -> dict[str, Any]:
    """What each action takes in the query: the same for all kinds."""
    core = next(spec for spec in specs if "/api/v1/namespaces/{namespace}/pods" in spec["paths"])
    every, one = (core["paths"][f"/api/v1/namespaces/{{namespace}}/pods{name}"] for name in ("", "/{name}"))
    operations = {"list": every["get"], "post": every["post"], "deletecollection": every["delete"]}
    operations |= {verb: one[verb] for verb in ("get", "put", "patch", "delete")}
    return {action: operation.get("parameters", []) for action, operation in operations.items()}


def _descriptions(schemas: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    found = {}
    for name, schema in schemas.items():
        texts = {
            field: each["description"] for field, each in schema.get("properties", {}).items() if "description" in each
        }
        if "description" in schema:
            texts[""] = schema["description"]
        found[name] = texts
    return found


def _bare(schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas less the descriptions of types and fields (a field may itself be called ``description``)."""
    bare = {}
    for name, schema in schemas.items():
        new = {key: value for key, value in schema.items() if key != "description"}
        if "properties" in schema:
            new["properties"] = {
                field: {key: value for key, value in each.items() if key != "description"}
                for field, each in schema["properties"].items()
            }
        bare[name] = new
    return bare


# --- protobuf -------------------------------------------------------------------------------------------------------

_MESSAGE = re.compile(r"^message (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (?:(optional|repeated) ([\w.]+)|map<string, ([\w.]+)>) (\w+) = (\d+);", re.MULTILINE)
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(r'^\t(?:\w+ +)?(\S+) +`.*?json:"([^"]*)".*?protobuf:"\w+,(\d+),', re.MULTILINE)
_PACKAGE = re.compile(r"^package ([\w.]+);", re.MULTILINE)


def _messages(modules: Mapping[str, Path]) -> Documents:
    """Package -> message -> fields."""
    found: Documents = {}
    for folder in modules.values():
        for proto in sorted(folder.rglob("generated.proto")):
            text = proto.read_text()
            package = _PACKAGE.search(text)
            if package is None or UNSTABLE.search(package[1]) or "testapigroup" in package[1]:
                continue
            members = _members(proto.parent)
            messages = {
                name: [_field(package[1], match, members.get(name, {})) for match in _FIELD.finditer(body)]
                for name, body in _MESSAGE.findall(text)
            }
            if messages:
                found[_openapi_name(package[1])] = messages
    return found


def _field(package: str, match: re.Match[str], members: Mapping[int, tuple[str, str]]) -> list[Any]:
    """One field: its number, its name in JSON, its type, and how it comes.

    How: ``one``, ``list`` or ``map``. Presence: ``pointer`` (null is not zero), ``always`` (JSON has it even if it is
    zero), ``inline`` (its fields are those of the message around it), or "" (JSON leaves it out if it is zero).
    """
    label, single, mapped, name, number = match.groups()
    kind = single or mapped
    if kind not in SCALARS:
        kind = _openapi_name(kind.lstrip(".") if "." in kind else f"{package}.{kind}")
    how = "map" if mapped else "list" if label == "repeated" else "one"
    in_json, presence = members.get(int(number), ("", ""))
    return [int(number), in_json or name, kind, how, presence]


def _members(folder: Path) -> dict[str, dict[int, tuple[str, str]]]:
    """Struct -> field number -> name in JSON and presence, by the tags of the Go types."""
    found: dict[str, dict[int, tuple[str, str]]] = {}
    for source in sorted(folder.glob("*.go")):
        if source.name.endswith(("_test.go", ".pb.go")):
            continue
        for name, body in _STRUCT.findall(source.read_text()):
            members = _MEMBER.findall(body)
            found[name] = {int(number): (tag.split(",")[0], _how(kind, tag)) for kind, tag, number in members}
    return found


def _how(go_type: str, tag: str) -> str:
    name, *options = tag.split(",")
    if not name and "inline" in options:
        return "inline"
    if go_type.startswith("*"):
        return "pointer"
    return "" if "omitempty" in options else "always"


def _openapi_name(name: str) -> str:
    """A protobuf name as OpenAPI has it: the domain is turned round, and Go's dashes come back."""
    return "io.k8s." + name.removeprefix("k8s.io.").replace("_", "-")


if __name__ == "__main__":
    main()
