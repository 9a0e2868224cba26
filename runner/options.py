"""The runner's vocabulary: each flag with its variable, type and default, in one table.

A configuration file speaks it too (``runner.config_file``): a field is a flag without its dashes. The names are Virtual
Kubelet's where it has the thing, else a kubelet's.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import click

from runner import logs, settings, values
from runner.config import DEFAULT_NODE_NAME, DEFAULT_PORT, PROVIDER_TAINT_KEY, RunnerConfig, Shutdown

T = TypeVar("T")

DEFAULTS = RunnerConfig()
FILE = click.Path(dir_okay=False, path_type=Path)


class Parsed(click.ParamType[Any], Generic[T]):
    """A type whose values a function reads, raising ValueError for what is none."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value, or click's error."""
        if not isinstance(value, str | int | float):  # a default that is one already
            return value
        try:
            return self._parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Parsed("duration", values.duration)
SPAN = Parsed("duration", values.span)
IP = Parsed("ip", values.ip_address)


def _option(name: str, **how: Any) -> click.Option:
    how.setdefault("show_default", "default" in how)
    how.setdefault("show_envvar", True)
    return click.Option([f"--{name}", name.replace("-", "_").replace(".", "_")], **how)


def _switch(name: str, help_: str, *, default: bool | None = False) -> click.Option:
    """On if given; also ``--name=false``, as Go's flags may be written."""
    return _option(
        name,
        is_flag=False,
        flag_value="true",
        type=click.BOOL,
        default=default,
        show_default=False,
        metavar="[BOOL]",
        help=help_,
    )


OLD_EXPORTERS: dict[str, str] = {
    "jaeger": "Jaeger takes OTLP: sending that, to OTEL_EXPORTER_OTLP_ENDPOINT",
    "ocagent": "OpenCensus is no more: sending OTLP, to OTEL_EXPORTER_OTLP_ENDPOINT",
    "zpages": "OpenCensus is no more: see /debug/pods on --metrics-addr",
}
"""Virtual Kubelet's exporters, and what becomes of them."""

NODE_OPTIONS: tuple[click.Option, ...] = (
    _option("provider", metavar="NAME", help="What runs the pods (required); 'runner providers' lists them."),
    _option("provider-config", type=FILE, help="The provider's configuration: .json, .toml or .yaml."),
    _option(
        "nodename",
        type=Parsed("name", values.node_name),
        default=DEFAULT_NODE_NAME,
        envvar="DEFAULT_NODE_NAME",
        help="Name of the node.",
    ),
    _option(
        "os",
        type=click.Choice(["linux", "windows"], case_sensitive=False),
        default="linux",
        help="Operating system of the node.",
    ),
    _option(
        "arch",
        type=click.Choice(["amd64", "arm64"]),
        default=DEFAULTS.architecture,
        help="Architecture of the machines that the pods run on.",
    ),
    _option("namespace", default="", show_default=False, help="Run only the pods of this namespace."),
    _option(
        "label",
        multiple=True,
        type=Parsed("label", values.label),
        metavar="KEY=VALUE",
        help="Add a label to the node; repeatable.",
    ),
    _option(
        "taint",
        type=Parsed("key", values.taint_key),
        metavar="KEY",
        default=PROVIDER_TAINT_KEY,
        envvar="VKUBELET_TAINT_KEY",
        help="Key of the node's taint.",
    ),
    _option(
        "taint-value",
        type=Parsed("value", values.taint_value),
        metavar="VALUE",
        envvar="VKUBELET_TAINT_VALUE",
        help="Value of the node's taint. Default: the provider's name.",
    ),
    _option(
        "taint-effect",
        type=click.Choice(values.TAINT_EFFECTS),
        default=values.TAINT_EFFECTS[0],
        envvar="VKUBELET_TAINT_EFFECT",
        help="Effect of the node's taint.",
    ),
    _switch("disable-taint", "Register the node without a taint."),
    _option(
        "internal-ip",
        type=IP,
        default=DEFAULTS.internal_ip,
        envvar="VKUBELET_POD_IP",
        metavar="IP",
        help="The node's address: where the API server finds its kubelet API.",
    ),
    _option("address", type=IP, metavar="IP", help="Where the kubelet API listens. Default: on --internal-ip."),
    _option(
        "port",
        type=click.IntRange(0, 65535),
        default=DEFAULT_PORT,
        envvar="KUBELET_PORT",
        help="Port of the kubelet API; 0 for any free one. Of several nodes each takes the next.",
    ),
    _option(
        "tls-cert-file",
        type=FILE,
        envvar="APISERVER_CERT_LOCATION",
        help="Certificate of the kubelet API, PEM. Default: it makes its own.",
    ),
    _option(
        "tls-private-key-file", type=FILE, envvar="APISERVER_KEY_LOCATION", help="The certificate's private key, PEM."
    ),
    _switch("rotate-server-certificates", "Have the cluster sign the kubelet API's certificate, and renew it."),
    _option(
        "client-verify-ca",
        type=FILE,
        envvar="APISERVER_CA_CERT_LOCATION",
        help="The CA that signs the certificates of the kubelet API's callers, PEM.",
    ),
    _switch("no-verify-clients", "Let everybody call the kubelet API, whatever else is said."),
    _switch(
        "authentication-token-webhook",
        "Take bearer tokens, and ask the API server whose they are. Default: with --client-verify-ca.",
        default=None,
    ),
    _option(
        "authentication-token-webhook-cache-ttl",
        type=DURATION,
        default="2m",
        help="How long its answer about a token is believed.",
    ),
    _option(
        "authorization-mode",
        type=click.Choice(["Webhook", "AlwaysAllow"], case_sensitive=False),
        default="Webhook",
        help="Whether the API server is asked what a known caller may do.",
    ),
    _option(
        "authorization-webhook-cache-authorized-ttl",
        type=DURATION,
        default="5m",
        help="How long its yes to a caller is believed.",
    ),
    _option(
        "authorization-webhook-cache-unauthorized-ttl",
        type=DURATION,
        default="30s",
        help="How long its no to a caller is believed.",
    ),
    _option(
        "stream-idle-timeout",
        type=DURATION,
        default="4h",
        help="How long exec, attach and port-forward may be quiet; 0: for ever.",
    ),
    _option(
        "stream-creation-timeout", type=SPAN, default="30s", help="How long their clients may take to open streams."
    ),
    _option(
        "cluster-domain", default=DEFAULTS.cluster_domain, metavar="DOMAIN", help="The cluster's DNS domain, for pods."
    ),
    _option(
        "pod-sync-workers",
        type=click.IntRange(min=1),
        default=DEFAULTS.pod_sync_workers,
        help="How many pods are worked on at once.",
    ),
    _option(
        "full-resync-period",
        type=SPAN,
        default="1m",
        help="How often the provider's pods are compared with the cluster's.",
    ),
    _option(
        "status-poll-interval",
        type=SPAN,
        default="5s",
        help="How often a provider that cannot push is asked for its pods.",
    ),
    _option(
        "provider-timeout", type=SPAN, default="5m", help="After which a call to the provider is given up and repeated."
    ),
    _option("ping-timeout", type=SPAN, default="10s", help="After which a provider that does not answer is down."),
    _option(
        "lease-duration",
        type=Parsed("duration", values.lease_duration),
        default="40s",
        help="How long the node counts as alive without a sign of life.",
    ),
    _option("node-status-interval", type=SPAN, default="1m", help="How often an unchanged node status is written."),
    _option(
        "shutdown",
        type=click.Choice([each.value for each in Shutdown]),
        default=DEFAULTS.shutdown.value,
        help="What an orderly end does: leave the node as it is, cordon it, drain it too, or delete it after that.",
    ),
    _option("shutdown-timeout", type=DURATION, default="2m", help="How long an orderly end may take."),
)
"""What is said of a node; a file that lists several may say it of each."""

PROCESS_OPTIONS: tuple[click.Option, ...] = (
    _option(
        "kubeconfig",
        type=FILE,
        help="Which cluster. Default: $KUBECONFIG, ~/.kube/config, or the cluster that it runs in.",
    ),
    _option(
        "master-uri",
        envvar="MASTER_URI",
        metavar="URL",
        help="Where the API server is, if not where the kubeconfig says.",
    ),
    _option(
        "startup-timeout",
        type=DURATION,
        help="Give up if a node is not ready by then; 0: never. Default: if the API server does not answer within 5s.",
    ),
    _option(
        "metrics-addr",
        type=Parsed("address", values.host_and_port),
        default=settings.METRICS_ADDRESS,
        metavar="[HOST]:PORT",
        help="Where metrics and health are served over plain HTTP; without a host, on --address. Empty: nowhere.",
    ),
    _option(
        "trace-exporter",
        multiple=True,
        type=click.Choice(["otlp", *OLD_EXPORTERS], case_sensitive=False),
        help="Send traces there; needs vksim[otel], which is told the rest by the variables OTEL_*.",
        metavar="otlp",
    ),
    _option("trace-service-name", default="virtual-kubelet", metavar="NAME", help="Who we are in traces."),
    _option(
        "trace-tag",
        multiple=True,
        type=Parsed("tag", values.trace_tag),
        metavar="KEY=VALUE",
        help="Say this with each trace; repeatable.",
    ),
    _option(
        "trace-sample-rate",
        type=Parsed("rate", values.sample_rate),
        metavar="always|never|0..100",
        help="How much is traced, in per cent. Default: as OTEL_TRACES_SAMPLER says, else always.",
    ),
    _option(
        "log-level",
        type=click.Choice(list(logs.LEVELS), case_sensitive=False),
        default="info",
        help="What to log, to stderr.",
    ),
    _option("log-format", type=click.Choice(logs.FORMATS), default="console", help="Lines for people or JSON."),
)
"""What is said of the process."""

CONFIG = _option("config", type=FILE, help="A file with these options, and others per node: .yaml, .toml or .json.")

_KLOG = (
    "add_dir_header alsologtostderr log_backtrace_at log_dir log_file log_file_max_size logtostderr one_output "
    "skip_headers skip_log_headers stderrthreshold v vmodule legacy_stderr_threshold_behavior"
)
OBSOLETE: dict[str, str] = {
    "enable-node-lease": "the node always has a lease",
    **{f"klog.{name}": "this is not Go; see --log-level and --log-format" for name in _KLOG.split()},
}
"""Flags of Virtual Kubelet that have no meaning here, and why: they are taken, with a warning."""

OBSOLETE_VARIABLES: dict[str, str] = {
    "ZPAGES_PORT": "see /debug/pods on --metrics-addr",
    **dict.fromkeys(
        ("JAEGER_ENDPOINT", "JAEGER_COLLECTOR_ENDPOINT", "JAEGER_AGENT_ENDPOINT", "JAEGER_USER", "JAEGER_PASSWORD"),
        "Jaeger takes OTLP: see --trace-exporter=otlp and OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
    **dict.fromkeys(
        ("OCAGENT_ENDPOINT", "OCAGENT_INSECURE"), "see --trace-exporter=otlp and OTEL_EXPORTER_OTLP_ENDPOINT"
    ),
    "WEB_ENDPOINT_URL": "the web provider is no more",
}
"""Variables of Virtual Kubelet that have no meaning here, and what to use."""

OPTIONS: tuple[click.Option, ...] = (
    NODE_OPTIONS[0],
    CONFIG,
    *NODE_OPTIONS[1:],
    *PROCESS_OPTIONS,
    *(_option(name, hidden=True, is_flag=False, flag_value="true", type=click.UNPROCESSED) for name in OBSOLETE),
)
"""All of them, in the order of the help."""
