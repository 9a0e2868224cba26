"""Everything that kubectl does, against ``vksim serve``: each story is a few commands, and a word each must say."""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

KUBECTL = shutil.which("kubectl") or ""
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed")]

PATIENCE_SECONDS = 30
KUSTOMIZATION = "configMapGenerator: [{name: from-kustomize, literals: [k=v], options: {disableNameSuffixHash: true}}]"
FAILS = "! "
"""A command that begins so must fail."""
EVENTUALLY = "~ "
"""A command that begins so is repeated until it says its word."""


@dataclass(frozen=True, slots=True)
class Place:
    """A served cluster, and a kubectl with a home of its own."""

    kubeconfig: str
    home: Path

    def run(self, line: str) -> tuple[int, str]:
        """Exit code, and all that it said. ``< text`` gives it an input."""
        command, _, given = line.partition(" < ")
        done = subprocess.run(
            [KUBECTL, *shlex.split(command)],
            input=given,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.home,
            timeout=PATIENCE_SECONDS,
            env={
                **os.environ,
                "KUBECONFIG": self.kubeconfig,
                "HOME": str(self.home),
                "KUBECTL_EXTERNAL_DIFF": "diff -u",
                "KUBE_EDITOR": "sed -i s/unedited/edited/",
            },
            check=False,
        )
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("home")
    certificate = trustme.CA().issue_cert("web.example")
    certificate.cert_chain_pems[0].write_to_path(home / "tls.crt")
    certificate.private_key_pem.write_to_path(home / "tls.key")
    (home / "kustomization.yaml").write_text(KUSTOMIZATION)
    command = [sys.executable, "-m", "vksim", "serve", "--nodes", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        found = process.stdout.readline().partition("=")[2].strip()
        try:
            yield Place(found, home)
        finally:
            process.terminate()


def pod(name: str) -> str:
    spec = {"containers": [{"name": "main", "image": "nginx"}]}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})


def config_map(name: str, value: str, **labels: str) -> str:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}})


def replica_set(name: str) -> str:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": "nginx"}]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return json.dumps({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name}, "spec": spec})


def listed(*objects: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [json.loads(each) for each in objects]})


STORIES: dict[str, list[tuple[str, str]]] = {
    "version": [("version", "Server Version: v1.34")],
    "cluster-info": [("cluster-info", "Kubernetes control plane")],
    "api-resources": [
        ("api-resources", r"pods +po +v1 +true +Pod"),
        ("api-resources -o wide", r"pods +po .* create,delete,deletecollection,get,list,patch,update,watch +all"),
        ("api-resources --api-group=apps --namespaced=true -o name", "^deployments.apps$"),
    ],
    "api-versions": [("api-versions", "coordination.k8s.io/v1")],
    "explain": [("explain pod.spec.nodeName", "nodeName"), ("explain pods --recursive", "initContainers")],
    "get": [
        ("get nodes", "virtual-0 +Ready"),
        ("get nodes -o wide", "INTERNAL-IP"),
        ("get node virtual-0 -o yaml", "kind: Node"),
        ("get ns -o name", "namespace/default"),
        ("get nodes -o jsonpath={.items[*].metadata.name}", "virtual-0 virtual-1"),
        ("get nodes -o custom-columns=NAME:.metadata.name", "virtual-1"),
        ("get nodes --sort-by=.metadata.name", "virtual-0"),
        ("get nodes -l kubernetes.io/hostname=virtual-1", "virtual-1"),
        ("get pods --field-selector spec.nodeName=virtual-0", "No resources found"),
        ("get all", "service/kubernetes|No resources"),
        (FAILS + "get pod missing", r'pods "missing" not found'),
        (FAILS + "get things", "doesn't have a resource type"),
        ("get nodes --show-labels", "kubernetes.io/hostname=virtual-0"),
        ("get nodes -L kubernetes.io/hostname", "HOSTNAME"),
        ("get nodes --chunk-size=1 --no-headers", r"virtual-0 [^\n]*\nvirtual-1 "),
        ("get services,endpoints,endpointslices -A", r"default +service/kubernetes +ClusterIP"),
        ("get node virtual-0 -o go-template='{{.metadata.name}}'", "^virtual-0$"),
    ],
    "get --watch": [
        ("get nodes --watch --request-timeout=2s", "virtual-1 +Ready"),
        ("get nodes --watch-only --request-timeout=1s", ""),
        ("get namespaces --watch --output-watch-events --request-timeout=2s", "ADDED +default +Active"),
    ],
    "get --raw": [
        ("get --raw /healthz", "ok"),
        ("get --raw '/readyz?verbose'", "ok"),
        ("get --raw /version", '"minor": ?"34"'),
        ("get --raw /api/v1/nodes", "NodeList"),
        ("get --raw /openapi/v3", "apis/apps/v1"),
        (FAILS + "get --raw /apis/no.such/v1", "could not find the requested resource"),
    ],
    "cluster-info dump": [("cluster-info dump --namespaces default", '"kind": "NodeList"')],
    "create, describe, logs, delete of a pod": [
        (f"create -f - < {pod('one')}", "pod/one created"),
        ("wait --for=condition=Ready pod/one --timeout=20s", "condition met"),
        ("describe pod one", "Status: +Running"),
        ("get pod one", "1/1 +Running"),
        ("get pod one -o wide", "virtual-"),
        (EVENTUALLY + "logs one", "."),
        (EVENTUALLY + "events --for pod/one", "Started|Scheduled|Created"),
        ("delete pod one --wait=true", 'pod "one" deleted'),
        (FAILS + "get pod one", "not found"),
    ],
    "describe node": [("describe node virtual-0", "Conditions:")],
    "run": [
        ("run two --image=nginx --restart=Never", "pod/two created"),
        ("delete pod two --grace-period=0 --force", "force deleted"),
    ],
    "create configmap": [
        ("create configmap c --from-literal=k=v", "configmap/c created"),
        ("get configmap c -o jsonpath={.data.k}", "v"),
        (FAILS + "create configmap c", "already exists"),
        ("delete configmap c", "deleted"),
    ],
    "create secret": [
        ("create secret generic s --from-literal=k=v", "secret/s created"),
        ("get secret s", "Opaque +1"),
        ("create secret docker-registry r --docker-username=u --docker-password=p", "secret/r created"),
        ("delete secret s r", "deleted"),
    ],
    "create secret tls": [
        ("create secret tls t --cert=tls.crt --key=tls.key", "secret/t created"),
        ("get secret t", "kubernetes.io/tls +2"),
        ("delete secret t", "deleted"),
    ],
    "create namespace": [
        ("create namespace team", "namespace/team created"),
        ("create serviceaccount robot -n team", "serviceaccount/robot created"),
        ("create token robot -n team", r"^[\w-]+\.[\w-]+\.[\w-]+"),
        ("delete namespace team --timeout=20s", "deleted"),
        (FAILS + "get namespace team", "not found"),
    ],
    "create service": [
        ("create service clusterip web --tcp=80", "service/web created"),
        ("get service web", "ClusterIP +10\\."),
        ("create service nodeport open --tcp=80", "service/open created"),
        ("get service open", r"NodePort +10\..* 80:3\d+/TCP"),
        ("create service loadbalancer wide --tcp=80", "service/wide created"),
        ("get service wide", "LoadBalancer +10[^ ]+ +<pending>"),
        ("create service externalname away --external-name=example.org", "service/away created"),
        ("get service away", "ExternalName +<none> +example.org"),
        ("describe service open", "NodePort:"),
        ("delete service web open wide away", "deleted"),
    ],
    "create quota": [("create quota q --hard=pods=5", "quota/q created"), ("delete quota q", "deleted")],
    "create role": [
        ("create role r --verb=get --resource=pods", "role.rbac.authorization.k8s.io/r created"),
        ("create rolebinding b --role=r --user=u", "rolebinding.rbac.authorization.k8s.io/b created"),
        ("create clusterrole cr --verb=get --resource=pods", "clusterrole.rbac.authorization.k8s.io/cr created"),
        ("create clusterrolebinding cb --clusterrole=cr --user=u", "clusterrolebinding.rbac.authorization.k8s.io/cb"),
    ],
    "create pdb": [("create pdb p --selector=app=a --min-available=1", "poddisruptionbudget.policy/p created")],
    "create priorityclass": [("create priorityclass high --value=1000", "priorityclass.scheduling.k8s.io/high")],
    "create job": [
        ("create job j --image=nginx", "job.batch/j created"),
        ("get job j", "j "),
        ("describe job j", "Parallelism: +1"),
        ("delete job j --cascade=background", "deleted"),
    ],
    "create cronjob": [
        ("create cronjob cj --image=nginx --schedule='* * * * *'", "cronjob.batch/cj created"),
        ("get cronjob cj", r"\* \* \* \* \* +<none> +False +0 +<none>"),
        ("create job by-hand --from=cronjob/cj", "job.batch/by-hand created"),
        ("delete cronjob cj", "deleted"),
    ],
    "create ingress": [("create ingress i --rule=a.example/=s:80", "ingress.networking.k8s.io/i created")],
    "create deployment, scale, expose, rollout, set": [
        ("create deployment web --image=nginx --port=80", "deployment.apps/web created"),
        ("get deployment web -o wide", r"web +0/1 +\d +0 +\d+s +nginx +nginx +app=web"),
        ("scale deployment web --replicas=2", "deployment.apps/web scaled"),
        (FAILS + "scale deployment web --current-replicas=7 --replicas=2", "[Ee]xpected replicas to be 7, was 2"),
        ("get deployment web --subresource=scale -o jsonpath={.spec.replicas}", "^2$"),
        ('patch deployment web --subresource=scale -p \'{"spec": {"replicas": 3}}\' --type=merge', "patched"),
        ("expose deployment web", "service/web exposed"),
        ("set image deployment/web nginx=nginx:2", "image updated"),
        ("set env deployment/web COLOUR=blue", "env updated"),
        ("set resources deployment/web --limits=cpu=1", "resource requirements updated"),
        ("set serviceaccount deployment/web default", "serviceaccount updated"),
        ("set selector service/web app=other", "selector updated"),
        ("rollout restart deployment/web", "restarted"),
        ("rollout pause deployment/web", "paused"),
        ("rollout resume deployment/web", "resumed"),
        ("rollout history deployment/web", "REVISION|No rollout history"),
        ("describe deployment web", r"Replicas: +3 desired"),
        ("delete deployment web --cascade=orphan", "deleted"),
        ("delete service web", "deleted"),
    ],
    "autoscale": [
        ("create deployment elastic --image=nginx", "created"),
        ("autoscale deployment elastic --min=1 --max=3", "horizontalpodautoscaler.autoscaling/elastic autoscaled"),
        ("get hpa elastic", r"Deployment/elastic +.* 1 +3 +0"),
        ("delete hpa,deployment elastic", "deleted"),
    ],
    "delete, all cascades": [
        (f"create -f - < {replica_set('owner')}", "replicaset.apps/owner created"),
        (f"create -f - < {config_map('kept', 'one')}", "created"),
        ("delete replicaset owner --cascade=orphan", "deleted"),
        ("get configmap kept", "kept"),
        (f"create -f - < {replica_set('owner')}", "created"),
        ("delete replicaset owner --cascade=foreground --timeout=10s", "deleted"),
        (f"create -f - < {replica_set('owner')}", "created"),
        ("delete replicaset owner --cascade=background --now", "deleted"),
        (FAILS + "delete replicaset owner", "not found"),
        ("delete replicaset owner --ignore-not-found", ""),
        ("delete configmap --all --dry-run=server", r"kept. deleted \(server dry run\)"),
        ("delete configmap kept --dry-run=client", r"\(dry run\)"),
        ("delete configmap kept", "deleted"),
    ],
    "apply and diff": [
        (f"apply -f - < {config_map('a', 'one')}", "configmap/a created"),
        (f"apply -f - < {config_map('a', 'one')}", "configmap/a unchanged"),
        (FAILS + f"diff -f - < {config_map('a', 'two')}", r"\+ +k: two"),
        (f"apply -f - < {config_map('a', 'two')}", "configmap/a configured"),
        (f"apply --dry-run=server -f - < {config_map('a', 'three')}", "server dry run"),
        ("get configmap a -o jsonpath={.data.k}", "two"),
        ("apply view-last-applied configmap/a", "k: two"),
        ("delete configmap a", "deleted"),
    ],
    "apply --prune, set-last-applied": [
        (f"apply -f - < {config_map('p1', 'one', app='prune')}", "configmap/p1 created"),
        (
            "apply --prune -l app=prune --prune-allowlist=core/v1/ConfigMap -f - < "
            + config_map("p2", "one", app="prune"),
            "configmap/p1 pruned",
        ),
        ("get configmap -l app=prune -o name", "^configmap/p2$"),
        (f"apply set-last-applied -f - < {config_map('p2', 'two', app='prune')}", "configmap/p2 configured"),
        ("delete configmap p2", "deleted"),
    ],
    "apply --server-side": [
        (f"apply --server-side -f - < {config_map('b', 'one')}", "configmap/b serverside-applied"),
        ('patch configmap b -p \'{"data": {"k": "theirs"}}\'', "patched"),
        (FAILS + f"apply --server-side -f - < {config_map('b', 'two')}", "conflict"),
        (f"apply --server-side --force-conflicts -f - < {config_map('b', 'two')}", "serverside-applied"),
        ("get configmap b --show-managed-fields -o yaml", "operation: Apply"),
        (FAILS + f"diff --server-side --force-conflicts -f - < {config_map('b', 'three')}", r"\+ +k: three"),
        ("delete configmap b", "deleted"),
    ],
    "replace, edit, patch": [
        (f"create -f - < {config_map('r', 'one')}", "created"),
        (f"replace -f - < {config_map('r', 'two')}", "replaced"),
        ('patch configmap r --type=merge -p \'{"data": {"k": "three"}}\'', "patched"),
        ('patch configmap r --type=json -p \'[{"op": "remove", "path": "/data/k"}]\'', "patched"),
        ('patch configmap r -p \'{"data": {"k": "unedited"}}\'', "patched"),
        ("edit configmap r", "configmap/r edited"),
        ("get configmap r -o jsonpath={.data.k}", "^edited$"),
        ("edit configmap r", "no changes made|skipped"),
        (f"replace --force -f - < {config_map('r', 'five')}", "configmap/r replaced"),
        ("delete configmap r", "deleted"),
        ('patch node virtual-0 --subresource=status --type=merge -p \'{"status": {"phase": "Running"}}\'', "patched"),
    ],
    "label and annotate": [
        ("label node virtual-0 colour=blue", "labeled"),
        (FAILS + "label node virtual-0 colour=red", "--overwrite is false"),
        ("label node virtual-0 colour=red --overwrite", "labeled"),
        ("label node virtual-0 --list", "colour=red"),
        ("label node virtual-0 colour-", "unlabeled"),
        ("annotate node virtual-0 note='a b'", "annotated"),
        ("annotate node virtual-0 note-", "annotated"),
    ],
    "taint, cordon, drain": [
        ("taint node virtual-1 a=b:NoSchedule", "tainted"),
        ("taint node virtual-1 a:NoSchedule-", "untainted"),
        ("cordon virtual-0", "cordoned"),
        ("get node virtual-0", "SchedulingDisabled"),
        (f"create -f - < {pod('three')}", "created"),
        ("wait --for=condition=Ready pod/three --timeout=20s", "condition met"),
        ("drain virtual-1 --force --timeout=20s", "drained"),
        (FAILS + "get pod three", "not found"),
        ("uncordon virtual-0 virtual-1", "uncordoned"),
    ],
    "exec, cp, attach": [
        (f"create -f - < {pod('four')}", "created"),
        ("wait --for=condition=Ready pod/four --timeout=20s", "condition met"),
        ("exec four -- echo hello", "hello"),
        (FAILS + "exec four -- sh -c 'exit 7'", "exit code 7"),
        ("delete pod four", "deleted"),
    ],
    "top": [("top nodes", "virtual-0")],
    "wait": [
        (f"create -f - < {pod('waited')}", "created"),
        ("wait --for=jsonpath={.status.phase}=Running pod/waited --timeout=20s", "condition met"),
        (FAILS + "wait --for=condition=Nonsense pod/waited --timeout=1s", "timed out"),
        ("delete pod waited --wait=false", "deleted"),
        ("wait --for=delete pod/waited --timeout=20s", "condition met|not found|^$"),
    ],
    "expose and run": [
        ("run exposed --image=nginx --port=80 --expose", "service/exposed created[\\s\\S]*pod/exposed created"),
        ("delete pod,service exposed --now", "deleted"),
    ],
    "a node goes": [
        (FAILS + "delete node missing", "not found"),
        ("get events -A --field-selector involvedObject.kind=Node", "LAST SEEN|No resources"),
    ],
    "kustomize": [("apply -k .", "configmap/from-kustomize created"), ("delete -k .", "deleted")],
    "auth": [
        ("auth can-i create pods", "yes"),
        ("auth can-i --list", "Resources"),
        ("auth whoami", "Username"),
    ],
    "debug": [
        (f"create -f - < {pod('five')}", "created"),
        ("debug five --image=busybox -- sleep 1", "debug|Defaulting"),
        ("delete pod five", "deleted"),
    ],
    "a list of objects": [
        (f"create -f - < {listed(config_map('l1', 'one'), config_map('l2', 'one'))}", "l1 created\\n.*l2 created"),
        (f"apply -f - < {listed(config_map('l1', 'two'), config_map('l3', 'one'))}", "l1 configured\\n.*l3 created"),
        (FAILS + "create -f - < " + listed(config_map("l4", "y")).replace('"data"', '"dat"'), "unknown field|dat"),
        ("delete configmap l1 l2 l3", "deleted"),
    ],
    "a strict client": [
        (FAILS + "create -f - < " + config_map("x", "y").replace('"data"', '"dat"'), "unknown field"),
    ],
    "completion of deletes by label": [
        (f"create -f - < {config_map('l', 'one')}", "created"),
        ("label configmap l app=l", "labeled"),
        ("delete configmap -l app=l", '"l" deleted'),
    ],
}


@pytest.mark.parametrize("story", STORIES)
def test_kubectl_does_what_it_does_on_a_real_cluster(place: Place, story: str) -> None:
    for written, expected in STORIES[story]:
        fails, eventually = written.startswith(FAILS), written.startswith(EVENTUALLY)
        line = written.removeprefix(FAILS).removeprefix(EVENTUALLY)
        for attempt in range(PATIENCE_SECONDS if eventually else 1):
            if attempt:
                asyncio.run(asyncio.sleep(0.5))
            code, said = place.run(line)
            if re.search(expected, said, re.MULTILINE):
                break
        assert re.search(expected, said, re.MULTILINE), f"kubectl {line}\n{said}"
        assert (code != 0) == fails, f"kubectl {line}: exit code {code}\n{said}"
