"""The ``runner`` command: flags and environment variables become ``Settings``; an outcome becomes an exit code.

The heavy modules (the Kubernetes client above all) are imported only when a node is to run: ``--help`` is quick.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from runner import logs, settings
from runner.config import DEFAULT_NODE_NAME, DEFAULT_PORT, RunnerConfig, Shutdown

DEFAULTS = RunnerConfig()

EPILOG = """
\b
Environment, beside what the options name:
  VKUBELET_TAINT_KEY, VKUBELET_TAINT_VALUE, VKUBELET_TAINT_EFFECT
      the node's taint, by default virtual-kubelet.io/provider=PROVIDER:NoSchedule
  APISERVER_CERT_LOCATION, APISERVER_KEY_LOCATION
      certificate and key of the kubelet API; without them it makes its own
  APISERVER_CA_CERT_LOCATION
      callers of the kubelet API must show a certificate of this CA

\b
Exit codes:
  0  ended by SIGINT or SIGTERM (a second one ends it at once)
  1  failure: the cluster cannot be reached or refuses, the port is taken, ...
  2  wrong usage: a flag, a variable, or a file that they name
"""


class Duration(click.ParamType[timedelta]):
    """A length of time as Go writes it: 1m30s."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration, or click's error."""
        if isinstance(value, timedelta):
            return value
        try:
            return settings.duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--provider", metavar="NAME", help="What runs the pods (required); 'runner providers' lists them.")
@click.option("--provider-config", type=FILE, help="The provider's configuration: .json, .toml or .yaml.")
@click.option(
    "--nodename",
    default=DEFAULT_NODE_NAME,
    envvar="DEFAULT_NODE_NAME",
    show_envvar=True,
    show_default=True,
    help="Name of the node.",
)
@click.option(
    "--os",
    "operating_system",
    type=click.Choice(["linux", "windows"], case_sensitive=False),
    default="linux",
    show_default=True,
    help="Operating system of the node.",
)
@click.option(
    "--kubeconfig",
    type=FILE,
    help="Which cluster. Default: $KUBECONFIG, ~/.kube/config, or the cluster that it runs in.",
)
@click.option("--namespace", default="", help="Run only the pods of this namespace.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Add a label to the node; repeatable.")
@click.option("--taint", metavar="KEY", help="Key of the node's taint.")
@click.option("--disable-taint", is_flag=True, help="Register the node without a taint.")
@click.option(
    "--internal-ip",
    default=DEFAULTS.internal_ip,
    envvar="VKUBELET_POD_IP",
    show_envvar=True,
    show_default=True,
    metavar="IP",
    help="The node's address: where the API server finds its kubelet API.",
)
@click.option("--address", metavar="IP", help="Where the kubelet API listens. Default: on --internal-ip.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    envvar="KUBELET_PORT",
    show_envvar=True,
    show_default=True,
    help="Port of the kubelet API; 0 for any free one.",
)
@click.option(
    "--pod-sync-workers",
    type=click.IntRange(min=1),
    default=DEFAULTS.pod_sync_workers,
    show_default=True,
    help="How many pods are worked on at once.",
)
@click.option(
    "--full-resync-period",
    type=Duration(),
    default="1m",
    show_default=True,
    help="How often the provider's pods are compared with the cluster's.",
)
@click.option(
    "--lease-duration",
    type=Duration(),
    default="40s",
    show_default=True,
    help="How long the node counts as alive without a sign of life.",
)
@click.option(
    "--shutdown",
    type=click.Choice([each.value for each in Shutdown]),
    default=DEFAULTS.shutdown.value,
    show_default=True,
    help="What an orderly end does: leave the node as it is, cordon it, drain it too, or delete it after that.",
)
@click.option(
    "--shutdown-timeout", type=Duration(), default="2m", show_default=True, help="How long an orderly end may take."
)
@click.option(
    "--startup-timeout",
    type=Duration(),
    help="Give up if the node is not ready by then; 0: never. Default: if the API server does not answer within 5s.",
)
@click.option(
    "--log-level", type=click.Choice(logs.LEVELS), default="info", show_default=True, help="What to log, to stderr."
)
@click.option(
    "--log-format",
    type=click.Choice(logs.FORMATS),
    default="console",
    show_default=True,
    help="Lines for people or JSON.",
)
@click.pass_context
def runner(ctx: click.Context, /, **flags: Any) -> None:
    """Register a virtual node in a Kubernetes cluster and run its pods through a provider.

    Example: runner --provider mock --kubeconfig ~/.kube/config --nodename my-node
    """
    if ctx.invoked_subcommand is None:
        logs.configure(flags["log_level"], flags["log_format"])
        wanted = _settings(flags)
        from runner import process  # noqa: PLC0415  (see the module's docstring)

        code, line = process.main(wanted)
        if line:
            _complain(line)
        ctx.exit(code)


@runner.command()
def version() -> None:
    """Print the version."""
    from importlib import metadata  # noqa: PLC0415

    click.echo(f"runner {metadata.version('vksim')}, kubelet version {DEFAULTS.kubelet_version}")


@runner.command()
@click.argument("name", required=False)
@click.pass_context
def providers(ctx: click.Context, name: str | None) -> None:
    """List the providers; with a NAME: exit with 0 if it is one of them, else with 1."""
    from providers import registry  # noqa: PLC0415

    known = registry.names()
    if name is None:
        click.echo("\n".join(known))
    elif name in known:
        click.echo(name)
    else:
        _complain(f"no such provider: {name!r}; there are: {', '.join(known) or 'none'}")
        ctx.exit(1)


def main() -> None:
    """Run the command: one line for an error, no usage screen around it."""
    try:
        code = runner.main(prog_name="runner", standalone_mode=False)
    except click.ClickException as error:
        _complain(f"{error.format_message().rstrip('.')}; see 'runner --help'")
        code = error.exit_code
    except settings.WrongUsage as error:
        _complain(str(error))
        code = 2
    except (click.Abort, KeyboardInterrupt):
        code = 1
    sys.exit(code or 0)


def _settings(flags: dict[str, Any]) -> settings.Settings:
    """The settings that the flags and the environment mean. Raises WrongUsage."""
    if not flags["provider"]:
        raise click.UsageError("Missing option '--provider'; 'runner providers' lists them")
    if not flags["full_resync_period"]:
        raise settings.WrongUsage("--full-resync-period: must be more than 0")
    internal_ip = settings.ip_address(flags["internal_ip"], "--internal-ip (VKUBELET_POD_IP)")
    lease_duration, lease_renewal = settings.lease(flags["lease_duration"])
    certificate, key, client_ca = settings.certificate_files(os.environ)
    return settings.Settings(
        provider=flags["provider"],
        provider_config=flags["provider_config"],
        kubeconfig=flags["kubeconfig"],
        startup_timeout=flags["startup_timeout"],
        address=settings.ip_address(flags["address"] or internal_ip, "--address"),
        certificate=certificate,
        key=key,
        client_ca=client_ca,
        node=RunnerConfig(
            node_name=settings.node_name(flags["nodename"]),
            operating_system=flags["operating_system"],
            internal_ip=internal_ip,
            port=flags["port"],
            taints=settings.taints(flags["provider"], flags["taint"], os.environ, disabled=flags["disable_taint"]),
            labels=settings.labels(flags["labels"]),
            namespace=flags["namespace"],
            pod_sync_workers=flags["pod_sync_workers"],
            shutdown=Shutdown(flags["shutdown"]),
            shutdown_timeout=flags["shutdown_timeout"],
            lease_duration=lease_duration,
            lease_renewal=lease_renewal,
            resync_interval=flags["full_resync_period"],
        ),
    )


def _complain(line: str) -> None:
    click.echo(f"runner: {line}", err=True)
