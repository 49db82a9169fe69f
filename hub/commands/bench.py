"""`hub bench`: how fast it is here and now, as JSON, against the bare loop in the same minute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from hub import local
from hub.bench import runs, workers
from hub.bench.ground import Ground, ground
from hub.bench.load import TOPICS
from hub.bench.measure import machine, peak_mb, resident_mb, summary
from hub.bench.roles import roles
from hub.bench.system import HttpSink, Sink, destination
from hub.garbage import look_seldom
from hub.log import configure_log
from hub.route import Terms

ANSWER_MS = 20.0
LATENCY_RATE = 500.0
FAILING_SHARE = 0.05
COUNTS = {
    "translate": 150_000,
    "bare": 150_000,
    "skip": 100_000,
    "encode": 40_000,
    "deliver": 20_000,
    "failing": 20_000,
    "park": 20_000,
    "drain": 20_000,
    "latency": 5_000,
    "others_latency": 5_000,
    "takeover": 1_000,
    "scaling": 3_000,
    "roles": 1,
}
Run = Callable[[Ground, int], Coroutine[Any, Any, dict[str, float]]]


async def _encode(place: Ground, count: int) -> dict[str, float]:
    await runs.fill_events(place, count)
    return await runs.deliver(place, count, Sink(), terms=Terms())


async def _deliver(place: Ground, count: int, failing: float = 0.0) -> dict[str, float]:
    await runs.fill_events(place, count)
    bad = runs.failing_subjects(count, failing)
    expected = count - len(bad) * runs.SUBJECT_SHARE
    with destination(ANSWER_MS) as url:
        return await runs.deliver(
            place, count, HttpSink(url, bad), terms=Terms(patience_seconds=2), expected=expected
        )


async def _failing(place: Ground, count: int) -> dict[str, float]:
    """Clean and with 5 % of subjects failing for ever, one after the other, and their ratio."""
    clean = await _deliver(place, count)
    troubled = await _deliver(place, count, FAILING_SHARE)
    return {
        "clean_per_second": clean["per_second"],
        "failing_per_second": troubled["per_second"],
        "others_keep": troubled["per_second"] / clean["per_second"],
        "disorder": clean["disorder"] + troubled["disorder"],
    }


async def _park(place: Ground, count: int) -> dict[str, float]:
    """Parked and drained in process."""
    await runs.fill_events(place, count, runs.PARKED_SHARE)
    return await runs.park(place, count, Sink(_all_failing(count)))


async def _drain(place: Ground, count: int) -> dict[str, float]:
    """Over HTTP: clean delivery, then the same again parked, healed and drained; the ratio."""
    await runs.fill_events(place, count, runs.PARKED_SHARE)
    with destination(ANSWER_MS) as url:
        clean = await runs.deliver(place, count, HttpSink(url), terms=Terms())
        found = await runs.park(place, count, HttpSink(url, _all_failing(count)))
    return found | {
        "clean_per_second": clean["per_second"],
        "drain_to_clean": found["drain_per_second"] / clean["per_second"],
        "disorder": clean["disorder"] + found["disorder"],
    }


def _all_failing(count: int) -> frozenset[str]:
    return runs.failing_subjects(count, 1.0, runs.PARKED_SHARE)


async def _latency(place: Ground, count: int) -> dict[str, float]:
    return await runs.latency(place, count, LATENCY_RATE)


async def _others_latency(place: Ground, count: int) -> dict[str, float]:
    """The latency of the others while 5 % of the subjects fail for ever."""
    return await runs.latency(place, count, LATENCY_RATE, FAILING_SHARE)


RUNS: dict[str, Run] = {
    "translate": runs.translate,
    "bare": runs.bare,
    "skip": runs.skip,
    "encode": _encode,
    "deliver": _deliver,
    "failing": _failing,
    "park": _park,
    "drain": _drain,
    "latency": _latency,
    "others_latency": _others_latency,
    "takeover": workers.takeover,
    "scaling": workers.scaling,
    "roles": roles,
}


def bench(
    name: Annotated[
        list[str] | None, typer.Argument(help=f"Of: {', '.join(COUNTS)}; left out: all.")
    ] = None,
    count: Annotated[int | None, typer.Option(help="Messages per run.")] = None,
    repeats: Annotated[int, typer.Option(help="Measured runs, after one to warm up.")] = 3,
    against: Annotated[
        str | None, typer.Option(help="`bare`: run the bare loop too, and give the ratio.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON only.")] = False,
    folder: Annotated[Path, typer.Option(help="Local Kafka and PostgreSQL.")] = Path(".hub"),
) -> None:
    """Measure on the real Kafka and PostgreSQL (HUB_KAFKA and HUB_POSTGRES, else local ones)."""
    for each in name or ():
        if each not in RUNS:
            raise typer.BadParameter(f"no benchmark {each}; there are: {', '.join(RUNS)}")
    kafka, postgres = _addresses(folder, quiet=as_json)
    found: dict[str, Any] = {
        "machine": machine(),
        "measured_at": time.strftime("%FT%TZ", time.gmtime()),
    }
    for each in name or RUNS:
        found[each] = _in_a_process(each, count or COUNTS[each], repeats, kafka, postgres)
        if against == "bare" and each == "translate":
            found["bare"] = _in_a_process("bare", count or COUNTS["bare"], repeats, kafka, postgres)
            found["translate_to_bare"] = round(
                found["translate"]["per_second"]["median"] / found["bare"]["per_second"]["median"],
                3,
            )
        if not as_json:
            typer.echo(f"{each}: {json.dumps(found[each])}", err=True)
    found["machine_after"] = machine()
    typer.echo(json.dumps(found, indent=2))


def _addresses(folder: Path, *, quiet: bool) -> tuple[str, str]:
    kafka, postgres = os.environ.get("HUB_KAFKA"), os.environ.get("HUB_POSTGRES")
    if kafka and postgres:
        return kafka, postgres
    progress = (lambda _: None) if quiet else (lambda text: typer.echo(text, err=True))
    pair = local.up(folder, progress=progress)
    return pair.kafka, pair.postgres


def _in_a_process(name: str, count: int, repeats: int, kafka: str, postgres: str) -> dict[str, Any]:
    """Each benchmark in a process of its own, so that memory figures are its own."""
    command = [sys.executable, "-m", "hub.commands.bench", name, str(count), str(repeats)]
    environment = os.environ | {"HUB_KAFKA": kafka, "HUB_POSTGRES": postgres}
    done = subprocess.run(  # noqa: S603 - our own module
        command, env=environment, stdout=subprocess.PIPE, check=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def _measure(name: str, count: int, repeats: int) -> dict[str, Any]:
    figures = []
    for number in range(repeats + 1):
        async with ground(os.environ["HUB_KAFKA"], os.environ["HUB_POSTGRES"], TOPICS) as place:
            size = count if number else max(2_000, count // 10)
            found = await RUNS[name](place, size)
            if number:
                figures.append(found | {"resident_mb": resident_mb()})
    return {"count": count, "repeats": repeats, "peak_mb": peak_mb()} | summary(figures)


if __name__ == "__main__":
    configure_log("json", "error")
    look_seldom()
    result = uvloop.run(_measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    sys.stdout.write(json.dumps(result))
