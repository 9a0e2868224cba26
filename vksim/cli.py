"""The ``vksim`` command: its subcommands and options. What they do is in ``vksim.commands`` and ``vksim.serve``.

Those are imported only when they are to run: ``--help`` is quick.
"""

import sys
from pathlib import Path
from typing import Any

import click

from vksim.cloud_commands import cloud

EPILOG = """
\b
Exit codes:
  0    all is well: objectives met, invariants held; a served cluster was ended
  1    an objective was missed, an invariant violated, or a server could not start
  2    wrong usage: an option, a file, or something in a scenario
  3    a simulation broke off: a fault of vksim
  130  interrupted
"""

FOLDER = click.Path(file_okay=False, path_type=Path)
NO_CONTROLLERS = "-*"
FILE = click.Path(dir_okay=False, path_type=Path)


def _parameters(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    for each in given:
        if "=" not in each:
            raise click.BadParameter(f"{each!r} sets nothing; write name=value")
    return dict(each.split("=", 1) for each in given)


def _seeds(_: click.Context, __: click.Parameter, given: str | None) -> range | None:
    if given is None:
        return None
    first, found, last = given.partition("-")
    if not (found and first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise click.BadParameter(f"{given!r} is no range; write the first and the last: 1-20")
    return range(int(first), int(last) + 1)


SET = click.option(
    "--set",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parameters,
    help="Instead of the value that the scenario gives the parameter; can be given several times.",
)


@click.group(
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="vksim", message="vksim %(version)s")
def vksim() -> None:
    """Play whole clusters in virtual time, around the production node agent.

    Example: vksim run quickstart
    """


@vksim.command(epilog=EPILOG)
@click.argument("scenario")
@click.option("--seed", type=click.IntRange(min=0), help="Instead of the scenario's own.")
@click.option("--seeds", metavar="A-B", callback=_seeds, help="Play it with each of these seeds; leaves seeds.json.")
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="With --seeds: so many at a time."
)
@click.option(
    "--out", type=FOLDER, default="report", show_default=True, help="Where report, result and event log are put."
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What to print: a summary, or the result as JSON.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@SET
@click.pass_context
def run(
    ctx: click.Context, /, scenario: str, seed: int | None, seeds: range | None, jobs: int, output: str, **how: Any
) -> None:
    """Play a SCENARIO: a file, or the name of one that comes with vksim.

    Leaves report.html, result.json, junit.xml and events.jsonl.gz. Progress goes to stderr, the summary to stdout.
    """
    from vksim import commands  # noqa: PLC0415  (see the module's docstring)

    if seed is not None and seeds is not None:
        raise click.UsageError("--seed and --seeds exclude each other")
    how["as_json"] = output == "json"
    if seeds is None:
        ctx.exit(commands.run(scenario, seed=seed, **how))
    ctx.exit(commands.swarm(scenario, seeds=seeds, jobs=jobs, **how))


@vksim.command()
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@SET
@click.pass_context
def validate(ctx: click.Context, scenarios: tuple[str, ...], parameters: dict[str, str]) -> None:
    """Check each SCENARIO without playing it."""
    from vksim import commands  # noqa: PLC0415

    ctx.exit(commands.validate(scenarios, parameters))


@vksim.command()
@click.argument("file", type=FILE)
def init(file: Path) -> None:
    """Write a commented scenario to FILE, to begin with: it can be played as it is."""
    from vksim import authoring  # noqa: PLC0415

    click.echo(authoring.init(file))


@vksim.command()
@click.argument("field", default="")
def explain(field: str) -> None:
    """Say what a FIELD of a scenario means, e.g. cluster.nodes.capacity or faults.runner-crash."""
    from vksim import authoring  # noqa: PLC0415

    click.echo(authoring.explained(field))


@vksim.command()
def schema() -> None:
    """Print the JSON schema of scenarios, for editors."""
    from vksim import authoring  # noqa: PLC0415

    click.echo(authoring.schema())


@vksim.command()
@click.option(
    "--nodes",
    type=click.IntRange(0, 1000),
    default=10,
    show_default=True,
    help="How many virtual nodes; 0 for a cluster that waits for a runner of yours.",
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="IP", help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the API server. Default: any free one.")
@click.option("--kubeconfig", type=FILE, help="Where to write the kubeconfig. Default: a new file in a new folder.")
@click.option("--allow-remote", is_flag=True, help="Allow a --host that other machines can reach.")
@click.option("--data-dir", type=FOLDER, help="Keep objects there; the next serve goes on with them.")
@click.option("--faults", type=FILE, help="Rules about what goes wrong with requests (docs/fake-api-server.md).")
@click.option(
    "--controllers",
    default="*",
    show_default=True,
    metavar="LIST",
    help="Parts of the control plane to run, as kube-controller-manager has it, e.g. '*,-scheduler'.",
)
@click.option(
    "--no-controllers",
    "controllers",
    flag_value=NO_CONTROLLERS,
    help="Run none of them: real ones do their work.",
)
@click.option("--authorization", is_flag=True, help="Let users do only what roles and bindings allow them.")
@click.option("--client-ca-file", type=FILE, help="Know users by client certificates of this authority (CN, O).")
@click.option("--audit-log", type=FILE, help="Append a line of JSON about each request to this file.")
@click.option(
    "--max-requests-inflight", type=click.IntRange(0), default=0, help="Refuse more at a time with 429. 0: no limit."
)
@click.pass_context
def serve(ctx: click.Context, /, **options: Any) -> None:
    """Keep a cluster up, in real time, for kubectl and any other client, until Ctrl-C."""
    from vksim import serve as server  # noqa: PLC0415

    settings = server.Settings(**options)  # its fields are named as the options
    code, line = server.main(settings)
    if line:
        complain(line)
    ctx.exit(code)


@vksim.group()
def snapshot() -> None:
    """Save and restore the objects of a cluster that is kept in a folder (vksim serve --data-dir)."""


@snapshot.command()
@click.argument("data_dir", type=FOLDER)
@click.argument("file", type=FILE)
def save(data_dir: Path, file: Path) -> None:
    """Write the objects in DATA_DIR to FILE, as lines of JSON; also while they are being served."""
    from vksim import snapshots  # noqa: PLC0415

    click.echo(snapshots.save(data_dir, file))


@snapshot.command()
@click.argument("file", type=FILE)
@click.argument("data_dir", type=FOLDER)
def restore(file: Path, data_dir: Path) -> None:
    """Put the objects of FILE in the place of those in DATA_DIR, which nobody may be serving."""
    from vksim import snapshots  # noqa: PLC0415

    click.echo(snapshots.restore(file, data_dir))


vksim.add_command(cloud)


def main() -> None:
    """Run the command: one line for an error, no usage screen around it."""
    try:
        code = vksim.main(prog_name="vksim", standalone_mode=False)
    except click.ClickException as error:
        complain(f"{error.format_message().rstrip('.')}; see 'vksim --help'")
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code or 0)


def complain(line: str) -> None:
    """One line to stderr."""
    click.echo(f"vksim: {line}", err=True)
