"""What a pushing system hears: the contract's codes, and every reason to refuse a push.

The same codes are understood when the hub is the one who sends (`client.py`, settings).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hub.errors import MessageError


class Reason(NamedTuple):
    """Why a push is refused: HTTP status, the contract's code, our reason code, the text."""

    status: int
    told: str
    code: str
    text: str


WRONG_TOKEN = Reason(401, "10", "wrong_credentials", "Mã truy cập không đúng")
WRONG_ROLE = Reason(403, "11", "wrong_unit", "Hệ thống này không được gửi loại thông điệp này")
MALFORMED = Reason(400, "20", "malformed", "Dữ liệu không đọc được")
UNKNOWN_TYPE = Reason(422, "20", "unknown_operation", "Loại thông điệp không được hỗ trợ")
FIELD_RULES = Reason(422, "21", "field_rules", "Dữ liệu không hợp lệ")
TOO_LARGE = Reason(413, "30", "too_large", "Dữ liệu quá lớn")
TRY_AGAIN = Reason(503, "50", "try_again", "Chưa tiếp nhận được, đề nghị gửi lại sau")


class Refused(MessageError):
    """A push that is refused at the door.

    Args:
        reason: one of the above.
        detail: what exactly, with field paths and without values.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        text = f"{reason.text}: {detail}" if detail else reason.text
        super().__init__(text, code=reason.code)
        self.reason = reason


def taken(petition_id: str) -> dict[str, Any]:
    """Answer to what Kafka has."""
    return {"code": "00", "message": "Tiếp nhận thành công", "paknId": petition_id}


def redirected(petition_id: str, competent: str) -> dict[str, Any]:
    """Answer to a complaint or denunciation: heard, not processed, and who is competent."""
    text = "Khiếu nại, tố cáo không được xử lý tại đây; đề nghị gửi đến cơ quan có thẩm quyền"
    return {"code": "00", "message": text, "paknId": petition_id, "redirectedTo": competent}
