"""Window and breaker: pure data, every order of things."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.breaker import Breaker, BreakerState
from hub.lanes import Window, decode_settled, encode_settled

METADATA_LIMIT = 4096  # the broker's offset.metadata.max.bytes


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=60), st.randoms())
def test_the_watermark_is_the_lowest_unsettled_offset(
    steps: list[tuple[int, bool]], chance: object
) -> None:
    window, offset, unsettled = Window(100), 100, set[int]()
    for gap, wanted in steps:
        offset += gap
        if wanted:
            assert window.take(offset, 10)
            unsettled.add(offset)
        else:
            window.skip(offset)
        # Hypothesis gives no type of its randoms
        for settled in [o for o in unsettled if chance.random() < 0.5]:  # type: ignore[attr-defined]
            window.settle(settled)
            window.settle(settled)  # twice is harmless
            unsettled.discard(settled)
        assert window.watermark == (min(unsettled) if unsettled else window.next_offset)
        assert window.open_count == len(unsettled)
        assert window.bytes == 10 * len(unsettled)


@given(st.sets(st.integers(0, 300), min_size=1), st.data())
def test_a_restart_drops_exactly_what_was_settled(offsets: set[int], data: st.DataObject) -> None:
    window = Window(0)
    for offset in sorted(offsets):
        window.take(offset, 1)
    settled = data.draw(st.sets(st.sampled_from(sorted(offsets))))
    for offset in settled:
        window.settle(offset)
    watermark, metadata = window.commit()
    again = Window(watermark, decode_settled(watermark, metadata))
    taken = {offset for offset in sorted(offsets) if offset >= watermark and again.take(offset, 1)}
    assert taken == offsets - settled


def test_the_widest_window_fits_into_the_metadata_of_a_commit() -> None:
    every_second = range(1, 20_000, 2)
    text = encode_settled(0, every_second)
    assert len(text) <= METADATA_LIMIT
    assert decode_settled(0, text) == set(every_second)


def test_foreign_metadata_means_that_nothing_is_known() -> None:
    for text in ("", "note of an operator", "1:not base64!", "2:AAAA"):
        assert decode_settled(5, text) == set()


def test_the_breaker_opens_when_different_subjects_fail_in_a_row() -> None:
    breaker = Breaker(3, 5)
    for _ in range(10):
        breaker.failed("one", "unavailable", 0)
    breaker.failed("two", "unavailable", 0)
    assert breaker.limit(64) == 64
    breaker.succeeded()
    for subject in ("one", "two"):
        breaker.failed(subject, "unavailable", 0)
    assert breaker.state is BreakerState.CLOSED
    breaker.failed("three", "unavailable", 0)
    assert breaker.state is BreakerState.OPEN
    assert (breaker.limit(64), breaker.reason, breaker.probe_at) == (0, "unavailable", 5)


def test_after_a_good_probe_calls_ramp_up_until_it_closes() -> None:
    breaker = Breaker(8, 5)
    breaker.open("account_refused", 0, wait_seconds=30)
    assert breaker.probe_at == 30
    breaker.probed(ok=True, now=30)
    limits = []
    while breaker.state is BreakerState.HALF_OPEN:
        limits.append(breaker.limit(64))
        breaker.succeeded()
    assert limits == [1, 2, 4, 8]
    assert breaker.limit(64) == 64


def test_a_bad_probe_doubles_the_wait_up_to_a_minute() -> None:
    breaker, now, waits = Breaker(1, 5), 0.0, []
    breaker.open("unavailable", now)
    for _ in range(6):
        waits.append(breaker.probe_at - now)
        now = breaker.probe_at
        breaker.probed(ok=False, now=now)
    assert waits == [5, 10, 20, 40, 60, 60]
