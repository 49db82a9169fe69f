"""Load: dossiers as one-stop products send them, numbered, with invented people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from hub.connector import Connector, discover
from hub.event import Event
from hub.kafka import Outgoing
from hub.message import Message, Position

TOPICS = {"in.one_stop": 1, "dead.in.one_stop": 1, "events": 2, "outcomes": 2, "dead.bench": 2}
"""Topics of a measurement, and their partitions."""

UNIT = "H26.19.12"
DOSSIER = {
    "MaTTHC": "1.009999",
    "TenTTHC": "Thủ tục thử nghiệm",
    "MaLinhVuc": "LV01",
    "TenLinhVuc": "Hộ tịch",
    "KenhThucHien": "2",
    "ChuHoSo": "Nguyễn Văn Mẫu",
    "LoaiDoiTuong": "1",
    "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "001099999999"}],
    "Email": "a@example.vn",
    "SoDienThoai": "0900000000",
    "NgayNopHoSo": "20230105081500",
    "NgayTiepNhan": "20230105093000",
    "NgayHenTra": "20230108093000",
    "TrangThaiHoSo": "2",
    "HinhThuc": "0",
    "DonViXuLy": "UBND phường Mẫu",
    "NoiNopHoSo": "2",
    "HoSoCoThanhPhanSoHoa": "1",
    "TaiKhoanDuocXacThucVoiVNeID": "1",
    "DuocThanhToanTrucTuyen": "0",
    "DSKetNoiCSDL": [{"MaCSDL": "7"}],
    "DanhSachLePhi": [
        {
            "TenPhiLePhi": "Lệ phí thử",
            "MaPhiLePhi": "1",
            "HinhThucThu": "1",
            "Gia": "150000",
            "LoaiPhiLePhi": "1",
        }
    ],
}
"""25 fields; with its code and summary a record of about 990 bytes."""


def code_of(subject: int) -> str:
    """Dossier code of a numbered subject."""
    day, number = divmod(subject, 10_000)
    return f"{UNIT}-2301{1 + day % 28:02d}-{number + 1_000_000 * (day // 28):04d}"


def messages(count: int, subjects: int) -> Iterator[Message]:
    """`count` messages over `subjects` dossiers in turn; no two consecutive ones are equal."""
    for number in range(count):
        code = code_of(number % subjects)
        body = DOSSIER | {"MaHoSo": code, "TrichYeuHoSo": f"Hồ sơ thử nghiệm số {number}"}
        yield Message(
            connector="one_stop",
            operation="DongBoHoSoMC",
            body=orjson.dumps(body),
            key=code,
            headers={"unit": UNIT, "form": "item", "is_updating": "True"},
        )


def message_records(count: int, subjects: int) -> Iterator[Outgoing]:
    """Records of `in.one_stop`."""
    return ((m.key.encode(), m.body, m.to_record_headers()) for m in messages(count, subjects))


def sender() -> tuple[Connector, Any]:
    """The connector whose messages these are, and settings for it."""
    connector = discover()["one_stop"]
    settings = connector.settings.model_validate(
        {
            "dstcode": "bench",
            "session_secret": "not a secret but long enough",
            "reads_from": "national_portal",
            "accounts": {UNIT: {"username": "bench", "password": "bench"}},
        }
    )
    return connector, settings


def events(count: int, subjects: int) -> Iterator[Event]:
    """The events that decoding those messages gives."""
    connector, settings = sender()
    assert connector.decode is not None  # noqa: S101 - a part of this repository
    for number, message in enumerate(messages(count, subjects)):
        (event,) = connector.decode(message, settings)
        assert isinstance(event, Event)  # noqa: S101 - the load is well formed
        yield event.identify(Position("in.one_stop", 0, number))


def event_records(count: int, subjects: int) -> Iterator[Outgoing]:
    """Records of `events`."""
    return (event.to_record() for event in events(count, subjects))
