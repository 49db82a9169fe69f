"""A one-stop connector's endpoints without a gateway: an inbox that remembers, calls over ASGI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.applications import Starlette

from hub.connector import Client, Refusal
from hub.connectors.one_stop.endpoints import Door
from hub.connectors.one_stop.sessions import Doorkeeper
from hub.connectors.one_stop.settings import OneStopSettings
from hub.errors import ConfigError, HubError, Unavailable
from hub.message import Message
from tests.connectors.ground import MemoryGround

UNIT, OTHER_UNIT = "H99.01", "H99.02"
CODE = "H99.01-260105-0001"
MEMBER = "VN:GOV:000.00.00.G22:dvcqg"
TOKEN = "Bearer the-mau"
SYNC, STEP = "DongBoHoSoMC", "CapNhatTienDoHoSoMC"

SETTINGS = OneStopSettings.model_validate(
    {
        "dstcode": MEMBER,
        "session_secret": "bí mật của phiên, đủ dài",
        "reads_from": "portal",
        "body_limit_bytes": 50_000,
        "items_limit_count": 20,
        "accounts": {
            UNIT: {
                "username": "phuong-mau",
                "password": "mật khẩu mẫu",
                "lgsp_unit": "000.00.01.H99",
                "lgsp_token": TOKEN,
            },
            OTHER_UNIT: {"username": "xa-thu", "password": "mật khẩu thử"},
        },
    }
)


def dossier(code: str = CODE, **fields: Any) -> dict[str, Any]:
    """A dossier that breaks no rule."""
    return {
        "MaHoSo": code,
        "MaTTHC": "1.009999",
        "TenTTHC": "Thủ tục thử nghiệm",
        "MaLinhVuc": "LV01",
        "TenLinhVuc": "Lĩnh vực thử",
        "KenhThucHien": "2",
        "ChuHoSo": "Nguyễn Văn Mẫu",
        "LoaiDoiTuong": "1",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "099090000001"}],
        "TrichYeuHoSo": "Hồ sơ thử",
        "NgayNopHoSo": "20260105081500",
        "NgayTiepNhan": "20260105093000",
        "NgayHenTra": "20260108093000",
        "TrangThaiHoSo": "2",
        "HinhThuc": "1",
        "DonViXuLy": "UBND phường Thử Nghiệm",
        "NoiNopHoSo": "2",
        "HoSoCoThanhPhanSoHoa": "1",
        "TaiKhoanDuocXacThucVoiVNeID": "1",
        "DuocThanhToanTrucTuyen": "1",
        **fields,
    }


def step(code: str = CODE, **fields: Any) -> dict[str, Any]:
    """A processing step that breaks no rule."""
    return {
        "MaHoSo": code,
        "NguoiXuLy": "Cán bộ Mẫu",
        "ThoiDiemXuLy": "20260105100000",
        "NoiDungXuLy": "Tiếp nhận hồ sơ",
        "TrangThai": "2",
        **fields,
    }


@dataclass
class Portal:
    """The peer that answers look-ups, or fails."""

    answer: Mapping[str, Any] = field(default_factory=lambda: {"error_code": "0", "result": []})
    error: HubError | None = None
    asked: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was told to be answered."""
        self.asked.append((operation, unit, body))
        if self.error is not None:
            raise self.error
        return self.answer


@dataclass
class Remembering:
    """An inbox that remembers what it got."""

    messages: list[Message] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    portal: Portal = field(default_factory=Portal)
    away: bool = False
    asked: list[str] = field(default_factory=list)
    ground: MemoryGround = field(default_factory=MemoryGround)

    async def accept(self, messages: Sequence[Message]) -> None:
        """Take all, unless Kafka is away."""
        if self.away:
            raise Unavailable("kafka-1:9092 does not answer", code="kafka_away")
        self.messages += messages

    async def refuse(self, refusal: Refusal) -> None:
        """Remember it."""
        self.refusals.append(refusal)

    async def accepted(self, subject: str) -> bool:
        """Whether a message with that key was taken."""
        self.asked.append(subject)
        if self.away:
            raise Unavailable("the store does not answer")
        return any(message.key == subject for message in self.messages)

    def peer(self, connector: str) -> Client:
        """The portal, under the one name that is configured."""
        if connector != "portal":
            raise ConfigError("no such instance")
        return self.portal  # type: ignore[return-value] # look-ups ask nothing else of a client


class Site:
    """The endpoints and what is behind them; `now` is the clock of sessions, in seconds."""

    def __init__(self, settings: OneStopSettings = SETTINGS, *, now: float = 1_000_000) -> None:
        self.inbox = Remembering()
        self.now = now
        keeper = Doorkeeper(settings, clock=lambda: self.now)
        door = Door("one_stop", settings, self.inbox, keeper=keeper)
        self.app = Starlette(routes=list(door.routes()))

    async def post(
        self, address: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The JSON object that a POST is answered with, always under HTTP 200."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        status, answer = await self.exchange(address, raw, {"dstcode": MEMBER, **(headers or {})})
        assert status == 200
        reply: dict[str, Any] = orjson.loads(answer)
        return reply

    async def exchange(
        self, address: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Status and body of the answer to one request, straight through ASGI."""
        parts = urlsplit(address)
        scope = {
            "type": "http",
            "method": "POST",
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [
                (name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()
            ],
        }
        pieces = [body[at : at + 8192] for at in range(0, len(body) or 1, 8192)]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {
                "type": "http.request",
                "body": pieces.pop(0) if pieces else b"",
                "more_body": bool(pieces),
            }

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:])

    async def login(self) -> str:
        """A new session of the first unit."""
        account = {"username": "phuong-mau", "password": "mật khẩu mẫu"}
        reply = await self.post("/auth", account)
        assert reply["error_code"] == 0
        session: str = reply["session"]
        return session

    async def call(self, operation: str, **fields: Any) -> dict[str, Any]:
        """An integration call in a new session of the first unit; `fields` may say otherwise."""
        session = fields.pop("session", None) or await self.login()
        envelope = {"session": session, "madonvi": UNIT, "service": operation, **fields}
        return await self.post("/integration", envelope)

    def codes(self) -> list[str]:
        """Reason codes of all refusals."""
        return [refusal.code for refusal in self.inbox.refusals]
