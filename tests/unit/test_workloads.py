"""What workloads create, and when (``vksim.workload``)."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pyarrow import csv, parquet

from fakes.apiserver.server import ApiServer
from runner.kube import PODS
from vksim import loop, scenario, workload
from vksim.demand import Trace, Workload
from vksim.kube import InProcessKube
from vksim.template import Template
from vksim.trace import check as check_trace


def told(**fields: Any) -> Workload:
    data = {
        "apiVersion": "vksim/v1",
        "kind": "Scenario",
        "metadata": {"name": "t"},
        "duration": "1h",
        "cluster": {"nodes": []},
        "workloads": [{"name": "w", **fields}],
    }
    return scenario.decode(data).workloads[0]


def played(told: Workload, seconds: float, *, folder: Path = Path()) -> ApiServer:
    """The API server after so long, with a workload in it and nothing else."""

    async def main() -> ApiServer:
        clock = loop.ports(asyncio.get_running_loop(), Random(1)).clock  # type: ignore[arg-type]  # it is virtual
        server = ApiServer(now=clock.now, random=Random(1))
        work = asyncio.ensure_future(workload.play(told, InProcessKube(server), Random(1), folder))
        await asyncio.sleep(seconds)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return server

    return loop.run(main())


def objects(server: ApiServer, plural: str) -> list[dict[str, Any]]:
    resource = next(each for each in server.resources if each.plural == plural)
    return list(server.list(resource, None)["items"])


def test_bare_pods_draw_how_long_they_run() -> None:
    pods = objects(played(told(pods=20, runFor="weighted(10s=1, 20s=1)", exitCode={0: 1, 3: 1}), 1), "pods")
    annotations = [each["metadata"]["annotations"] for each in pods]
    assert {each["mock.vksim.io/run-for"] for each in annotations} == {"10.000s", "20.000s"}
    assert {each.get("mock.vksim.io/exit-code", "0") for each in annotations} == {"0", "3"}


def test_a_pod_has_all_that_its_workload_says() -> None:
    spread = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    fields = {
        "pods": 1,
        "containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}],
        "initContainers": [{"name": "i", "image": "i:1"}],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpread": [spread],
        "nodeSelector": {"disk": "ssd"},
        "annotations": {"note": "x"},
        "labels": {"tier": "front"},
        "gracePeriod": "7s",
        "restartPolicy": "OnFailure",
    }
    (pod,) = objects(played(told(**fields), 1), "pods")
    spec = pod["spec"]
    assert [each["name"] for each in spec["containers"]] == ["a", "b"]
    assert [each["name"] for each in spec["initContainers"]] == ["i"]
    assert [each["name"] for each in spec["volumes"]] == ["v"]
    assert {each["key"] for each in spec["tolerations"]} >= {"k", "virtual-kubelet.io/provider"}
    assert spec["topologySpreadConstraints"] == [{**spread, "labelSelector": {"matchLabels": {"app": "w"}}}]
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert (spec["restartPolicy"], spec["terminationGracePeriodSeconds"]) == ("OnFailure", 7)
    assert pod["metadata"]["labels"] == {"app": "w", "tier": "front"}
    assert pod["metadata"]["annotations"] == {"note": "x"}


def test_a_deployment_is_scaled_and_rolled_out_over_time() -> None:
    deployment = told(
        kind="Deployment",
        replicas=2,
        runFor=["2s", "5s"],
        scale=[{"at": "10s", "to": 6, "over": "4s"}],
        rollouts=[{"at": "20s"}, {"at": "30s", "image": "other:9", "runFor": "1s"}],
    )
    seen = {at: objects(played(deployment, at), "deployments")[0]["spec"] for at in (1, 12.5, 16, 25, 40)}
    assert [seen[at]["replicas"] for at in (1, 12.5, 16)] == [2, 4, 6]
    images = [seen[at]["template"]["spec"]["containers"][0]["image"] for at in (1, 25, 40)]
    assert images == ["w:1", "w:2", "other:9"]
    lives = [seen[at]["template"]["metadata"]["annotations"]["mock.vksim.io/run-for"] for at in (1, 40)]
    assert lives == ["2s..5s", "1s"]


@pytest.mark.parametrize(
    ("fields", "plural", "expected"),
    [
        ({"kind": "StatefulSet", "replicas": 3, "parallel": True}, "statefulsets", {"podManagementPolicy": "Parallel"}),
        ({"kind": "DaemonSet"}, "daemonsets", {}),
        (
            {"kind": "Job", "completions": 4, "parallelism": 2, "deleteAfter": "9s"},
            "jobs",
            {"ttlSecondsAfterFinished": 9},
        ),
        ({"kind": "CronJob", "schedule": "*/5 * * * *"}, "cronjobs", {"schedule": "*/5 * * * *"}),
    ],
)
def test_every_kind_becomes_an_object_that_the_api_server_takes(
    fields: dict[str, Any], plural: str, expected: dict[str, Any]
) -> None:
    (found,) = objects(played(told(**fields), 1), plural)
    assert found["metadata"]["name"] == "w"
    assert expected.items() <= found["spec"].items()


def test_several_objects_of_a_workload_arrive_and_go() -> None:
    jobs = told(kind="Job", count=3, over="20s", deleteAt="1m")
    assert [len(objects(played(jobs, at), "jobs")) for at in (1, 11, 21, 61)] == [1, 2, 3, 0]


def test_each_object_of_a_workload_selects_its_own_pods() -> None:
    found = objects(played(told(kind="Deployment", count=2), 1), "deployments")
    selectors = [each["spec"]["selector"]["matchLabels"]["instance"] for each in found]
    assert selectors == ["w-0", "w-1"]


def test_namespaces_and_priority_classes_are_made() -> None:
    async def main() -> list[str]:
        clock = loop.ports(asyncio.get_running_loop(), Random(1)).clock  # type: ignore[arg-type]  # it is virtual
        api = InProcessKube(ApiServer(now=clock.now, random=Random(1)))
        await workload.prepare(["batch"], {"high": 1000}, api)
        await api.create(
            PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}, "batch"
        )
        return [each["metadata"]["name"] for each in (await api.list(workload.PRIORITY_CLASSES))["items"]]

    assert loop.run(main()) == ["high", "system-cluster-critical", "system-node-critical"]


# --- traces ---------------------------------------------------------------------------------------------------------


def arriving(told: Workload, random: Random, folder: Path) -> list[workload.Arrival]:
    return list(workload.arriving(told, Template(told, random), random, folder))


ROWS = "id,start,stop,cpu_milli,mem,code,prio\nB,160,170,500,64,1,\nA one,100,190,1500,128,0,high\n"
COLUMNS = {
    "at": "start",
    "end": "stop",
    "name": "id",
    "exitCode": "code",
    "requests": {"cpu": "cpu_milli", "memory": "mem"},
    "labels": {"row": "id"},
    "priorityClass": "prio",
}


def trace(file: str, **more: Any) -> Workload:
    return told(kind="Trace", file=file, columns=COLUMNS, units={"cpu": "1m", "memory": "1Mi"}, at="5s", **more)


def test_a_traces_rows_become_pods_in_order_of_arrival(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS)
    found = arriving(trace("t.csv"), Random(1), tmp_path)
    assert [(each.at, each.object["metadata"]["name"]) for each in found] == [(5, "w-a-one-0"), (65, "w-b-1")]
    first, second = (each.object for each in found)
    assert first["metadata"]["annotations"] == {"mock.vksim.io/run-for": "90.000s"}
    assert first["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "1500m", "memory": "128Mi"}
    assert first["spec"]["priorityClassName"] == "high"
    assert second["metadata"]["annotations"] == {"mock.vksim.io/run-for": "10.000s", "mock.vksim.io/exit-code": "1"}


def test_a_trace_goes_by_faster_and_is_cut(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS)
    found = arriving(trace("t.csv", speed=10), Random(1), tmp_path)
    assert [each.at for each in found] == [5, 11]
    assert found[0].object["metadata"]["annotations"] == {"mock.vksim.io/run-for": "9.000s"}
    assert len(arriving(trace("t.csv", limit=1), Random(1), tmp_path)) == 1


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ROWS)
    parquet.write_table(csv.read_csv(tmp_path / "t.csv"), tmp_path / "t.parquet")
    by_format = [arriving(trace(each), Random(1), tmp_path) for each in ("t.csv", "t.parquet")]
    assert by_format[0] == by_format[1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "t.csv has no rows"),
        ("a,b\n1,2\n", "t.csv has no column 'start'; there are: a, b"),
        (ROWS.replace("160", "soon"), "t.csv, row 1, column 'start': 'soon' is not a time"),
        (ROWS.replace("500", "half"), "t.csv, row 1, column 'cpu_milli': 'half' is not an amount"),
        (ROWS.replace("160", "inf"), "t.csv, row 1, column 'start': 'inf' is not a time"),
        (ROWS.replace("500", "1e999"), "t.csv, row 1, column 'cpu_milli': '1e999' is not an amount"),
        (ROWS + "\n" + ROWS.splitlines()[1].replace("160", "soon"), "column 'start': 'soon' is not a time"),
        (ROWS.replace("170", "150"), "t.csv, row 1, column 'stop': '150' is not a time after the arrival"),
    ],
)
def test_a_trace_that_is_none_is_told(tmp_path: Path, rows: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(rows)
    workload = trace("t.csv")
    assert isinstance(workload, Trace)
    assert message in check_trace(workload, tmp_path)[0][1]


def test_a_file_that_is_not_parquet_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_text("hello")
    workload = trace("t.parquet")
    assert isinstance(workload, Trace)
    [(field, message)] = check_trace(workload, tmp_path)
    assert field == "file"
    assert message.startswith(f"{tmp_path}/t.parquet is not Parquet: ")
    assert "\n" not in message
