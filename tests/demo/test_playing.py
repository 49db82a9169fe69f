"""Playing calls: order per dossier, dossiers side by side, pace, the end at the first error."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from datetime import datetime, timedelta

import pytest

from hub.demo import scenario
from hub.demo.playing import Pace, play
from hub.demo.wire import Call
from hub.worktime import VIETNAM

START = datetime(2023, 1, 3, 8, tzinfo=VIETNAM)


def call(minute: int, code: str) -> Call:
    return Call(START + timedelta(minutes=minute), code, "DongBoHoSoMC", ({"MaHoSo": code},))


async def test_every_call_is_made_and_each_dossier_keeps_its_order() -> None:
    calls = scenario.invent(60).calls
    dice = random.Random(1)  # noqa: S311 - a test's dice
    made: list[Call] = []
    on_the_way: set[str] = set()

    async def send(one: Call) -> None:
        assert one.code not in on_the_way
        on_the_way.add(one.code)
        for _ in range(dice.randrange(5)):
            await asyncio.sleep(0)
        on_the_way.remove(one.code)
        made.append(one)

    await play(calls, send, side_by_side=7)
    assert len(made) == len(calls)
    expected, found = defaultdict(list), defaultdict(list)
    for one in calls:
        expected[one.code].append(one)
    for one in made:
        found[one.code].append(one)
    assert found == expected


async def test_a_single_clerk_keeps_the_time_order_of_all_calls() -> None:
    calls = scenario.invent(40).calls
    made: list[Call] = []

    async def send(one: Call) -> None:
        made.append(one)

    await play(calls, send, side_by_side=1)
    assert [one.at for one in made] == [one.at for one in calls]


async def test_a_slow_dossier_does_not_hold_up_the_others() -> None:
    answered = asyncio.Event()
    made: list[str] = []

    async def send(one: Call) -> None:
        if one.code == "slow":
            await answered.wait()
        made.append(one.code)
        if len(made) == 3:
            answered.set()

    await play(
        [call(0, "slow"), call(1, "a"), call(2, "b"), call(3, "c"), call(4, "slow")],
        send,
        side_by_side=2,
    )
    assert made == ["a", "b", "c", "slow", "slow"]


async def test_the_first_error_ends_it_and_is_raised_itself() -> None:
    made = 0

    async def send(_: Call) -> None:
        nonlocal made
        made += 1
        if made == 3:
            raise RuntimeError("no")
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="no"):
        await play([call(n, f"{n}") for n in range(50)], send, side_by_side=2)
    assert made < 10


async def test_calls_keep_their_distance() -> None:
    now, waits = 100.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        waits.append(round(seconds, 6))
        now += seconds

    pace = Pace(4, clock=lambda: now, sleep=sleep)
    await pace.turn()
    await pace.turn()
    now += 10  # somebody was slow: no burst afterwards
    await pace.turn()
    await pace.turn()
    assert waits == [0.25, 0.25]


async def test_no_pace_never_waits() -> None:
    async def sleep(_: float) -> None:
        raise AssertionError

    pace = Pace(None, sleep=sleep)
    for _ in range(3):
        await pace.turn()
