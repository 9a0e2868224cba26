"""Names, labels, annotations, finalizers, owners: what every object has."""

from tests.contract.cases.bodies import config_map, node, pod
from tests.contract.wire import Ask, Cases, core, delete, get, patch, post, put

CMS = core("configmaps")
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "1-2-3"}


def refused(**metadata: object) -> list[Ask]:
    return [post(CMS, {"metadata": {"name": "a", **metadata}})]


CASES: Cases = {
    "a new object gets its metadata from the server": [post(CMS, config_map()), get(core("configmaps/a"))],
    "what only the server may say of a new object is not taken": [
        post(CMS, config_map(uid="mine", creationTimestamp="2001-01-01T00:00:00Z", generation=7, selfLink="/x"))
    ],
    "a name is needed": [post(CMS, {"metadata": {}})],
    "metadata is needed": [post(CMS, {})],
    "an empty name is no name": refused(name=""),
    "a generated name has five characters at its end": [post(CMS, {"metadata": {"generateName": "made-"}})],
    "a name wins over a generated one": [post(CMS, config_map(generateName="made-"))],
    "a generated name is checked": refused(name="", generateName="Made_"),
    "a name in capitals": refused(name="A"),
    "a name with an underscore": refused(name="a_b"),
    "a name that begins with a dot": refused(name=".a"),
    "a name that ends with a dash": refused(name="a-"),
    "a name with a slash": refused(name="a/b"),
    "a name of 253 characters": refused(name="a" * 253),
    "a name of 254 characters": refused(name="a" * 254),
    "a pod's name may have dots": [post(core("pods"), pod("a.b"))],
    "a namespace's name is a label": [post("/api/v1/namespaces", {"metadata": {"name": "a.b"}})],
    "a service's name begins with a letter": [
        post(core("services"), {"metadata": {"name": "1a"}, "spec": {"ports": [{"port": 1}]}})
    ],
    "a label": refused(labels={"example.org/a": "b"}),
    "a label without value": refused(labels={"a": ""}),
    "a label's value with a space": refused(labels={"a": "b c"}),
    "a label's value of 64 characters": refused(labels={"a": "b" * 64}),
    "a label's key with a space": refused(labels={"a b": "c"}),
    "a label's key with two slashes": refused(labels={"a/b/c": "d"}),
    "a label's key with an empty prefix": refused(labels={"/b": "d"}),
    "a label's key whose name is of 64 characters": refused(labels={"a" * 64: "d"}),
    "a label that is a number": refused(labels={"a": 1}),
    "labels that are a list": refused(labels=["a"]),
    "an annotation's key with a space": refused(annotations={"a b": "c"}),
    "an annotation's value may be anything": refused(annotations={"a": "b c\n☃ {}"}),
    "annotations of more than 256 KiB": refused(annotations={"a": "b" * (256 * 1024)}),
    "an annotation that is null": refused(annotations={"a": None}),
    "a finalizer": [
        *refused(finalizers=["example.org/f"]),
        patch(core("configmaps/a"), {"metadata": {"finalizers": None}}),
    ],
    "a finalizer without a domain": refused(finalizers=["f"]),
    "a finalizer with a space": refused(finalizers=["example.org/f g"]),
    "an owner": refused(ownerReferences=[OWNER]),
    "an owner without uid": refused(ownerReferences=[{**OWNER, "uid": ""}]),
    "an owner without name": refused(ownerReferences=[{**OWNER, "name": ""}]),
    "an owner without kind": refused(ownerReferences=[{**OWNER, "kind": ""}]),
    "an owner without version": refused(ownerReferences=[{**OWNER, "apiVersion": ""}]),
    "an owner that may own nothing": refused(ownerReferences=[{**OWNER, "kind": "Event"}]),
    "two controllers": refused(
        ownerReferences=[{**OWNER, "controller": True}, {**OWNER, "uid": "4", "name": "b", "controller": True}]
    ),
    "several mistakes are told together": refused(name="A", labels={"a b": "c"}, annotations={"d e": "f"}),
    "another namespace than the URL's": refused(namespace="another"),
    "the URL's namespace": refused(namespace="$NS"),
    "a namespace that is not there": [post("/api/v1/namespaces/missing/configmaps", config_map())],
    "a resourceVersion on a new object": refused(resourceVersion="1"),
    "another kind": [post(CMS, {**config_map(), "kind": "Secret"})],
    "another version": [post(CMS, {**config_map(), "apiVersion": "v2"})],
    "its kind and version": [post(CMS, {**config_map(), "kind": "ConfigMap", "apiVersion": "v1"})],
    "the same name again": [post(CMS, config_map()), post(CMS, config_map())],
    "the same generated names": [post(CMS, config_map()), post(CMS, config_map(generateName="a"))],
    "labels can be changed": [
        post(CMS, config_map(labels={"a": "1", "b": "2"})),
        patch(core("configmaps/a"), {"metadata": {"labels": {"a": None, "c": "3"}}}),
    ],
    "labels are checked when they change": [
        post(CMS, config_map()),
        patch(core("configmaps/a"), {"metadata": {"labels": {"a": "b c"}}}),
    ],
    "the name cannot be changed by a patch": [
        post(CMS, config_map()),
        patch(core("configmaps/a"), {"metadata": {"name": "b"}}),
    ],
    "the namespace cannot be changed by a patch": [
        post(CMS, config_map()),
        patch(core("configmaps/a"), {"metadata": {"namespace": "b"}}),
    ],
    "the UID cannot be changed by a patch": [
        post(CMS, config_map()),
        patch(core("configmaps/a"), {"metadata": {"uid": "b"}}),
    ],
    "the creation's time cannot be changed": [
        post(CMS, config_map()),
        patch(core("configmaps/a"), {"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}}),
    ],
    "a deletion's time cannot be set": [
        post(CMS, config_map()),
        patch(core("configmaps/a"), {"metadata": {"deletionTimestamp": "2001-01-01T00:00:00Z"}}),
    ],
    "an update without metadata": [post(CMS, config_map()), put(core("configmaps/a"), {"data": {}})],
    "an update of another name": [post(CMS, config_map()), put(core("configmaps/a"), config_map("b"))],
    "a node has no namespace": [
        post("/api/v1/nodes", {"metadata": {"name": "node-$NS", "namespace": "$NS"}}),
        delete("/api/v1/nodes/node-$NS"),
    ],
    "a cluster's object in a namespace is not found": [get(core("nodes/n")), post(core("nodes"), node())],
}
