"""What the operator wants, as frozen objects, made of the values of the options (``runner.options``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.config import RunnerConfig, Shutdown
from runner.values import Address

if TYPE_CHECKING:
    from providers.types import Taint

METRICS_ADDRESS = ":10255"
OUR_TAGS = ("operatingSystem", "provider", "nodeName")
"""Of traces; Virtual Kubelet's."""
REACH_SECONDS = 5.0
"""How long the API server is tried at the start, where ``--startup-timeout`` does not say."""
RENEWALS_PER_LEASE = 4


class WrongUsage(ValueError):
    """A flag, an environment variable or a file that one of them names is wrong. The message names it."""


@dataclass(frozen=True, slots=True)
class KubeletSettings:
    """A node's kubelet API.

    Attributes:
        address: where it listens.
        certificate: its TLS certificate; None for a self-signed one.
        key: the certificate's private key.
        rotate: the cluster is asked to sign its certificate.
        client_ca: who signs the certificates of its callers; None if they have none.
        tokens: callers may show a bearer token instead.
        authorize: the API server is asked what callers may do.
        token_ttl: how long the API server's answer about a token is believed.
        allowed_ttl: how long its yes to a caller.
        denied_ttl: how long its no.
        stream_idle_timeout: how long an exec, attach or port-forward may be quiet.
        stream_creation_timeout: how long a client may take to open its streams.
    """

    address: str
    certificate: Path | None
    key: Path | None
    rotate: bool
    client_ca: Path | None
    tokens: bool
    authorize: bool
    token_ttl: timedelta
    allowed_ttl: timedelta
    denied_ttl: timedelta
    stream_idle_timeout: timedelta
    stream_creation_timeout: timedelta

    @property
    def asks_who_calls(self) -> bool:
        """Whether callers must say who they are; if not, everybody may do everything."""
        return self.client_ca is not None or self.tokens


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """One virtual node.

    Attributes:
        provider: its name in the registry.
        provider_config: its configuration: a file, or the fields themselves; None without one.
        provider_config_source: where that came from, for error messages.
        kubelet: its kubelet API.
        config: the node itself.
    """

    provider: str
    provider_config: Path | Mapping[str, Any] | None
    provider_config_source: str
    kubelet: KubeletSettings
    config: RunnerConfig


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """How work is traced.

    Attributes:
        exporters: where spans go: ``otlp``; none for no traces.
        service_name: who we are in them.
        tags: said with each of them.
        sample_share: of what share of the work, 0 to 1; None leaves it to OpenTelemetry's variables.
    """

    exporters: tuple[str, ...]
    service_name: str
    tags: Mapping[str, str]
    sample_share: float | None


@dataclass(frozen=True, slots=True)
class Settings:
    """One run of the runner.

    Attributes:
        nodes: at least one, each with a name and a port of its own.
        kubeconfig: None for the usual places.
        master_uri: where the API server is, if not where the kubeconfig says.
        startup_timeout: by when the nodes must be ready; None: no limit, but the API server must answer within seconds;
            zero: no limit at all.
        metrics: where metrics are served; None: nowhere.
        metrics_required: whether it is a failure if they cannot be.
        traces: how work is traced.
    """

    nodes: tuple[NodeSettings, ...]
    kubeconfig: Path | None
    master_uri: str | None
    startup_timeout: timedelta | None
    metrics: Address | None
    metrics_required: bool
    traces: TraceSettings


def node_settings(values: Mapping[str, Any]) -> NodeSettings:
    """One node's settings, from the values of all its options (``runner.options``).

    Raises:
        WrongUsage: they do not go together.
    """
    if not values["provider"]:
        raise WrongUsage("--provider: missing; 'runner providers' lists them")
    taint: Taint = {
        "key": values["taint"],
        "value": values["taint_value"] or values["provider"],
        "effect": values["taint_effect"],
    }
    return NodeSettings(
        provider=values["provider"],
        provider_config=values["provider_config"],
        provider_config_source=_config_source(values),
        kubelet=_kubelet_settings(values),
        config=RunnerConfig(
            node_name=values["nodename"],
            operating_system=values["os"],
            internal_ip=values["internal_ip"],
            port=values["port"],
            architecture=values["arch"],
            taints=() if values["disable_taint"] else (taint,),
            labels=dict(values["label"]),
            namespace=values["namespace"],
            pod_sync_workers=values["pod_sync_workers"],
            lease_duration=values["lease_duration"],
            lease_renewal=values["lease_duration"] / RENEWALS_PER_LEASE,
            status_interval=values["node_status_interval"],
            ping_timeout=values["ping_timeout"],
            provider_timeout=values["provider_timeout"],
            poll_interval=values["status_poll_interval"],
            resync_interval=values["full_resync_period"],
            shutdown=Shutdown(values["shutdown"]),
            shutdown_timeout=values["shutdown_timeout"],
            cluster_domain=values["cluster_domain"],
        ),
    )


def _config_source(values: Mapping[str, Any]) -> str:
    given = values["provider_config"]
    if isinstance(given, Mapping):
        return str(values["provider_config_source"])
    return str(given or "--provider-config")


def _kubelet_settings(values: Mapping[str, Any]) -> KubeletSettings:
    certificate, key = values["tls_cert_file"], values["tls_private_key_file"]
    if (certificate is None) != (key is None):
        raise WrongUsage(
            "--tls-cert-file (APISERVER_CERT_LOCATION) and --tls-private-key-file (APISERVER_KEY_LOCATION): "
            "give both, or neither for a self-signed certificate"
        )
    if certificate and values["rotate_server_certificates"]:
        raise WrongUsage("--rotate-server-certificates and --tls-cert-file (APISERVER_CERT_LOCATION): give one of them")
    client_ca, tokens = values["client_verify_ca"], values["authentication_token_webhook"]
    if values["no_verify_clients"]:
        client_ca, tokens = None, False
    return KubeletSettings(
        address=values["address"] or values["internal_ip"],
        certificate=certificate,
        key=key,
        rotate=values["rotate_server_certificates"],
        client_ca=client_ca,
        tokens=client_ca is not None if tokens is None else tokens,
        authorize=values["authorization_mode"] == "Webhook",
        token_ttl=values["authentication_token_webhook_cache_ttl"],
        allowed_ttl=values["authorization_webhook_cache_authorized_ttl"],
        denied_ttl=values["authorization_webhook_cache_unauthorized_ttl"],
        stream_idle_timeout=values["stream_idle_timeout"],
        stream_creation_timeout=values["stream_creation_timeout"],
    )


def trace_settings(values: Mapping[str, Any], nodes: Sequence[NodeSettings]) -> TraceSettings:
    """How work is traced; what Virtual Kubelet always tells of its node is told as long as there is one.

    Raises:
        WrongUsage: a tag is given twice, or is one of those.
    """
    tags: dict[str, str] = {}
    for name, value in values["trace_tag"]:
        if name in OUR_TAGS:
            raise WrongUsage(f"--trace-tag: {name!r} is set by the runner itself; choose another name")
        if name in tags:
            raise WrongUsage(f"--trace-tag: {name!r} is given twice")
        tags[name] = value
    if len(nodes) == 1:
        config = nodes[0].config
        tags |= dict(zip(OUR_TAGS, (config.operating_system, nodes[0].provider, config.node_name), strict=True))
    exporters = tuple(dict.fromkeys(values["trace_exporter"]))
    return TraceSettings(exporters, values["trace_service_name"], tags, values["trace_sample_rate"])


def check_distinct(nodes: Sequence[NodeSettings]) -> None:
    """See that several nodes do not get in each other's way.

    Raises:
        WrongUsage: two have the same name, or listen in the same place.
    """
    names: dict[str, int] = {}
    places: dict[tuple[str, int], str] = {}
    for number, node in enumerate(nodes):
        name, port = node.config.node_name, node.config.port
        if name in names:
            raise WrongUsage(f"nodes[{names[name]}] and nodes[{number}] have the same nodename, {name!r}")
        names[name] = number
        other = places.setdefault((node.kubelet.address, port), name) if port else name
        if other != name:
            raise WrongUsage(f"nodes {other!r} and {name!r} have the same port {port}; give each one of its own, or 0")


def provider_config(given: Path | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The provider's configuration, parsed; empty without one.

    Raises:
        WrongUsage: its file is not there, or broken.
    """
    from runner.documents import BadDocument, read_mapping  # noqa: PLC0415  (yaml is not needed for --help)

    if not isinstance(given, Path):
        return given or {}
    try:
        return read_mapping(given)
    except BadDocument as error:
        raise WrongUsage(f"--provider-config: {error}") from error
