"""The screen: plain lines now and then, bars on a terminal."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from hub.demo.screen import Bars, Counts, Lines, Part

START = Counts(calls=0, calls_total=100, delivered=0, messages_total=120)


def test_counts_come_every_five_seconds_and_at_the_end() -> None:
    now, lines = 1000.0, list[str]()
    screen = Lines(lines.append, clock=lambda: now)
    screen.show(START)
    now += 4
    screen.show(replace(START, calls=40))
    now += 1.5
    screen.show(replace(START, calls=60, delivered=30))
    screen.show(Counts(100, 100, 120, 120))
    screen.show(Counts(100, 100, 120, 120))
    screen.say("done")
    screen.close()
    assert [line.strip() for line in lines] == [
        "sent 0 of 100 calls, delivered 0 of 120 messages",
        "sent 60 of 100 calls, delivered 30 of 120 messages",
        "sent 100 of 100 calls, delivered 120 of 120 messages",
        "done",
    ]


def test_parts_are_told_and_belong_to_the_end() -> None:
    lines = list[str]()
    screen = Lines(lines.append, clock=lambda: 1000.0)
    done = Counts(1, 1, 1, 1, (Part("paid online", 0, 2),))
    screen.show(done)
    screen.show(replace(done, parts=(Part("paid online", 1, 2),)))  # too soon, and not the end
    screen.show(replace(done, parts=(Part("paid online", 2, 2),)))
    assert [line.rpartition(", ")[2] for line in lines] == [
        "paid online 0 of 2",
        "paid online 2 of 2",
    ]


def test_a_terminal_sees_bars_and_lines() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    screen = Bars(console)
    screen.say("hub [and] portal")
    screen.show(replace(START, calls=100, delivered=60, parts=(Part("paid online", 7, 9),)))
    screen.close()
    assert isinstance(console.file, io.StringIO)
    told = console.file.getvalue()
    assert "hub [and] portal" in told
    assert "100/100" in told
    assert "60/120" in told
    assert "paid online" in told
    assert "7/9" in told
