"""The commands: `hub --help`."""

from __future__ import annotations

import typer

from hub.commands import held, local, route, show
from hub.commands.bench import bench
from hub.commands.check import check
from hub.commands.check_log import check_log
from hub.commands.demo import demo
from hub.commands.migrate import migrate
from hub.commands.reliability import crash
from hub.commands.run import run
from hub.commands.sim import sim
from hub.commands.translate import decode, encode

app = typer.Typer(
    help="Hub liên thông: every dossier's events reach each system in order, whatever fails.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command()(run)
app.command()(check)
app.command()(decode)
app.command()(encode)
app.command()(sim)
app.command()(demo)
app.command()(bench)
app.command("check-log")(check_log)
app.command()(migrate)
app.command()(crash)
app.add_typer(show.app, name="show")
app.command()(show.rejections)
app.add_typer(held.app, name="held")
app.add_typer(route.app, name="route")
app.add_typer(local.app, name="local")


def main() -> None:
    """Entry point of the `hub` command."""
    app()


if __name__ == "__main__":
    main()
