"""Load: dossiers whose every message carries its number, and the sender that keeps them coming.

Number 0 is the whole dossier, the others are its processing steps. The number stands at the end
of a text behind `#`, so that the portal's simulator can log it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from hub.errors import Unavailable
from hub.kafka import Outgoing
from hub.message import Message

UNIT = "H26.19.12"
TOPIC = "in.one_stop"
TICK_SECONDS = 0.05
DOSSIER = {
    "MaTTHC": "1.009999",
    "TenTTHC": "Thủ tục thử nghiệm",
    "MaLinhVuc": "LV01",
    "TenLinhVuc": "Hộ tịch",
    "KenhThucHien": "2",
    "ChuHoSo": "Nguyễn Văn Mẫu",
    "LoaiDoiTuong": "1",
    "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "001099999999"}],
    "NgayNopHoSo": "20230105081500",
    "NgayTiepNhan": "20230105093000",
    "TrangThaiHoSo": "2",
    "HinhThuc": "0",
    "DonViXuLy": "UBND phường Mẫu",
    "NoiNopHoSo": "2",
    "HoSoCoThanhPhanSoHoa": "1",
    "TaiKhoanDuocXacThucVoiVNeID": "1",
    "DuocThanhToanTrucTuyen": "0",
}
STEP = {
    "NguoiXuLy": "Trần Thị Mẫu",
    "ChucDanh": "Chuyên viên",
    "ThoiDiemXuLy": "20230105100000",
    "PhongBanXuLy": "Bộ phận Một cửa",
    "TrangThai": "4",
}

Numbered = tuple[str, int]
"""Dossier code and sequence number."""


def code_of(run: int, number: int) -> str:
    """The code of a run's numbered dossier."""
    return f"{UNIT}-{run:06d}-{number:06d}"


def message_of(code: str, seq: int) -> Message:
    """The message that a one-stop product sends: the dossier first, then its steps."""
    if seq == 0:
        operation = "DongBoHoSoMC"
        body = {"MaHoSo": code, **DOSSIER, "TrichYeuHoSo": f"Hồ sơ thử #{seq}"}
    else:
        operation = "CapNhatTienDoHoSoMC"
        body = {"MaHoSo": code, **STEP, "NoiDungXuLy": f"Bước thử #{seq}"}
    return Message(
        connector="one_stop",
        operation=operation,
        body=orjson.dumps(body),
        key=code,
        headers={"unit": UNIT, "form": "item", "is_updating": "False"},
    )


def record_of(code: str, seq: int) -> Outgoing:
    """The record of `in.one_stop`."""
    message = message_of(code, seq)
    return message.key.encode(), message.body, message.to_record_headers()


class Source(Protocol):
    """What is sent next."""

    def batch(self, count: int) -> Sequence[Numbered]:
        """At most so many messages, each of another dossier."""


class Passing:
    """Dossiers that come, get their steps in turn with others', and are done.

    Args:
        run: makes the codes of this load different from others'.
        open_count: dossiers at the same time.
        length: messages of each.
        dice: which is next.
    """

    def __init__(self, run: int, open_count: int, length: int, dice: random.Random) -> None:
        self._run, self._length, self._dice = run, length, dice
        self._started = 0
        self._open: list[list[int]] = []  # number of the dossier, next sequence number
        self._open_count = open_count

    def batch(self, count: int) -> Sequence[Numbered]:
        while len(self._open) < self._open_count:
            self._open.append([self._started, 0])
            self._started += 1
        chosen = self._dice.sample(self._open, min(count, len(self._open)))
        found = []
        for one in chosen:
            found.append((code_of(self._run, one[0]), one[1]))
            one[1] += 1
        self._open = [one for one in self._open if one[1] < self._length]
        return found


class Staying:
    """The same dossiers for ever, each in its turn."""

    def __init__(self, run: int, count: int) -> None:
        self._codes = [code_of(run, number) for number in range(count)]
        self._sent = 0

    def batch(self, count: int) -> Sequence[Numbered]:
        found = []
        for _ in range(min(count, len(self._codes))):
            turn, number = divmod(self._sent, len(self._codes))
            found.append((self._codes[number], turn))
            self._sent += 1
        return found


class Taker(Protocol):
    """What the sender needs of `hub.kafka.Producer`."""

    async def send_all(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Return when Kafka has all records."""


@dataclass(slots=True)
class Sender:
    """Sends a source's messages at a steady rate, as a careful product would.

    A batch holds each dossier once, and is repeated until it is acknowledged: what is sent twice
    stands side by side in its dossier, where the hub suppresses it.

    Attributes:
        rate: messages a second.
        sent: told what was acknowledged.
        count: messages acknowledged so far.
        repeated: batches that had to be sent again.
    """

    producer: Taker
    source: Source
    rate: float
    sent: Callable[[Iterable[Numbered]], None]
    count: int = 0
    repeated: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`; what is under way then is still sent."""
        began, owed = time.monotonic(), 0
        while not stop.is_set():
            owed = int((time.monotonic() - began) * self.rate) - self.count
            if owed > self.rate:  # after an outage the pace goes on, the lost time does not return
                began += (owed - self.rate) / self.rate
            batch = self.source.batch(max(1, min(owed, int(self.rate)))) if owed > 0 else ()
            if batch:
                await self._send(batch)
            await asyncio.sleep(TICK_SECONDS)

    async def _send(self, batch: Sequence[Numbered]) -> None:
        records = [record_of(code, seq) for code, seq in batch]
        while True:
            try:
                await self.producer.send_all(TOPIC, records)
                break
            except Unavailable:
                self.repeated += 1
                await asyncio.sleep(1)
        self.count += len(batch)
        self.sent(batch)
