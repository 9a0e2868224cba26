"""Patches of three kinds, right and wrong."""

from typing import Any

from tests.contract.cases.bodies import config_map, node, pod
from tests.contract.wire import JSON_PATCH, MERGE, STRATEGIC, Ask, Cases, core, delete, patch, post

A, P = core("configmaps/a"), core("pods/p")
MAKE = post(core("configmaps"), {**config_map(), "data": {"a": "1", "b": "2"}})
POD = post(
    core("pods"),
    pod(
        container={"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        tolerations=[{"key": "a", "operator": "Exists"}],
    ),
)
NODE = "/api/v1/nodes/node-$NS"
MAKE_NODE = post("/api/v1/nodes", node(spec={"taints": [{"key": "a", "effect": "NoSchedule"}]}))
CONDITIONS = [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "False"}]


def merge(body: Any) -> list[Ask]:
    return [MAKE, patch(A, body, MERGE)]


def json_patch(*operations: dict[str, Any]) -> list[Ask]:
    return [MAKE, patch(A, list(operations), JSON_PATCH)]


def strategic(body: Any) -> list[Ask]:
    return [POD, patch(P, body, STRATEGIC)]


def on_node(*bodies: Any) -> list[Ask]:
    start = patch(f"{NODE}/status", {"status": {"conditions": CONDITIONS}}, STRATEGIC)
    return [MAKE_NODE, start, *(patch(f"{NODE}/status", each, STRATEGIC) for each in bodies), delete(NODE)]


def containers(*patches: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(patches), **more}}


CASES: Cases = {
    "merge: sets, changes and removes": merge({"data": {"a": None, "b": "3", "c": "4"}}),
    "merge: removes all": merge({"data": None}),
    "merge: of nothing": merge({}),
    "merge: of a list": merge([]),
    "merge: of text": merge("x"),
    "merge: of no JSON": [MAKE, patch(A, "{", MERGE)],
    "merge: of an empty body": [MAKE, patch(A, "", MERGE)],
    "merge: a value of the wrong type": merge({"data": {"a": 1}}),
    "merge: a map that becomes a list": merge({"data": ["a"]}),
    "merge: an unknown field": merge({"unknown": 1}),
    "merge: another kind": merge({"kind": "Secret"}),
    "merge: another version": merge({"apiVersion": "v2"}),
    "merge: a list is replaced": [POD, patch(P, {"spec": {"tolerations": [{"key": "b", "operator": "Exists"}]}})],
    "merge: of what is not there": [patch(A, {})],
    "merge: of the collection": [patch(core("configmaps"), {})],
    "merge: an immutable field": [POD, patch(P, {"spec": {"restartPolicy": "Never"}})],
    "merge: with charset": [MAKE, patch(A, {"data": {"a": "9"}}, f"{MERGE}; charset=utf-8")],
    "json: add, replace, remove": json_patch(
        {"op": "add", "path": "/data/c", "value": "3"},
        {"op": "replace", "path": "/data/a", "value": "9"},
        {"op": "remove", "path": "/data/b"},
    ),
    "json: copy and move": json_patch(
        {"op": "copy", "from": "/data/a", "path": "/data/c"}, {"op": "move", "from": "/data/b", "path": "/data/d"}
    ),
    "json: a test that holds": json_patch({"op": "test", "path": "/data/a", "value": "1"}),
    "json: a test that fails": json_patch({"op": "test", "path": "/data/a", "value": "2"}),
    "json: a test of what is not there": json_patch({"op": "test", "path": "/data/z", "value": "2"}),
    "json: removes what is not there": json_patch({"op": "remove", "path": "/data/z"}),
    "json: replaces what is not there": json_patch({"op": "replace", "path": "/data/z", "value": "1"}),
    "json: adds below what is not there": json_patch({"op": "add", "path": "/y/z", "value": "1"}),
    "json: an unknown operation": json_patch({"op": "turn", "path": "/data/a"}),
    "json: no operations": json_patch(),
    "json: no list": [MAKE, patch(A, {"op": "add"}, JSON_PATCH)],
    "json: a value of the wrong type": json_patch({"op": "add", "path": "/data/c", "value": 1}),
    "json: escaped paths": json_patch(
        {"op": "add", "path": "/metadata/annotations", "value": {}},
        {"op": "add", "path": "/metadata/annotations/a~1b", "value": "c"},
    ),
    "json: the end of a list": [
        POD,
        patch(
            P, [{"op": "add", "path": "/spec/tolerations/-", "value": {"key": "b", "operator": "Exists"}}], JSON_PATCH
        ),
    ],
    "json: beyond the end of a list": [
        POD,
        patch(
            P, [{"op": "add", "path": "/spec/tolerations/9", "value": {"key": "b", "operator": "Exists"}}], JSON_PATCH
        ),
    ],
    "json: no value": json_patch({"op": "add", "path": "/data/c"}),
    "json: the whole object": json_patch({"op": "replace", "path": "", "value": {}}),
    "strategic: a container by its name": strategic(containers({"name": "main", "image": "registry.example/app:2"})),
    "strategic: a container without its name": strategic(containers({"image": "x"})),
    "strategic: a container more": strategic(containers({"name": "side", "image": "x"})),
    "strategic: an environment cannot be changed": strategic(
        containers({"name": "main", "env": [{"name": "A", "value": "9"}]})
    ),
    "strategic: labels": strategic({"metadata": {"labels": {"a": "b"}}}),
    "strategic: finalizers are added": [
        *strategic({"metadata": {"finalizers": ["example.org/f"]}}),
        patch(P, {"metadata": {"finalizers": ["example.org/g"]}}, STRATEGIC),
        patch(P, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.org/f"]}}, STRATEGIC),
        patch(P, {"metadata": {"finalizers": None}}, STRATEGIC),
    ],
    "strategic: tolerations are replaced": strategic({"spec": {"tolerations": [{"key": "b", "operator": "Exists"}]}}),
    "strategic: an order of elements": strategic(
        containers(
            {"name": "main", "image": "registry.example/app:2"}, **{"$setElementOrder/containers": [{"name": "main"}]}
        )
    ),
    "strategic: an unknown directive": strategic({"spec": {"$patch": "turn"}}),
    "strategic: a replaced map": strategic({"metadata": {"labels": {"$patch": "replace", "x": "y"}}}),
    "strategic: a list where a map belongs": strategic({"metadata": []}),
    "strategic: taints are replaced": [
        MAKE_NODE,
        patch(NODE, {"spec": {"taints": [{"key": "b", "effect": "NoExecute"}]}}, STRATEGIC),
        patch(NODE, {"spec": {"taints": None}}, STRATEGIC),
        delete(NODE),
    ],
    "strategic: conditions are merged": on_node({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
    "strategic: a condition more": on_node({"status": {"conditions": [{"type": "Mine", "status": "True"}]}}),
    "strategic: a condition less": on_node({"status": {"conditions": [{"$patch": "delete", "type": "DiskPressure"}]}}),
    "strategic: conditions are replaced": on_node(
        {"status": {"conditions": [{"$patch": "replace"}, {"type": "Mine", "status": "True"}]}}
    ),
    "strategic: addresses are merged by type": on_node(
        {
            "status": {
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "h"}]
            }
        },
        {"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.2"}]}},
    ),
    "strategic: capacity is a map": on_node(
        {"status": {"capacity": {"cpu": "4", "memory": "1Gi"}}},
        {"status": {"capacity": {"cpu": None, "pods": "110"}}},
    ),
    "of no type": [MAKE, patch(A, {}, "")],
    "of another type": [MAKE, patch(A, {}, "application/json")],
    "of text": [MAKE, patch(A, {}, "text/plain")],
}
