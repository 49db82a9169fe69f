"""`hub sim`: run one system's simulator alone, with scripted faults and a log of its calls."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from hub.connector import Connector, discover
from hub.errors import ConfigError
from hub.simulation import CallLog, load_script, serve


def sim(
    name: Annotated[str, typer.Argument(help="Connector whose system is simulated.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8090,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    faults: Annotated[Path | None, typer.Option(help="Fault script (YAML).")] = None,
    log: Annotated[Path | None, typer.Option(help="Append one JSON line per call to it.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Option of the simulator, NAME=VALUE (YAML).")
    ] = None,
) -> None:
    """Run a simulator: real HTTP, the documented behaviour, faults while it runs.

    Read and change the faults at /_control/faults, see what it holds at /_control/state.
    """
    with _calls(log) as calls:
        try:
            connector = _simulated(name)
            assert connector.simulator is not None  # noqa: S101 - _simulated has looked
            options = read_options(connector, settings or [])
            app = connector.simulator(load_script(faults), calls, **options)
        except ConfigError as error:
            raise _refusal(error) from error
        typer.echo(f"{connector.title_en}: http://{host}:{port}  control: /_control/state")
        serve(app, host=host, port=port)


def _refusal(error: ConfigError) -> typer.Exit:
    typer.secho(str(error), err=True, fg=typer.colors.RED)
    return typer.Exit(1)


def _calls(log: Path | None) -> CallLog:
    try:
        return CallLog(log)
    except OSError as error:
        raise _refusal(ConfigError(f"cannot write the log {log}")) from error


def _simulated(name: str) -> Connector:
    known = discover()
    connector = known.get(name)
    if connector is None or connector.simulator is None:
        raise ConfigError(f"no simulator {name}; there are: {', '.join(known)}")
    return connector


def read_options(connector: Connector, settings: Sequence[str]) -> dict[str, Any]:
    """The simulator's options from `NAME=VALUE` texts, values read as YAML.

    Raises:
        ConfigError: not of that form, or the simulator has no such option.
    """
    assert connector.simulator is not None  # noqa: S101 - the caller has looked
    parameters = inspect.signature(connector.simulator).parameters.values()
    known = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
    options: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in known:
            raise ConfigError(f"--set {name}: options are {', '.join(sorted(known)) or 'none'}")
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {name}: the value is not YAML") from error
    return options
