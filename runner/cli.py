"""The ``runner`` command: flags, environment variables and a file become ``Settings``; an outcome an exit code.

The heavy modules (the Kubernetes client above all) are imported only when a node is to run: ``--help`` is quick.
"""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource

from runner import config_file, logs, options, settings

EPILOG = """
\b
A flag wins over its variable, a variable over the file that --config names.

\b
Exit codes:
  0  ended by SIGINT or SIGTERM (a second one ends it at once); for check: nothing is missing
  1  failure: the cluster cannot be reached or refuses, the port is taken, ...
  2  wrong usage: a flag, a variable, or a file that they name

SIGUSR1 has it log what each pod is waiting for.
"""

log = logging.getLogger("runner")

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(invoke_without_command=True, epilog=EPILOG, context_settings=HELP)
@click.pass_context
def runner(ctx: click.Context, /, **_: Any) -> None:
    """Register a virtual node in a Kubernetes cluster and run its pods through a provider.

    Example: runner --provider mock --kubeconfig ~/.kube/config --nodename my-node
    """
    if ctx.invoked_subcommand is None:
        wanted = _settings(ctx)
        from runner import process  # noqa: PLC0415  (see the module's docstring)

        code, line = process.main(wanted)
        if line:
            _complain(line)
        ctx.exit(code)


runner.params.extend(options.OPTIONS)


@runner.command()
def version() -> None:
    """Print the version."""
    from importlib import metadata  # noqa: PLC0415

    click.echo(f"runner {metadata.version('vksim')}, kubelet version {options.DEFAULTS.kubelet_version}")


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


@runner.command()
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print the findings.")
@click.pass_context
def check(ctx: click.Context, /, output: str, **_: Any) -> None:
    """Ask the cluster and the provider whether the node would run, and say what is missing. Changes nothing.

    Takes the options of the runner itself. Exits with 0 if it would run, with 1 if something is missing.
    """
    wanted = _settings(ctx)
    import json  # noqa: PLC0415

    from runner import check as checks  # noqa: PLC0415

    findings = checks.check(wanted)
    if output == "json":
        click.echo(json.dumps(checks.as_json(findings), indent=2))
    else:
        click.echo("\n".join(map(str, findings)))
    ctx.exit(checks.exit_code(findings))


check.params.extend(options.OPTIONS)


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


# --- where a value comes from ---------------------------------------------------------------------------------------


def _settings(ctx: click.Context) -> settings.Settings:
    """What the operator wants, all sources taken together; the log is set up on the way. Raises WrongUsage."""
    said = _said(ctx)
    defaults = {name: value for name, value in ctx.params.items() if name not in said}
    path = said.get("config")
    general, listed = config_file.read(path, ctx) if path else ({}, [])
    common = {**defaults, **general, **said}
    logs.configure(common["log_level"], common["log_format"])
    _warn_of_obsolete(said)
    nodes = [settings.node_settings(common)]
    if listed:
        nodes = [
            settings.node_settings(_of_node(number, each, common, said, several=len(listed) > 1))
            for number, each in enumerate(listed)
        ]
        settings.check_distinct(nodes)
    return settings.Settings(
        nodes=tuple(nodes),
        kubeconfig=common["kubeconfig"],
        master_uri=common["master_uri"],
        startup_timeout=common["startup_timeout"],
        metrics=common["metrics_addr"],
        metrics_required="metrics_addr" in said or "metrics_addr" in general,
        traces=settings.trace_settings({**common, "trace_exporter": _exporters(common)}, nodes),
    )


def _said(ctx: click.Context) -> dict[str, Any]:
    """What the environment or, before it, the command line says; also the line's part before a command's name."""
    contexts = [each for each in (ctx.parent, ctx) if each is not None]
    return {
        name: each.params[name]
        for source in (ParameterSource.ENVIRONMENT, ParameterSource.COMMANDLINE)
        for each in contexts
        for name in each.params
        if each.get_parameter_source(name) is source
    }


def _of_node(
    number: int, node: Mapping[str, Any], common: Mapping[str, Any], said: Mapping[str, Any], *, several: bool
) -> dict[str, Any]:
    """One of the nodes that a file lists: what is said of it alone goes before what is said of all."""
    values = {**common, **node, **said}
    if several:
        if "nodename" in said:
            raise settings.WrongUsage(
                f"--nodename (DEFAULT_NODE_NAME): names one node, {said['config']} several; leave it out"
            )
        if "nodename" not in node:
            raise settings.WrongUsage(f"{said['config']}: nodes[{number}].nodename: missing")
        if ("port" in said or "port" not in node) and values["port"]:
            values["port"] += number
    return values


def _exporters(common: Mapping[str, Any]) -> list[str]:
    """The exporters that are meant."""
    meant = {"jaeger": ["otlp"], "ocagent": ["otlp"], "zpages": []}
    for name in common["trace_exporter"]:
        if name in options.OLD_EXPORTERS:
            log.warning("--trace-exporter %s: %s", name, options.OLD_EXPORTERS[name])
    return [each for name in common["trace_exporter"] for each in meant.get(name, [name])]


def _warn_of_obsolete(said: Mapping[str, Any]) -> None:
    for name, why in options.OBSOLETE.items():
        if name.replace("-", "_").replace(".", "_") in said:
            log.warning("--%s has no effect: %s", name, why)
    for name, why in options.OBSOLETE_VARIABLES.items():
        if os.environ.get(name):
            log.warning("%s has no effect: %s", name, why)


def _complain(line: str) -> None:
    click.echo(f"runner: {line}", err=True)
