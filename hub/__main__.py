"""The commands: `hub --help`.

Only the asked command's module is imported: `hub run` starts twice as fast without the others.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping

import typer

COMMANDS: Mapping[str, str] = {
    "run": "hub.commands.run:run",
    "check": "hub.commands.check:check",
    "graph": "hub.commands.graph:graph",
    "topics": "hub.commands.contract:topics",
    "schemas": "hub.commands.contract:schemas",
    "migrate": "hub.commands.migrate:migrate",
    "demo": "hub.commands.demo:demo",
    "decode": "hub.commands.translate:decode",
    "encode": "hub.commands.translate:encode",
    "show": "hub.commands.show:app",
    "rejections": "hub.commands.show:rejections",
    "report": "hub.commands.report:report",
    "held": "hub.commands.held:app",
    "route": "hub.commands.route:app",
    "top": "hub.commands.top:top",
    "connector": "hub.commands.probe:app",
    "sim": "hub.commands.sim:sim",
    "local": "hub.commands.local:app",
    "bench": "hub.commands.bench:bench",
    "check-log": "hub.commands.check_log:check_log",
    "crash": "hub.commands.reliability:crash",
    "faults": "hub.commands.reliability:faults",
    "soak": "hub.commands.reliability:soak",
}
"""Name -> module and what it binds: a function, or a Typer app with commands of its own."""


def commands(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The application with these commands."""
    app = typer.Typer(
        help="Hub liên thông: every dossier's events reach each system in order, whatever fails.",
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
    )
    app.callback()(_no_single_command)
    for name in names:
        module, _, bound = COMMANDS[name].partition(":")
        found = getattr(importlib.import_module(module), bound)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _no_single_command() -> None:
    """Hub liên thông: every dossier's events reach each system in order, whatever fails."""


def main() -> None:
    """Entry point of the `hub` command."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    commands([asked] if asked in COMMANDS else COMMANDS)()


if __name__ == "__main__":
    main()
