"""``vksim cloud``: fake clouds for their own tools, for SDKs and for the runner. One subcommand for each cloud.

A cloud is served by a module of its own, ``vksim.clouds.serve_NAME``, imported only when it is to run. To add one,
write that module and a subcommand here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def cloud() -> None:
    """Serve a fake cloud, in real time, until Ctrl-C.

    It prints the lines that point the runner and the cloud's own tools at it.
    """


def served(command: Callable[..., None]) -> Callable[..., None]:
    """The options that each cloud has."""
    for option in reversed(
        (
            click.option("--host", default="127.0.0.1", show_default=True, metavar="IP", help="Where to listen."),
            click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any free one."),
            click.option("--allow-remote", is_flag=True, help="Allow a --host that other machines can reach."),
            click.option(
                "--settings", type=FILE, help="Latencies, quotas, rates and faults, as YAML (docs/clouds.md)."
            ),
            click.option(
                "--seed", type=int, default=1, show_default=True, help="Of everything that is left to chance."
            ),
        )
    ):
        command = option(command)
    return command


@cloud.command()
@served
@click.option("--region", default="westeurope", show_default=True, help="The only one there is.")
@click.option("--resource-group", default="vksim", show_default=True, help="One that is there from the beginning.")
@click.pass_context
def aci(ctx: click.Context, /, **options: Any) -> None:
    """Azure Container Instances, with Resource Manager and Entra in front of it, over HTTPS.

    Example: vksim cloud aci, and then: runner --provider aci --provider-config "$ACI_CONFIG"
    """
    from vksim.clouds import serve_aci  # noqa: PLC0415  (see the module's docstring)

    _end(ctx, *serve_aci.main(serve_aci.Options(**options)))  # its fields are named as the options


@cloud.command()
@served
@click.option("--region", default="cn-hangzhou", show_default=True, help="The only one there is.")
@click.pass_context
def eci(ctx: click.Context, /, **options: Any) -> None:
    """Alibaba Cloud Elastic Container Instance, over HTTP.

    Example: vksim cloud eci, and then: runner --provider eci --provider-config "$ECI_CONFIG"
    """
    from vksim.clouds import serve_eci  # noqa: PLC0415  (see the module's docstring)

    _end(ctx, *serve_eci.main(serve_eci.Options(**options)))  # its fields are named as the options


@cloud.command()
@served
@click.option("--region", default="eu-west-1", show_default=True, help="The only one there is.")
@click.pass_context
def fargate(ctx: click.Context, /, **options: Any) -> None:
    """AWS Fargate: ECS tasks, and what of CloudWatch Logs and the secret stores goes with them, over HTTP.

    Example: vksim cloud fargate, and then: runner --provider fargate --provider-config "$FARGATE_CONFIG"
    """
    from vksim.clouds import serve_fargate  # noqa: PLC0415  (see the module's docstring)

    _end(ctx, *serve_fargate.main(serve_fargate.Options(**options)))  # its fields are named as the options


def _end(ctx: click.Context, code: int, line: str) -> None:
    if line:
        click.echo(f"vksim: {line}", err=True)
    ctx.exit(code)
