"""Producing: concurrent senders share batches, order is kept, one's fault is not another's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from hub.errors import Unavailable
from hub.kafka import Kafka
from hub.kafka.producer import Producer
from hub.kafka.records import MAX_BATCH_BYTES
from hub.settings import KafkaSettings
from tests.broker import Addresses


class Batch:
    """Stands for aiokafka's batch builder: takes values until it is full."""

    def __init__(self, room_bytes: int = MAX_BATCH_BYTES) -> None:
        self.values: list[bytes] = []
        self._room_bytes = room_bytes

    def append(self, *, timestamp: None, key: bytes, value: bytes, headers: object) -> object:
        if sum(map(len, self.values)) + len(value) > self._room_bytes:
            return None
        self.values.append(value)
        return object()

    def close(self) -> None:
        """Nothing to seal."""


class Sending:
    """Stands for aiokafka's producer: one batch on its way until the test lets it arrive."""

    def __init__(self) -> None:
        self.sent: list[list[bytes]] = []
        self.arrivals: list[asyncio.Future[None]] = []
        self.stopped = False

    async def stop(self) -> None:
        self.stopped = True

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> Any:
        self.sent.append(batch.values)
        self.arrivals.append(asyncio.get_running_loop().create_future())
        return self.arrivals[-1]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def producer(sending: Sending) -> Producer:
    return Producer(sending, {"t": 1}, "")  # type: ignore[arg-type]  # stands in for it


async def test_what_comes_while_a_batch_is_on_its_way_goes_together_and_in_order() -> None:
    sending = Sending()
    ours = producer(sending)
    first, *rest = [[(b"k", b"%d" % number, [])] for number in range(50)]
    senders = [asyncio.create_task(ours.send_all("t", first))]
    await settle()
    senders += [asyncio.create_task(ours.send_all("t", records)) for records in rest]
    await settle()
    assert len(sending.sent) == 1
    sending.arrivals[0].set_result(None)
    await settle()
    assert [sender.done() for sender in senders] == [True] + [False] * 49
    sending.arrivals[1].set_result(None)
    await asyncio.gather(*senders)
    assert sending.sent == [[b"0"], [b"%d" % number for number in range(1, 50)]]


async def test_a_lost_batch_is_told_to_everybody_in_it_and_to_nobody_else() -> None:
    sending = Sending()
    ours = producer(sending)
    first = asyncio.create_task(ours.send_all("t", [(b"k", b"1", [])]))
    await settle()
    rest = [asyncio.create_task(ours.send_all("t", [(b"k", b"2", [])])) for _ in range(2)]
    await settle()
    sending.arrivals[0].set_result(None)
    await first
    await settle()
    sending.arrivals[1].set_exception(KafkaConnectionError())
    for each in rest:
        with pytest.raises(Unavailable, match="KafkaConnectionError"):
            await each
    again = asyncio.create_task(ours.send_all("t", [(b"k", b"3", [])]))
    await settle()
    sending.arrivals[2].set_result(None)
    await again


async def test_after_a_lost_batch_another_producer_goes_on_once_the_first_has_ended() -> None:
    old, new, made = Sending(), Sending(), list[bool]()

    async def make() -> Sending:
        made.append(old.stopped)
        if len(made) == 1:
            raise KafkaConnectionError  # Kafka is still away
        return new

    ours = Producer(old, {"t": 1}, "", make)  # type: ignore[arg-type]  # stands in for it

    async def send(value: bytes) -> asyncio.Task[None]:
        sender = asyncio.create_task(ours.send_all("t", [(b"k", value, [])]))
        await settle()
        return sender

    lost = await send(b"1")
    old.arrivals[0].set_exception(KafkaConnectionError())
    away = await send(b"1")
    for failed in (lost, away):
        with pytest.raises(Unavailable):
            await failed
    for number in range(2):
        sender = await send(b"2")
        new.arrivals[number].set_result(None)
        await sender
    assert made == [True, True]
    assert (old.sent, new.sent) == ([[b"1"]], [[b"2"], [b"2"]])


async def test_a_record_that_is_too_large_fails_alone() -> None:
    sending = Sending()
    ours = producer(sending)
    good = asyncio.create_task(ours.send_all("t", [(b"k", b"1", [])]))
    with pytest.raises(Unavailable) as refused:
        await ours.send_all("t", [(b"k", b"x" * MAX_BATCH_BYTES, [])])
    assert refused.value.code == "record_too_large"
    await settle()
    sending.arrivals[0].set_result(None)
    await good


async def test_a_sender_who_has_gone_does_not_stop_the_line() -> None:
    sending = Sending()
    ours = producer(sending)
    senders = [asyncio.create_task(ours.send_all("t", [(b"k", b"%d" % n, [])])) for n in range(3)]
    await settle()
    senders[0].cancel()
    await settle()
    sending.arrivals[0].set_result(None)
    await settle()
    for arrival in sending.arrivals[1:]:
        arrival.set_result(None)
    await asyncio.gather(*senders[1:])
    assert [value for batch in sending.sent for value in batch] == [b"0", b"1", b"2"]


async def test_many_senders_at_once_all_hear_that_kafka_has_it(
    addresses: Addresses, namespace: str
) -> None:
    settings = KafkaSettings(bootstrap_servers=addresses.kafka, prefix=namespace)
    async with Kafka(settings) as kafka:
        await kafka.create_topics({"t": 1})
        ours = await kafka.producer()

        async def send(name: str) -> None:
            for number in range(20):
                await ours.send_all("t", [(name.encode(), b"%d" % number, [])])

        await asyncio.gather(*(send(f"sender {number}") for number in range(60)))
        reader = await kafka.reader("t")
        assert await reader.ends([0]) == {0: 1200}
        await reader.close()
        await ours.close()


async def test_every_batch_of_a_lost_send_is_waited_for() -> None:
    sending = Sending()
    half = b"x" * (MAX_BATCH_BYTES // 2 + 1)
    lost = asyncio.create_task(producer(sending).send_all("t", [(b"k", half, [])] * 3))
    await settle()
    first, *rest = sending.arrivals
    first.set_exception(KafkaConnectionError())
    await settle()
    assert not lost.done()
    for arrival in rest:
        arrival.set_exception(KafkaConnectionError())
    with pytest.raises(Unavailable):
        await lost
    assert len(rest) == 2
