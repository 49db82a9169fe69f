"""`hub check-log`: what was sent against what the systems were asked, after the fact."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.check_log import Checker, Crashes, Held, Report, Rules, Sent, read_effects
from hub.errors import ConfigError
from hub.kafka import partition_of


def check_log(
    sent: Annotated[Path, typer.Option(help="What producers sent (JSON lines).")],
    effects: Annotated[list[Path], typer.Option(help="Log of a simulator; repeat it for more.")],
    dead: Annotated[Path | None, typer.Option(help="Dead and parked messages.")] = None,
    crashes: Annotated[Path | None, typer.Option(help="One line per kill -9.")] = None,
    window: Annotated[int, typer.Option(help="Most repeated per partition and kill.")] = 2000,
    partitions: Annotated[int, typer.Option(help="Partitions of `events`.")] = 1,
    dangerous: Annotated[
        list[str] | None, typer.Option(help="Operation whose effect must happen once.")
    ] = None,
    system: Annotated[
        list[str] | None, typer.Option(help="System that must have been reached.")
    ] = None,
    lost_answers: Annotated[
        bool, typer.Option("--lost-answers", help="Answers were lost on purpose in this run.")
    ] = False,
    seed: Annotated[str, typer.Option(help="Seed of the run, printed.")] = "",
    commit: Annotated[str, typer.Option(help="Commit that ran, printed.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what was lost, out of order, overtaken or done twice. Ends with 1 if anything was.

    Ends with 2 when a file cannot be read.
    """
    spread = partitions > 1
    rules = Rules(
        window_count=window,
        dangerous=frozenset(dangerous or ()),
        lost_answers=lost_answers,
        partition=lambda subject: partition_of(subject.encode(), partitions) if spread else 0,
        systems=tuple(system or ()),
    )
    try:
        checker = Checker(
            Sent.read(sent),
            Held.read(dead) if dead else Held(),
            Crashes.read(crashes) if crashes else Crashes(),
            rules,
        )
        report = checker.check(read_effects(effects))
    except ConfigError as error:
        typer.secho(str(error), err=True, fg=typer.colors.RED)
        raise typer.Exit(2) from error
    run = {name: text for name, text in (("seed", seed), ("commit", commit)) if text}
    if as_json:
        typer.echo(orjson.dumps(run | report.to_json()).decode())
    else:
        _print(run, report)
    if not report.clean:
        raise typer.Exit(1)


def _print(run: dict[str, str], report: Report) -> None:
    counts = report.counts
    for name, text in run.items():
        typer.echo(f"{name:<10} {text}")
    for name in ("sent", "subjects", "held", "crashes"):
        typer.echo(f"{name:<10} {counts[name]:,}")
    for system, totals in counts["systems"].items():
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in totals.items())
        typer.echo(f"{system:<10} {told}")
    for violation in report.violations:
        typer.secho(str(violation), fg=typer.colors.RED)
    if report.clean:
        typer.echo("clean: nothing lost, nothing out of order")
    else:
        told = ", ".join(f"{count:,} {fault}" for fault, count in report.faults.items())
        typer.secho(f"not clean: {told}", fg=typer.colors.RED)
