"""What is not about any object: paths, methods, content types, tables, discovery, bodies that cannot be read."""

from tests.contract.cases.bodies import config_map, node, pod
from tests.contract.wire import MERGE, TABLE, Ask, Cases, core, delete, get, patch, post, put

CMS, A, P = core("configmaps"), core("configmaps/a"), core("pods/p")
MAKE = post(CMS, config_map())
HEADERS = ("Content-Type", "Cache-Control")

CASES: Cases = {
    "no such path": [get("/nothing"), get("/api/v9/pods"), get("/apis/nothing.example/v1/things")],
    "no such resource": [get(core("things")), get("/api/v1/things"), get("/apis/coordination.k8s.io/v1/things")],
    "no such object": [get(A), get(P), get("/api/v1/nodes/missing-$NS")],
    "a slash at the end": [get("/api/v1/namespaces/$NS/configmaps/")],
    "a post to an object": [MAKE, post(A, config_map())],
    "a put to a collection": [put(CMS, config_map())],
    "an unknown method": [Ask("TURN", CMS)],
    "a head is a get": [MAKE, Ask("HEAD", A)],
    "options": [Ask("OPTIONS", CMS)],
    "headers of an object": [MAKE, Ask("GET", A, headers=HEADERS)],
    "headers of an error": [Ask("GET", A, headers=HEADERS)],
    "a body that is no JSON": [post(CMS, "{")],
    "a body that is empty": [post(CMS, "")],
    "a body that is a list": [post(CMS, [])],
    "a body that is text": [post(CMS, '"x"')],
    "a body that is null": [post(CMS, "null")],
    "a body in YAML": [Ask("POST", CMS, "metadata: {name: a}\ndata: {k: v}\n", type="application/yaml")],
    "a body in YAML that is none": [Ask("POST", CMS, "a: [", type="application/yaml")],
    "a body of another type": [Ask("POST", CMS, "a", type="text/plain")],
    "a body of any type": [Ask("POST", CMS, config_map(), type="application/json; charset=utf-8")],
    "a field twice": [post(CMS, '{"metadata": {"name": "a", "name": "b"}}')],
    "a field of the wrong type": [post(CMS, {"metadata": {"name": 5}})],
    "a field of the wrong type deep down": [
        post(core("pods"), pod(container={"ports": [{"containerPort": "many"}]})),
        post(core("pods"), pod(terminationGracePeriodSeconds="5")),
        post(core("pods"), pod(hostNetwork="yes")),
        post(core("pods"), pod(nodeSelector=["a"])),
    ],
    "unknown fields are let go": [post(CMS, {**config_map(), "unknown": 1})],
    "unknown fields are warned of": [Ask("POST", CMS, {**config_map(), "unknown": 1}, headers=("Warning",))],
    "unknown fields are ignored on request": [
        Ask("POST", CMS, {**config_map(), "unknown": 1}, {"fieldValidation": "Ignore"}, headers=("Warning",))
    ],
    "unknown fields are refused on request": [post(CMS, {**config_map(), "unknown": 1}, fieldValidation="Strict")],
    "unknown fields are refused deep down": [
        post(core("pods"), pod(container={"imag": "x"}, nodename="n"), fieldValidation="Strict")
    ],
    "unknown fields of a patch are refused": [
        MAKE,
        patch(A, {"unknown": 1}, MERGE, fieldValidation="Strict"),
    ],
    "a field validation that is none": [post(CMS, config_map(), fieldValidation="Hard")],
    "a field manager that is too long": [post(CMS, config_map(), fieldManager="a" * 129)],
    "accept: anything": [MAKE, get(A, accept="*/*")],
    "accept: several": [MAKE, get(A, accept="text/html, application/json;q=0.9, */*;q=0.8")],
    "accept: nothing that we have": [MAKE, get(A, accept="text/html")],
    "accept: CBOR": [MAKE, get(A, accept="application/cbor")],
    "a table of config maps": [MAKE, get(CMS, accept=TABLE, fieldSelector="metadata.name=a")],
    "a table of one": [MAKE, get(A, accept=TABLE)],
    "a table without objects": [MAKE, get(A, accept=TABLE, includeObject="None")],
    "a table with objects": [MAKE, get(A, accept=TABLE, includeObject="Object")],
    "a table with nothing known": [MAKE, get(A, accept=TABLE, includeObject="Some")],
    "a table of pods": [post(core("pods"), pod(nodeName="n1")), get(core("pods"), accept=TABLE)],
    "a table of a running pod": [
        post(core("pods"), pod(nodeName="n1")),
        patch(
            f"{P}/status",
            {
                "status": {
                    "phase": "Running",
                    "podIP": "10.0.0.1",
                    "podIPs": [{"ip": "10.0.0.1"}],
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "containerStatuses": [
                        {
                            "name": "main",
                            "ready": True,
                            "restartCount": 2,
                            "image": "i",
                            "imageID": "d",
                            "state": {"running": {}},
                        }
                    ],
                }
            },
        ),
        get(P, accept=TABLE),
    ],
    "a table of a failing pod": [
        post(core("pods"), pod(nodeName="n1")),
        patch(
            f"{P}/status",
            {
                "status": {
                    "containerStatuses": [
                        {
                            "name": "main",
                            "ready": False,
                            "restartCount": 2,
                            "image": "i",
                            "imageID": "d",
                            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        }
                    ]
                }
            },
        ),
        get(P, accept=TABLE),
    ],
    "a table of a node": [
        post("/api/v1/nodes", node(metadata={"name": "node-$NS", "labels": {"node-role.kubernetes.io/agent": ""}})),
        get("/api/v1/nodes/node-$NS", accept=TABLE),
        delete("/api/v1/nodes/node-$NS"),
    ],
    "a table of services": [
        post(core("services"), {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}),
        get(core("services/s"), accept=TABLE),
    ],
    "a table of a namespace": [get("/api/v1/namespaces/$NS", accept=TABLE)],
    "a table of an error": [get(A, accept=TABLE)],
    "a table of secrets": [
        post(core("secrets"), {"metadata": {"name": "s"}, "stringData": {"a": "b"}}),
        get(core("secrets/s"), accept=TABLE),
    ],
    "a table of accounts": [get(core("serviceaccounts/default"), accept=TABLE)],
    "health": [get("/healthz"), get("/livez"), get("/readyz")],
    "versions": [get("/api")],
    "a version's methods": [Ask("POST", "/version", {})],
    "a group": [get("/apis/coordination.k8s.io")],
    "a group's resources": [get("/apis/coordination.k8s.io/v1")],
}
