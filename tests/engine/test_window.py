"""Window: any order of taking, skipping, passing and settling, and a restart in the middle."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.lanes import METADATA_CHARACTERS, Window, decode_settled, encode_settled

take = st.tuples(st.just("take"), st.sampled_from([1, 1, 1, 2, 3]))  # how far the next one lies
settle = st.tuples(st.just("settle"), st.integers(0, 50))
step = st.one_of(
    *(take, take, take, settle, settle),
    st.tuples(st.just("skip"), st.integers(1, 3)),
    st.tuples(st.just("advance"), st.integers(0, 5)),
    st.tuples(st.just("restart"), st.just(0)),
)
steps = st.lists(step, min_size=10, max_size=120)


class Told:
    """What a window has been told, in the plainest form."""

    def __init__(self, start: int) -> None:
        self.next = self.watermark = start
        self.open: dict[int, int] = {}
        self.settled: set[int] = set()

    def lowest(self) -> int:
        return min(self.open, default=self.next)


@settings(max_examples=300)
@given(st.integers(0, 10_000), steps)
def test_the_watermark_is_the_lowest_open_offset_and_a_restart_repeats_nothing_settled(
    start: int, given: list[tuple[str, int]]
) -> None:
    window, told = Window(start), Told(start)
    committed = window.commit()
    for what, number in given:
        if what == "take":
            offset = told.next + number - 1
            fresh = window.take(offset, size=number)
            assert fresh == (offset not in told.settled)
            told.next = offset + 1
            if fresh:
                told.open[offset] = number
        elif what == "skip":
            told.next += number
            window.skip(told.next - 1)
        elif what == "advance" and not told.open:
            window.advance(told.next + number - 2)
            told.next = max(told.next, told.next + number - 2)
        elif what == "settle" and told.open:
            offset = sorted(told.open)[number % len(told.open)]
            window.settle(offset)
            window.settle_all([offset, offset])
            del told.open[offset]
            told.settled.add(offset)
            committed = window.commit()
        elif what == "restart":
            committed = window.commit()
            window = Window(committed[0], decode_settled(*committed))
            told.next = committed[0]
            told.open.clear()
        assert window.watermark == told.lowest()
        assert window.next_offset == told.next
        assert window.open_count == len(told.open)
        assert window.bytes == sum(told.open.values())
        assert window.span == told.next - told.lowest()


@given(st.integers(0, 10**12), st.sets(st.integers(0, 20_000)))
def test_settled_offsets_survive_the_commit_and_fit_into_it(
    watermark: int, above: set[int]
) -> None:
    settled = {watermark + index for index in above}
    text = encode_settled(watermark, settled | {watermark - 5})
    assert len(text) <= METADATA_CHARACTERS
    assert decode_settled(watermark, text) == settled


def test_a_window_stretched_by_aborted_transactions_can_still_be_committed() -> None:
    text = encode_settled(0, range(100_000))
    assert len(text) <= METADATA_CHARACTERS
    found = decode_settled(0, text)
    assert found == set(range(len(found)))
    assert len(found) > 20_000
