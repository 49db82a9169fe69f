"""`hub demo`: eight months of a ward through the hub, and the figures read back from it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hub import local
from hub.commands import show
from hub.demo import scenario
from hub.demo.deployment import Deployment
from hub.demo.pages import addresses_page, report_page, story_page
from hub.demo.place import PHUC_LOI, PLACES
from hub.demo.practice import write_practice
from hub.demo.processes import DemoFailed
from hub.demo.report import Report
from hub.demo.run import Run, staged
from hub.demo.screen import Bars, Lines, Screen
from hub.demo.story import Told
from hub.errors import HubError

FOLDER = Path(".hub")


@dataclass(frozen=True, slots=True)
class _Wish:
    """The options of the command."""

    dossiers: int | None
    speed: float
    keep: bool
    as_json: bool
    using: scenario.Shares


def demo(
    place: Annotated[
        str, typer.Option(help=f"Whose dossiers: {', '.join(PLACES)}.")
    ] = PHUC_LOI.name,
    dossiers: Annotated[
        int | None, typer.Option(min=1, help="How many dossiers; left out: the place's own.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, help="Calls a second of the one-stop product; 0: no limit.")
    ] = 0,
    faults: Annotated[
        bool, typer.Option("--faults", help="Let every counterpart misbehave in its own way.")
    ] = False,
    online_payment_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Of dossiers filed online with a fee: paid online."),
    ] = scenario.PAYMENT_SHARE,
    post_share: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Of dossiers filed online: returned by post; left out: the place's own.",
        ),
    ] = None,
    document_count: Annotated[
        int | None, typer.Option(min=0, help="Documents of a city's day; left out: its own.")
    ] = None,
    petition_count: Annotated[
        int | None, typer.Option(min=0, help="Petitions of a city's day; left out: its own.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave all running until Ctrl-C, and say where.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON on stdout.")] = False,
) -> None:
    """Play Phúc Lợi ward, eight months of 2023, through a real hub, and count what arrived.

    Other places: 188 units of a province at once (hung-yen), a city's day with its signed
    documents, payments and petitions (thanh-hoa).

    Ends with 1 if a figure of the hub, of a counterpart or of the place differs. Everything lies in
    .hub/; HUB_KAFKA and HUB_POSTGRES name servers to use instead of local ones.
    """
    if place not in PLACES:
        raise typer.BadParameter(f"no place {place}; there are: {', '.join(PLACES)}")
    using = scenario.Shares(online_payment_share, post_share)
    wish = _Wish(dossiers, speed, keep, as_json, using)
    played = PLACES[place].busy(document_count, petition_count)
    screen = _screen()
    for number in (signal.SIGINT, signal.SIGTERM):  # ends in order, also where a shell ignores one
        signal.signal(number, signal.default_int_handler)
    try:
        with _alone(FOLDER / "demo"), _servers(screen) as (kafka, postgres):
            deployment = Deployment.plan(
                FOLDER / "demo", kafka, postgres, faults=faults, place=played
            )
            asyncio.run(_play(deployment, screen, wish))
    except local.LocalError as error:
        raise _failed(screen, f"{error.what}\n{error.todo}") from error
    except (DemoFailed, HubError) as error:
        raise _failed(screen, str(error)) from error
    except KeyboardInterrupt:
        raise _failed(screen, "stopped", code=130) from None
    finally:
        screen.close()


async def _play(deployment: Deployment, screen: Screen, wish: _Wish) -> None:
    ward = scenario.invent(wish.dossiers, place=deployment.place, using=wish.using)
    async with staged(deployment, screen) as processes:
        screen.say(f"playing {len(ward.dossiers):,} dossiers: {len(ward.calls):,} calls")
        run = Run(deployment, ward, screen, processes)
        report = await run.report(wish.speed or None)
        told = await run.story() if deployment.place.story else None
        screen.close()
        await _tell(report, told, run.example(), deployment, wish)
    if report.disagreements or (told is not None and [*told.disagreements()]):
        raise DemoFailed("The figures do not agree.")


async def _tell(
    report: Report, told: Told | None, code: str, deployment: Deployment, wish: _Wish
) -> None:
    """Print the report; with --keep, say where everything is and wait for Ctrl-C."""
    code = told.code if told is not None else code
    if wish.as_json:
        story = {"story": told.to_json()} if told is not None else {}
        typer.echo(json.dumps(report.to_json() | story | {"example": code}, ensure_ascii=False))
    else:
        typer.echo(report_page(report, deployment.place))
        if told is not None:
            typer.echo(story_page(told))
        typer.echo(f"\nOne of them, as `hub show dossier {code}` shows it:\n")
        await asyncio.to_thread(show.dossier, code, config=deployment.config)
    for disagreement in (*report.disagreements, *(told.disagreements() if told else ())):
        typer.secho(f"DISAGREES: {disagreement}", err=True, fg=typer.colors.RED)
    if wish.keep:
        practice = write_practice(deployment) if deployment.ports else ""
        typer.echo(addresses_page(deployment, code, practice))
        with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C: the end that was waited for
            await asyncio.Event().wait()


def _screen() -> Screen:
    console = Console(stderr=True)
    return Bars(console) if console.is_terminal else Lines(lambda text: typer.echo(text, err=True))


def _failed(screen: Screen, text: str, *, code: int = 1) -> typer.Exit:
    screen.close()
    typer.secho(text, err=True, fg=typer.colors.RED if code == 1 else None)
    return typer.Exit(code)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The demo's folder, for one demo at a time.

    Raises:
        DemoFailed: another one runs here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = f"Another demo runs in {folder}: end it with Ctrl-C first."
            raise DemoFailed(text) from None
        yield


@contextlib.contextmanager
def _servers(screen: Screen) -> Iterator[tuple[str, str]]:
    """Kafka's address and PostgreSQL's: given ones, else the local pair.

    A pair that did not run before is stopped at the end.

    Raises:
        DemoFailed: only one of the two is given.
        LocalError: the local pair does not come up.
    """
    # Taken out: they would override the hub.yaml that the run writes, with its own database.
    kafka, postgres = os.environ.pop("HUB_KAFKA", None), os.environ.pop("HUB_POSTGRES", None)
    if kafka and postgres:
        yield kafka, postgres
        return
    if kafka or postgres:
        raise DemoFailed("HUB_KAFKA and HUB_POSTGRES go together: give both, or none.")
    ran = any(server.pid for server in local.status(FOLDER))
    found = local.up(FOLDER, progress=screen.say)
    try:
        yield found.kafka, found.postgres
    finally:
        if not ran:
            local.down(FOLDER, progress=screen.say)
