"""`hub crash`, `hub faults`, `hub soak`: reliability shown on this machine, with figures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from hub import local
from hub.crash import POINTS
from hub.demo.deployment import Deployment
from hub.errors import HubError
from hub.reliability.crashing import CrashMatrix
from hub.reliability.faulting import MACHINE, TROUBLES, FaultSuite
from hub.reliability.machine import Clock, Unproved, inherited, small_disk
from hub.reliability.soaking import Soak
from hub.reliability.stand import Plan, Stand, standing
from hub.reliability.stories import STORIES_COUNT, Stories
from hub.reliability.trial import Trials, Verdict, commit_of, told, total

FOLDER = Path(".hub/reliability")
TABLE_WIDTH = 110

Seed = Annotated[int | None, typer.Option(help="Of every random choice; left out: drawn.")]
Folder = Annotated[Path, typer.Option(help="Where servers, logs and evidence are kept.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Rate = Annotated[float, typer.Option(min=1, help="Messages a second.")]


def crash(
    points: Annotated[
        list[str] | None, typer.Argument(help="Points to crash at; left out: all.")
    ] = None,
    times: Annotated[int, typer.Option(min=1, help="Crashes at each point.")] = 20,
    stories: Annotated[
        int,
        typer.Option(
            min=0,
            max=STORIES_COUNT,
            help="Instead: so many dossiers through every counterpart, all roles being killed.",
        ),
    ] = 0,
    rate: Rate = 150,
    seed: Seed = None,
    folder: Folder = FOLDER,
    as_json: Json = False,
) -> None:
    """Kill the hub at every point of its way, under load, and count what is lost or disordered.

    Ends with 1 if anything is. Kafka and PostgreSQL are private ones in --folder.
    """
    if stories:
        _run_stories(stories, _Wish(folder, seed, rate, as_json))
        return
    unknown = set(points or ()) - set(POINTS)
    if unknown:
        raise typer.BadParameter(f"no point {unknown.pop()}; there are: {', '.join(POINTS)}")

    async def play(stand: Stand, trials: Trials) -> dict[str, Any]:
        matrix = CrashMatrix(trials, times, _tell)
        await matrix.run(points or POINTS)
        await trials.recorded()
        await matrix.stop()
        return {"times": times}

    _run("crash", play, _Wish(folder, seed, rate, as_json))


def faults(
    names: Annotated[
        list[str] | None, typer.Argument(help="Faults to play; left out: all.")
    ] = None,
    away: Annotated[float, typer.Option(min=0, help="How long a server stays away, s.")] = 60,
    rate: Rate = 150,
    seed: Seed = None,
    folder: Folder = FOLDER,
    as_json: Json = False,
) -> None:
    """Let servers, workers, the portal and the machine fail under load, one at a time.

    Ends with 1 if anything is lost, out of order, or repeated without an excuse. What this machine
    cannot arrange is listed as unproved.
    """
    known = [*TROUBLES, *MACHINE]
    unknown = set(names or ()) - set(known)
    if unknown:
        raise typer.BadParameter(f"no fault {unknown.pop()}; there are: {', '.join(known)}")
    wanted = names or known
    unproved: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        clock = None
        if "clock-jump" in wanted:
            try:
                clock = Clock(folder.resolve() / "clock")
                stack.enter_context(inherited(clock.environment))
            except Unproved as error:
                unproved["clock-jump"] = str(error)
        servers = folder
        if "full-disk" in wanted:
            try:
                stack.enter_context(small_disk(folder.resolve() / "small-disk"))
                servers = folder / "small-disk"
            except Unproved as error:
                unproved["full-disk"] = str(error)

        async def play(_: Stand, trials: Trials) -> dict[str, Any]:
            suite = FaultSuite(trials, servers, away_seconds=away, clock=clock, tell=_tell)
            async with suite.workers():
                for name in wanted:
                    if name not in unproved:
                        await suite.play(name)
                await trials.recorded()
            return {"unproved": unproved}

        _run("faults", play, _Wish(folder, seed, rate, as_json, servers))


def soak(
    minutes: Annotated[float, typer.Option(min=0.5, max=600, help="How long.")] = 30,
    rate: Rate = 200,
    seed: Seed = None,
    folder: Folder = FOLDER,
    as_json: Json = False,
) -> None:
    """Run for long with 5 % of the dossiers failing for ever, and watch memory and pace.

    Ends with 1 if something is lost or disordered, if memory grows or the pace falls.
    """

    async def play(_: Stand, trials: Trials) -> dict[str, Any]:
        await Soak(trials, _tell).run(minutes * 60)
        return {"minutes": minutes, "rate": rate}

    _run("soak", play, _Wish(folder, seed, rate, as_json))


class _Wish:
    """What every one of these commands is asked."""

    def __init__(
        self,
        folder: Path,
        seed: int | None,
        rate: float,
        as_json: bool,
        servers: Path | None = None,
    ) -> None:
        self.folder = folder
        self.servers = servers or folder
        self.seed = random.SystemRandom().randrange(10**6) if seed is None else seed
        self.rate = rate
        self.as_json = as_json


Play = Callable[[Stand, Trials], Awaitable[dict[str, Any]]]


def _run(name: str, play: Play, wish: _Wish) -> None:
    """Servers, a stand, the trials, and the report; ends with 1 if it is not clean."""

    async def all_of_it(plan: Plan) -> tuple[Sequence[Verdict], dict[str, Any]]:
        async with standing(plan) as stand:
            trials = Trials(stand, rate=wish.rate, seed=wish.seed)
            more = await play(stand, trials)
            return trials.verdicts, more

    def carry_out(found: local.LocalAddresses) -> tuple[Sequence[Verdict], dict[str, Any]]:
        return asyncio.run(
            all_of_it(Plan(wish.folder.resolve() / name, found.kafka, found.postgres))
        )

    _reported(name, carry_out, wish)


def _run_stories(count: int, wish: _Wish) -> None:
    """Stories under kills, and the report; ends with 1 if it is not clean."""

    async def all_of_it(found: local.LocalAddresses) -> Verdict:
        place = wish.folder.resolve() / "stories"
        place.mkdir(parents=True, exist_ok=True)
        deployment = Deployment.plan(place, found.kafka, found.postgres, faults=False)
        stories = Stories(deployment, wish.servers, seed=wish.seed, tell=_tell)
        return await stories.play(count)

    _reported("stories", lambda found: ([asyncio.run(all_of_it(found))], {}), wish)


CarryOut = Callable[[local.LocalAddresses], tuple[Sequence[Verdict], dict[str, Any]]]


def _reported(name: str, carry_out: CarryOut, wish: _Wish) -> None:
    """Give it servers of its own, and report what came of it."""
    _tell(f"seed {wish.seed}, commit {commit_of(Path.cwd()) or 'unknown'}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends in order, as by Ctrl-C
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that Kafka is away is no news here
    try:
        with _servers(wish.servers) as found:
            verdicts, more = carry_out(found)
    except local.LocalError as error:
        raise _failed(f"{error.what}\n{error.todo}") from error
    except HubError as error:
        raise _failed(str(error)) from error
    except KeyboardInterrupt:
        raise _failed("stopped") from None
    sums = total(verdicts)
    report = {
        "run": name,
        "seed": wish.seed,
        "commit": commit_of(Path.cwd()),
        **more,
        "total": sums,
        "trials": [verdict.to_json() for verdict in verdicts],
    }
    if wish.as_json:
        typer.echo(orjson.dumps(report).decode())
    else:
        _show(verdicts, sums, more)
    if not sums["clean"]:
        raise typer.Exit(1)


@contextlib.contextmanager
def _servers(folder: Path) -> Iterator[local.LocalAddresses]:
    """A private pair, made anew and stopped afterwards."""
    local.reset(folder)
    try:
        yield local.up(folder, progress=_tell)
    finally:
        local.down(folder)


def _tell(text: str) -> None:
    typer.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


def _failed(text: str) -> typer.Exit:
    typer.secho(text, err=True, fg=typer.colors.RED)
    return typer.Exit(1)


def _show(verdicts: Sequence[Verdict], sums: dict[str, Any], more: dict[str, Any]) -> None:
    table = Table("trial", "")
    for name in ("crashes", "messages", "lost", "disorder", "doubled", "repeated", "seconds"):
        table.add_column(name, justify="right")
    for verdict in verdicts:
        table.add_row(
            verdict.name,
            "clean" if verdict.clean else "[red]NOT CLEAN[/red]",
            *(
                f"{getattr(verdict, name):,}"
                for name in ("crashes", "messages", "lost", "disorder", "doubled", "repeated")
            ),
            f"{verdict.seconds:.0f}",
        )
    console = Console()
    console.width = max(console.width, TABLE_WIDTH)
    console.print(table)
    for verdict in verdicts:
        for text in (verdict.problem, *verdict.violations, *told(verdict.notes)):
            if text:
                console.print(f"{verdict.name}: {text}", highlight=False, soft_wrap=True)
    for name, value in more.items():
        console.print(f"{name}: {value}", highlight=False, soft_wrap=True)
    console.print(f"total: {sums}", highlight=False, soft_wrap=True)
