"""The product's calls to its counterparts: it pays, orders at the post, and asks its office.

It speaks as products do that have never heard of a hub: the payment platform's hashes, the post's
token and cursor, the office's poll and acknowledgement. What it asks of an answer it checks itself.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import orjson

TIMEOUT_SECONDS = 60.0
UNDER_INIT = (
    *("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan"),
    *("MaKenhThanhToan", "MaThietBi", "NgonNgu", "MaTienTe", "MaNganHang", "ThongTinGiaoDich"),
    *("ThoiGianGD", "Ip"),
)
UNDER_QUERY = ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
UNDER_CONFIRM = (
    *("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich"),
    *("MaNganHang", "ThoiGianGD", "ThongTinGiaoDich"),
)

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Counterparts:
    """What a product's configuration holds about payment, post and office.

    Attributes:
        url: address of all three, or of the hub in their place.
        unit: organisation id; `parent` of the office's packages.
        username, password: key and secret of the post, account at the office.
        partner, secret: of the payment platform.
        customer: contract with the post.
    """

    url: str
    unit: str = "H99.01"
    username: str = ""
    password: str = field(default="", repr=False)
    partner: str = ""
    secret: str = field(default="", repr=False)
    customer: str = ""
    payment_path: str = "/payplat"
    post_path: str = "/apiVNPostNGSP/p1.0"
    tracking_path: str = "/apiVNPostNGSP/p1.0/tracking"
    office_path: str = "/qlvb"


class CallingProduct:
    """A product that calls its counterparts for one unit; use it as an async context.

    Attributes:
        rows: ids of tracking rows handled, in order, each once.
        packages: packages fetched and acknowledged, by code, in order.
    """

    def __init__(self, counterparts: Counterparts) -> None:
        self.counterparts = counterparts
        self.rows: dict[str, Fields] = {}
        self.packages: dict[str, Fields] = {}
        self._last = ""
        self._token = ""
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    def init_fields(self, code: str, amount: int, reference: str, **more: Any) -> dict[str, Any]:
        """A signed INIT; `more` are fields of `ThongTinBienLai`."""
        fields: dict[str, Any] = {
            "LoaiBanTin": "INIT",
            "PhienBan": "1.0.6",
            "MaDoiTac": self.counterparts.partner,
            "MaThamChieu": reference,
            "SoTien": str(amount),
            "LoaiHinhThanhToan": "PAY",
            "MaKenhThanhToan": "1",
            "MaThietBi": "1",
            "NgonNgu": "vi-VN",
            "MaTienTe": "VND",
            "MaNganHang": "PAYMENT",
            "ThongTinGiaoDich": f"THANH TOAN HO SO {code}",
            "ThoiGianGD": "20260105093000",
            "Ip": "10.0.0.5",
        }
        fields["MaXacThuc"] = self._hash(fields, UNDER_INIT)
        fee = {
            "LoaiPhiLePhi": "Phi",
            "MaPhiLePhi": "1",
            "TenPhiLePhi": "Phí",
            "SoTien": f"{amount}",
        }
        return {**fields, "ThongTinBienLai": {"MaHoSo": code, "PhiLePhi": [fee], **more}}

    async def order_payment(self, code: str, amount: int, reference: str, **more: Any) -> Fields:
        """INIT; the answer, its inner JSON under `inner`."""
        fields = self.init_fields(code, amount, reference, **more)
        reply = await self._post(self.counterparts.payment_path, fields)
        inner = orjson.loads(reply["message"]) if str(reply.get("error_code")) == "0" else {}
        return {**reply, "inner": inner}

    async def query_payment(self, reference: str) -> Fields:
        """QUERY; `signed` says whether the hash of the answer is right."""
        fields: dict[str, Any] = {
            "LoaiBanTin": "QUERY",
            "PhienBan": "1.0.6",
            "MaDoiTac": self.counterparts.partner,
            "MaThamChieu": reference,
            "ThoiGianGD": "20260105100000",
        }
        fields["MaXacThuc"] = self._hash(fields, UNDER_QUERY)
        reply = await self._post(self.counterparts.payment_path, fields)
        return {**reply, "signed": reply.get("MaXacThuc") == self._hash(reply, UNDER_CONFIRM)}

    async def order_post(self, number: str, **more: Any) -> Fields:
        """An order for the return of a result."""
        fields = {
            "CustomerCode": self.counterparts.customer,
            "OrderNumber": number,
            "CODAmount": 0,
            "SenderName": "UBND phường Thử Nghiệm",
            "ReceiverName": "Nguyễn Văn Mẫu",
            "FlagConfig": 2,
            **more,
        }
        return await self._post_call("/order/post", fields)

    async def register_post(self, number: str, **more: Any) -> Fields:
        """`postDocument`."""
        fields = {"CustomerCode": self.counterparts.customer, "OrderNumber": number, **more}
        return await self._post_call("/postDocument", fields)

    async def cancel_post(self, number: str) -> Fields:
        """Cancel an order."""
        asked = urlencode({"CustomerCode": self.counterparts.customer, "OrderNumber": number})
        path = f"{self.counterparts.post_path}/order/cancel?{asked}"
        return await self._exchange("GET", path, None, await self._bearer())

    async def track(self, *, size: int = 100, forget: bool = False) -> list[Fields]:
        """One page of the tracking feed; what is new is kept, and the cursor with it.

        Args:
            size: rows asked for.
            forget: lose the page, as a product that breaks down before it has stored it.
        """
        asked = urlencode({"pagesize": size, "lastId": self._last})
        path = f"{self.counterparts.tracking_path}?{asked}"
        reply = await self._exchange("GET", path, None, await self._bearer())
        rows = reply.get("_embedded", {}).get("rh:doc", [])
        if rows and not forget:
            for row in rows:
                self.rows.setdefault(row["_id"]["$oid"], row)
            self._last = rows[-1]["_id"]["$oid"]
        return list(rows)

    async def submit(self, fields: Fields) -> Fields:
        """`GuiHoSo`."""
        return await self._office("POST", "GuiHoSo", fields)

    async def issue(self, fields: Fields) -> Fields:
        """`PhatHanhVanBan`."""
        return await self._office("POST", "PhatHanhVanBan", fields)

    async def waiting_packages(self, *, top: int = 100) -> list[str]:
        """Codes of the packages that wait."""
        asked = urlencode({"maDonViCha": self.counterparts.unit, "top": top})
        reply = await self._office("GET", f"LayDanhSachGoiTinVanBan?{asked}", None)
        return list(reply.get("data") or [])

    async def pull_packages(self, *, acknowledge: bool = True, state: str = "03") -> list[Fields]:
        """Fetch what waits, oldest first, and acknowledge it."""
        found = []
        for code in await self.waiting_packages():
            asked = urlencode({"MaVanBan": code})
            reply = await self._office("GET", f"LayGoiTinVanBan?{asked}", None)
            found.append(reply["data"])
            self.packages.setdefault(code, reply["data"])
            if acknowledge:
                told = {"MaVanBan": code, "TrangThai": state}
                await self._office("POST", "CapNhatTrangThaiVanBan", told)
        return found

    async def _post_call(self, path: str, fields: Fields) -> Fields:
        return await self._exchange(
            "POST", self.counterparts.post_path + path, fields, await self._bearer()
        )

    async def _office(self, method: str, path: str, fields: Fields | None) -> Fields:
        whole = f"{self.counterparts.office_path}/{path}"
        return await self._exchange(method, whole, fields, {"Authorization": self._basic()})

    async def _bearer(self) -> dict[str, str]:
        if not self._token:
            headers = {"Authorization": self._basic()}
            fields = {"grant_type": "client_credentials"}
            reply = await self._exchange("POST", "/token", fields, headers)
            self._token = str(reply.get("access_token", ""))
        return {"Authorization": f"Bearer {self._token}"}

    def _basic(self) -> str:
        pair = f"{self.counterparts.username}:{self.counterparts.password}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    def _hash(self, fields: Fields, names: tuple[str, ...]) -> str:
        parts = [*(str(fields.get(name, "")) for name in names), self.counterparts.secret]
        return hashlib.sha256("|".join(parts).encode()).hexdigest()

    async def _post(self, path: str, fields: Fields) -> Fields:
        return await self._exchange("POST", path, fields, {})

    async def _exchange(
        self, method: str, path: str, fields: Fields | None, headers: Mapping[str, str]
    ) -> Fields:
        """The JSON object that was answered; its HTTP status under `http` if that is not 200."""
        if self._http is None:
            raise RuntimeError("use the product as an async context")
        body = None if fields is None else orjson.dumps(fields)
        url = self.counterparts.url + path
        async with self._http.request(method, url, data=body, headers=headers) as response:
            reply = orjson.loads(await response.read())
            return reply if response.status == 200 else {**reply, "http": response.status}
