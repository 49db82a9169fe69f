"""The load numbers every message, keeps each dossier's order, and repeats until acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence

import orjson
import pytest

from hub.connector import discover
from hub.errors import Unavailable
from hub.event import Event
from hub.kafka import Outgoing
from hub.reliability.load import Numbered, Passing, Sender, Staying, code_of, message_of


def numbers(batches: Sequence[Sequence[Numbered]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for batch in batches:
        for code, seq in batch:
            found[code].append(seq)
    return found


def test_passing_dossiers_get_every_number_once_and_in_order() -> None:
    source = Passing(7, 20, 5, random.Random(1))  # noqa: S311 - a test's dice
    batches = [source.batch(13) for _ in range(200)]
    assert all(len({code for code, _ in batch}) == len(batch) for batch in batches)
    found = numbers(batches)
    assert all(seqs == list(range(len(seqs))) for seqs in found.values())
    assert sum(len(seqs) == 5 for seqs in found.values()) >= len(found) - 20


def test_staying_dossiers_take_turns() -> None:
    source = Staying(7, 3)
    found = numbers([source.batch(2) for _ in range(6)])
    assert found == {code_of(7, number): [0, 1, 2, 3] for number in range(3)}


@pytest.mark.parametrize("seq", [0, 1, 41])
def test_a_message_is_read_by_the_product_s_connector_and_its_number_by_the_portal(
    seq: int,
) -> None:
    connectors = discover()
    code = code_of(3, 12)
    message = message_of(code, seq)
    decode, encode = connectors["one_stop"].decode, connectors["national_portal"].encode
    assert decode is not None
    assert encode is not None
    (event,) = decode(message, connectors["one_stop"].settings.model_construct())
    assert isinstance(event, Event)
    assert event.subject == code
    settings = connectors["national_portal"].settings.model_construct()
    body = orjson.loads(encode(event.identify(None), settings).body)
    text = body.get("NoiDungXuLy") or body.get("TrichYeuHoSo")
    assert text.endswith(f"#{seq}")


class Kafka:
    """Takes every batch, but fails as often as told."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.taken: list[bytes] = []

    async def send_all(self, topic: str, records: Sequence[Outgoing]) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("away", code="kafka_away")
        self.taken += [value for _, value, _ in records if value is not None]


async def test_what_kafka_did_not_acknowledge_is_sent_again_and_written_down_once() -> None:
    kafka, stop = Kafka(failures=1), asyncio.Event()
    sent: list[Numbered] = []
    sender = Sender(kafka, Staying(1, 50), 1000.0, sent.extend)
    running = asyncio.create_task(sender.run(stop))
    while not sent:
        await asyncio.sleep(0.01)
    stop.set()
    await running
    assert sender.repeated == 1
    assert len(kafka.taken) == len(sent) == sender.count
    assert [seq for code, seq in sent if code == code_of(1, 0)][:1] == [0]
