"""A container as ECS defines it. Pure; variables are handed out apart, as they belong into a task's overrides."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Protocol

from providers import pods, quantity
from providers.data import PodData
from providers.errors import Invalid
from providers.fargate.config import FargateConfig
from providers.types import Pod

LONGEST_GRACE = 120
"""Seconds that Fargate gives a container to end."""
LOG_PREFIX = "vk"
Wire = Mapping[str, Any]
"""A container as it travels, with more fields than ``providers.types`` names."""
_KNOWN_RESOURCES = frozenset({"cpu", "memory", "ephemeral-storage"})
_CAPABILITIES = frozenset({"SYS_PTRACE"})


class Notes:
    """What comes out differently than the pod asks for, each thing once."""

    def __init__(self) -> None:
        self._lines: dict[str, None] = {}

    def add(self, line: str) -> None:
        """Note it."""
        self._lines[line] = None

    def lines(self) -> tuple[str, ...]:
        """All of it, in the order of the pod's fields."""
        return tuple(self._lines)


class Secrets(Protocol):
    """Where secret values go; false if nowhere."""

    def __bool__(self) -> bool: ...

    def parameter(self, value: str) -> str:
        """A value's name."""
        ...

    def login(self, username: str, password: str) -> str:
        """A login's name."""
        ...


def wanted(each: Wire, name: str) -> Fraction:
    """How much of a resource a container may use: its limit, else its request, else nothing in particular."""
    resources = each.get("resources") or {}
    text = (resources.get("limits") or {}).get(name) or (resources.get("requests") or {}).get(name)
    return quantity.parse(str(text)) if text is not None else Fraction(0)


class Shared:
    """Maps the containers of one pod.

    Args:
        pod: theirs.
        data: the pod's.
        config: the operator's.
        secrets: takes secret values.
        notes: of what is different.
    """

    def __init__(self, pod: Pod, data: PodData, config: FargateConfig, secrets: Secrets, notes: Notes) -> None:
        self._pod = pod
        self._data = data
        self._config = config
        self._secrets = secrets
        self._notes = notes
        spec: Mapping[str, Any] = pod["spec"]
        self._security: Mapping[str, Any] = spec.get("securityContext") or {}
        self._ports: set[tuple[int, str]] = set()

    def container(self, each: Wire, *, essential: bool) -> dict[str, Any]:
        """A container, without its environment."""
        self._refuse(each)
        grace = min(pods.grace_seconds(self._pod), LONGEST_GRACE)
        fields = {
            "entryPoint": list(each.get("command") or []),
            "command": list(each.get("args") or []),
            "workingDirectory": each.get("workingDir"),
            "portMappings": self._port_mappings(each),
            "mountPoints": self._mounts(each),
            "secrets": self._hidden(each),
            "repositoryCredentials": self._login(each["image"]),
            "healthCheck": self._health(each),
            "interactive": bool(each.get("stdin")),
            "pseudoTerminal": bool(each.get("tty")),
            **self._limits(each),
            **self._context(each),
            **self.logs(),
        }
        given = {key: value for key, value in fields.items() if value}
        return {
            "name": each["name"],
            "image": each["image"],
            "essential": essential,
            "stopTimeout": max(grace, 2),
            **given,
        }

    def environment(self, each: Wire) -> list[dict[str, str]]:
        """Its variables that are no secret, or cannot be kept one."""
        if any(where == each["name"] for where, _ in self._data.late_env):
            self._notes.add(f"container {each['name']}: the pod's IP is no variable; Fargate tells it by its metadata")
        hidden = self._hidden_names(each)
        if hidden and not self._secrets:
            self._notes.add("values from Secrets can be read by whoever may describe tasks; set SecretsPath")
            hidden = frozenset()
        return [
            {"name": variable["name"], "value": variable.get("value", "")}
            for variable in each.get("env") or []
            if variable["name"] not in hidden
        ]

    def logs(self) -> dict[str, Any]:
        """Where output goes."""
        if not self._config.log_group:
            return {}
        options = {"awslogs-group": self._config.log_group, "awslogs-stream-prefix": LOG_PREFIX}
        if self._config.region:
            options["awslogs-region"] = self._config.region
        return {"logConfiguration": {"logDriver": "awslogs", "options": options}}

    def _hidden_names(self, each: Wire) -> frozenset[str]:
        return frozenset(variable for where, variable in self._data.secret_env if where == each["name"])

    def _hidden(self, each: Wire) -> list[dict[str, str]]:
        hidden = self._hidden_names(each)
        if not hidden or not self._secrets:
            return []
        return [
            {"name": variable["name"], "valueFrom": self._secrets.parameter(variable["value"])}
            for variable in each.get("env") or []
            if variable["name"] in hidden and variable.get("value")
        ]

    def _login(self, image: str) -> dict[str, str]:
        """The login for the image's registry, which ECS reads from Secrets Manager."""
        first, slash, _ = image.partition("/")
        registry = first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
        for each in self._data.registries:
            server = each.server.removeprefix("https://").removeprefix("http://").partition("/")[0]
            if server == registry or (registry == "docker.io" and server.endswith("docker.io")):
                if self._secrets:
                    return {"credentialsParameter": self._secrets.login(each.username, each.password)}
                self._notes.add(f"the login for {registry} is not handed on; set SecretsPath")
        return {}

    def _refuse(self, each: Wire) -> None:
        name, resources = each["name"], each.get("resources") or {}
        for asked in {**(resources.get("requests") or {}), **(resources.get("limits") or {})}:
            if asked not in _KNOWN_RESOURCES:
                raise Invalid(f"container {name}: resource {asked}: Fargate has CPU, memory and ephemeral storage")
        if each.get("volumeDevices"):
            raise Invalid(f"container {name}: volumeDevices: Fargate mounts file systems only")
        for field in ("lifecycle", "startupProbe"):
            if each.get(field):
                self._notes.add(f"container {name}: {field}: left out; Fargate has no such thing")

    def _limits(self, each: Wire) -> dict[str, Any]:
        """CPU as a share, memory as a hard and a soft limit, in MiB."""
        resources = each.get("resources") or {}
        limit, request = (resources.get("limits") or {}), (resources.get("requests") or {})
        limits: dict[str, Any] = {}
        if cpu := wanted(each, "cpu"):
            limits["cpu"] = max(int(cpu * 1024), 1)
        if "memory" in limit:
            limits["memory"] = max(_mebibytes(limit["memory"]), 6)
        if "memory" in request:
            limits["memoryReservation"] = max(_mebibytes(request["memory"]), 6)
        return limits

    def _port_mappings(self, each: Wire) -> list[dict[str, Any]]:
        mappings = []
        for port in each.get("ports") or []:
            number, protocol = port["containerPort"], port.get("protocol", "TCP")
            if protocol not in ("TCP", "UDP"):
                raise Invalid(f"container {each['name']}: port {number}: Fargate knows TCP and UDP, not {protocol}")
            if port.get("hostPort") not in (None, 0, number):
                raise Invalid(f"container {each['name']}: hostPort {port['hostPort']}: must be the containerPort")
            if (number, protocol) in self._ports:
                raise Invalid(f"container {each['name']}: port {number}: another container of the pod has it")
            self._ports.add((number, protocol))
            mappings.append({"containerPort": number, "protocol": protocol.lower()})
        return mappings

    def _mounts(self, each: Wire) -> list[dict[str, Any]]:
        mounts = []
        for mount in each.get("volumeMounts") or []:
            if mount.get("subPath") or mount.get("subPathExpr"):
                raise Invalid(f"container {each['name']}: volume {mount['name']}: subPath: Fargate has no such thing")
            read_only = {"readOnly": True} if mount.get("readOnly") else {}
            mounts.append({"sourceVolume": mount["name"], "containerPath": mount["mountPath"], **read_only})
        return mounts

    def _health(self, each: Wire) -> dict[str, Any]:
        """ECS has one check, by a command. Nobody restarts an unhealthy container; the pod is not ready."""
        for kind in ("readinessProbe", "livenessProbe"):
            probe = each.get(kind)
            if probe and not probe.get("exec"):
                self._notes.add(f"container {each['name']}: {kind}: left out; Fargate checks by commands only")
        probe = next((each[k] for k in ("readinessProbe", "livenessProbe") if (each.get(k) or {}).get("exec")), None)
        if probe is None:
            return {}
        return {
            "command": ["CMD", *(probe["exec"].get("command") or [])],
            "interval": min(max(probe.get("periodSeconds", 10), 5), 300),
            "timeout": min(max(probe.get("timeoutSeconds", 1), 2), 60),
            "retries": min(max(probe.get("failureThreshold", 3), 1), 10),
            "startPeriod": min(probe.get("initialDelaySeconds", 0), 300),
        }

    def _context(self, each: Wire) -> dict[str, Any]:
        own = {**self._security, **(each.get("securityContext") or {})}
        if own.get("privileged"):
            raise Invalid(f"container {each['name']}: privileged: Fargate runs no privileged containers")
        if own.get("runAsNonRoot"):
            self._notes.add(f"container {each['name']}: runAsNonRoot: not enforced; set runAsUser")
        capabilities = own.get("capabilities") or {}
        more = [name for name in capabilities.get("add") or [] if name not in _CAPABILITIES]
        if more:
            raise Invalid(f"container {each['name']}: capabilities.add: Fargate adds SYS_PTRACE only, not {more[0]}")
        user = str(own["runAsUser"]) if own.get("runAsUser") is not None else ""
        if user and own.get("runAsGroup") is not None:
            user += f":{own['runAsGroup']}"
        if own.get("readOnlyRootFilesystem") and self._config.enable_exec:
            self._notes.add(f"container {each['name']}: readOnlyRootFilesystem: ECS Exec runs no commands in it")
        given = {name: list(capabilities[name]) for name in ("add", "drop") if capabilities.get(name)}
        return {
            "user": user,
            "readonlyRootFilesystem": bool(own.get("readOnlyRootFilesystem")),
            "linuxParameters": {"capabilities": given} if given else None,
        }


def _mebibytes(text: str) -> int:
    return int(-(-quantity.parse(str(text)) // 2**20))
