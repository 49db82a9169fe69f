"""What the simulated post refuses, field by field: its own table, not the hub's.

Source: the field lists of the order and of `postDocument` as products fill them; lengths are
inventions. Texts are in Vietnamese and never repeat a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

TEXT, NUMBER, TRUTH = "chuỗi", "số nguyên", "true hoặc false"

ORDER: Mapping[str, tuple[str, bool, int]] = {
    "CustomerCode": (TEXT, True, 50),
    "OrderNumber": (TEXT, True, 50),
    "ItemCode": (TEXT, False, 13),
    "CODAmount": (NUMBER, True, 0),
    "SenderProvince": (NUMBER, True, 1),
    "SenderDistrict": (NUMBER, True, 0),
    "SenderAddress": (TEXT, True, 250),
    "SenderName": (TEXT, True, 150),
    "SenderEmail": (TEXT, False, 100),
    "SenderTel": (TEXT, True, 50),
    "SenderDesc": (TEXT, False, 500),
    "Description": (TEXT, False, 500),
    "ReceiverName": (TEXT, True, 150),
    "ReceiverAddress": (TEXT, True, 250),
    "ReceiverTel": (TEXT, True, 50),
    "ReceiverEmail": (TEXT, False, 100),
    "ReceiverProvince": (NUMBER, True, 0),
    "ReceiverDistrict": (NUMBER, True, 0),
    "FlagConfig": (NUMBER, True, 0),
}
"""Field -> what it is, whether it must be there, longest text or least number."""

PERSON: Mapping[str, tuple[str, bool, int]] = {
    "Name": (TEXT, True, 150),
    "Phone": (TEXT, True, 50),
    "ProvinceCode": (TEXT, True, 10),
    "ProvinceTitle": (TEXT, False, 100),
    "DistrictCode": (TEXT, False, 10),
    "DistrictTitle": (TEXT, False, 100),
    "Address": (TEXT, True, 250),
    "Email": (TEXT, False, 100),
}
DOCUMENT: Mapping[str, tuple[str, bool, int]] = {
    "CustomerCode": (TEXT, True, 50),
    "OrderNumber": (TEXT, True, 50),
    "IsSendDocument": (TRUTH, True, 0),
    "IsReceiveResult": (TRUTH, True, 0),
    "State": (TEXT, False, 10),
}
PROCEDURE: Mapping[str, tuple[str, bool, int]] = {
    "Code": (TEXT, True, 50),
    "Title": (TEXT, False, 500),
    "Category": (TEXT, False, 250),
}
NOT_OF_PERSON = frozenset({"DocumentSender", "ResultReceiver", "Procedure"})


def order_fault(sent: Any) -> str:
    """The first rule that an order breaks, `` if it keeps all."""
    return next(_faults(sent, ORDER, "", set()), "")


def document_fault(sent: Any) -> str:
    """The first rule that a registration breaks, `` if it keeps all."""
    return next(_document_faults(sent), "")


def _document_faults(sent: Any) -> Iterator[str]:
    yield from _faults(sent, DOCUMENT, "", set(NOT_OF_PERSON))
    yield from _faults(sent.get("Procedure"), PROCEDURE, "/Procedure", {"Elements"})
    wanted = {"DocumentSender": sent["IsSendDocument"], "ResultReceiver": sent["IsReceiveResult"]}
    if not any(wanted.values()):
        yield "/: phải có ít nhất một dịch vụ"
    for name, asked in wanted.items():
        if asked:
            yield from _faults(sent.get(name), PERSON, f"/{name}", set())
        elif name in sent:
            yield f"/{name}: không đăng ký dịch vụ này"


def _faults(
    sent: Any, rules: Mapping[str, tuple[str, bool, int]], path: str, others: set[str]
) -> Iterator[str]:
    if not isinstance(sent, dict):
        yield f"{path}/: phải là đối tượng"
        return
    for name in sent:
        if name not in rules and name not in others:
            yield f"{path}/{name}: trường không có trong tài liệu"
    for name, rule in rules.items():
        if wrong := _wrong(sent.get(name), *rule):
            yield f"{path}/{name}: {wrong}"


def _wrong(value: Any, what: str, must: bool, limit: int) -> str:
    """What is wrong with one value, `` if nothing."""
    if value is None or value == "":
        return "thiếu giá trị bắt buộc" if must else ""
    fits = {
        TEXT: isinstance(value, str),
        NUMBER: isinstance(value, int) and not isinstance(value, bool),
        TRUTH: isinstance(value, bool),
    }[what]
    if not fits:
        return f"phải là {what}"
    if what == TEXT and len(value) > limit:
        return f"vượt quá {limit} ký tự"
    return f"phải từ {limit} trở lên" if what == NUMBER and value < limit else ""
