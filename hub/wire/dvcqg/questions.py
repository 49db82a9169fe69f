"""Questions that citizens ask at the national portal (`hoidap`), and the unit's answers."""

from __future__ import annotations

from typing import Any

from hub.errors import DecodeError, EncodeError
from hub.schemas.petition import PetitionEvent
from hub.wire.dvcqg.models import WireQuestion

CHANNEL = "dvcqg"
ID_LIMIT = 100
ANSWERED = "1"
"""`TRANGTHAI` of a question that has an answer; 0 of one that waits."""


def question_id(code: str | None, path: str = "") -> str:
    """The portal's id of a question.

    Raises:
        DecodeError: absent, too long or with control characters.
    """
    text = (code or "").strip()
    if not text or len(text) > ID_LIMIT or not text.isprintable():
        raise DecodeError("not a question's id", path=f"{path}/CAUHOIID", code="no_subject")
    return text


def question_values(wire: WireQuestion, *, unit: str, origin: str) -> dict[str, Any]:
    """The values of a `PetitionEvent` that tells a question, not validated yet.

    Args:
        wire: one row of the list.
        unit: whose account read it; the row's own `MADONVI` goes first.
        origin: the connector instance that leads back.

    Raises:
        DecodeError: the id is missing.
    """
    submitter = {
        "name": wire.HOVATEN or "",
        "address": wire.DIACHI or "",
        "email": wire.THUDIENTU or "",
        "phone": wire.SODIENTHOAI or "",
    }
    unknown = dict(wire.__pydantic_extra__ or ())
    return {
        "petition_id": question_id(wire.CAUHOIID),
        "channel": CHANNEL,
        "origin": origin,
        "unit": wire.MADONVI or unit,
        "unit_name": wire.TENDONVI or "",
        "status_code": wire.TRANGTHAI or "",
        "petition": {
            "content": wire.NOIDUNG or "",
            "procedure_code": wire.MATTHCDP or "",
            "field_code": wire.MALINHVUC or "",
            "submitter": submitter,
        },
        **({"unknown": unknown} if unknown else {}),
    }


def write_answer(data: PetitionEvent) -> dict[str, Any]:
    """The item of `DongBoKetQuaHoiDapGuiTuDVCQG`.

    Raises:
        EncodeError: no answer, or an empty one.
    """
    answer = data.answer
    if answer is None or not answer.content.strip():
        raise EncodeError("the answer is missing", path="/answer/content")
    return {
        "CAUHOIID": data.petition_id,
        "MADONVI": data.unit,
        "TENDONVI": data.unit_name,
        "NOIDUNGTRALOI": answer.content,
        "CHUCVUNGUOITRALOI": answer.position,
        "TRANGTHAI": ANSWERED,
    }
