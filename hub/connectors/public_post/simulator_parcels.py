"""What the simulated post holds: orders and registrations, and the feed of what became of them.

Status codes 50, 70, 90 and 100 are seen in other interfaces of the post; all others here are
inventions, and a deployment's settings map whatever its post office really says.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MESSAGES: Mapping[str, str] = {
    "20": "Bưu tá đang đến thu gom",
    "50": "Nhập bưu cục",
    "51": "Đã thu gom hồ sơ",
    "60": "Thu gom không thành công",
    "70": "Đang giao",
    "90": "Phát thành công",
    "91": "Đã giao hồ sơ tới cơ quan",
    "95": "Phát không thành công",
    "100": "Chuyển hoàn",
    "110": "Đơn hàng đã hủy",
}
ENDS = frozenset({"60", "90", "91", "100", "110"})
PARCEL = ("50", "70", "90")
PICK_UP = ("20", "51", "91")
FAILED_PICK_UP = ("20", "60")
FAILED_RETURN = ("50", "70", "95", "100")


@dataclass(slots=True)
class Parcel:
    """One order or registration.

    Attributes:
        sent: what was sent.
        course: status codes still to come.
        told: status codes that the feed has.
        moved_at: when it last moved, by the simulator's clock.
    """

    sent: Mapping[str, Any]
    course: list[str]
    item_code: str
    moved_at: float
    told: list[str] = field(default_factory=list)


class ParcelBook:
    """Orders by customer code and number, and the feed.

    Args:
        failing_share: of orders, that end badly; always the same ones.
    """

    def __init__(self, failing_share: float) -> None:
        self._failing = failing_share
        self._parcels: dict[tuple[str, str], Parcel] = {}
        self._feed: list[dict[str, Any]] = []
        self._counter = 0

    def find(self, customer: str, number: str) -> Parcel | None:
        """The parcel of an order."""
        return self._parcels.get((customer, number))

    def add(self, sent: Mapping[str, Any], now: float) -> Parcel:
        """Take an order or a registration; its course is decided here."""
        number = str(sent["OrderNumber"])
        fails = zlib.crc32(number.encode()) / 2**32 < self._failing
        if "Procedure" in sent:
            picked_up = list(FAILED_PICK_UP if fails else PICK_UP) if sent["IsSendDocument"] else []
            returned = [] if fails and picked_up else list(FAILED_RETURN if fails else PARCEL)
            course = picked_up + (returned if sent["IsReceiveResult"] else [])
        else:
            course = list(FAILED_RETURN if fails else PARCEL)
        item = str(sent.get("ItemCode") or f"EA{zlib.crc32(number.encode()) % 10**9:09}VN")
        parcel = Parcel(dict(sent), course, item, now)
        self._parcels[str(sent["CustomerCode"]), number] = parcel
        return parcel

    def cancel(self, parcel: Parcel, now: float) -> bool:
        """Cancel what the post does not have in hand yet."""
        if parcel.told and parcel.told != ["20"]:
            return False
        parcel.course = []
        self.tell(parcel, "110", now)
        return True

    def advance(self, parcel: Parcel, now: float) -> str:
        """Move a parcel one step on; the status code, `` if it has arrived."""
        if not parcel.course:
            return ""
        code = parcel.course.pop(0)
        self.tell(parcel, code, now)
        return code

    def advance_all(self, now: float, *, every_seconds: float = 0) -> int:
        """Move all that have waited so long one step on; how many moved."""
        waiting = [p for p in self._parcels.values() if now - p.moved_at >= every_seconds]
        return sum(bool(self.advance(parcel, now)) for parcel in waiting)

    def tell(self, parcel: Parcel, code: str, now: float, *, behind: bool = False) -> None:
        """Put an entry into the feed; `behind`: with an id older than the newest one's."""
        # Ids grow with gaps, as those of a database that others write to as well.
        self._counter += 10 + zlib.crc32(code.encode()) % 7
        oid = f"{int(now) & 0xFFFFFFFF:08x}{self._counter:016x}"
        if behind and self._feed:
            oid = f"{int(str(self._feed[-1]['_id']['$oid']), 16) - 5:024x}"
        parcel.told.append(code)
        parcel.moved_at = now
        entry = {
            "_id": {"$oid": oid},
            "CustomerCode": parcel.sent["CustomerCode"],
            "OrderNumber": parcel.sent["OrderNumber"],
            "EventTime": int(now),
            "POSID": "100000",
            "ItemCode": parcel.item_code,
            "StatusCode": code,
            "StatusMessage": MESSAGES.get(code, "Trạng thái khác"),
            "Notes": "",
        }
        self._feed.append(entry)
        self._feed.sort(key=lambda each: str(each["_id"]["$oid"]))

    def page(self, last_id: str, size: int) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Entries behind an id (which need not exist), and how many pages there are."""
        behind = [entry for entry in self._feed if entry["_id"]["$oid"] > last_id]
        return behind[:size], -(-len(behind) // size)

    def newest(self) -> Sequence[Mapping[str, Any]]:
        """The last entry, in a list; empty if there is none."""
        return self._feed[-1:]

    def counts(self) -> Mapping[str, Any]:
        """Counts for `/_control/state`."""
        last = Counter(p.told[-1] if p.told else "new" for p in self._parcels.values())
        return {"parcels": len(self._parcels), "entries": len(self._feed), "by_status": dict(last)}

    def show(self) -> Sequence[Mapping[str, Any]]:
        """Every parcel, for `/_control/parcels`."""
        return [
            {"sent": p.sent, "item_code": p.item_code, "told": p.told, "to_come": p.course}
            for p in self._parcels.values()
        ]
