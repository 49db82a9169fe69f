"""What a product hears: replies in the documented form, and every reason to refuse a call.

Success is `error_code` "0" and a `message` that contains "thành công": products believe nothing
else. The codes below 0 are the hub's own (the portal's list is not published); none of them is
one that products read as "exists already" (0, 3, -3). Products keep a refused call as "chưa đồng
bộ" and try again later; on an error about the session they log in again and repeat once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hub.errors import MessageError


class Reason(NamedTuple):
    """Why a call is refused: the product's `error_code`, our reason code, the text to show."""

    error_code: str
    code: str
    text: str


TRY_AGAIN = Reason("-1", "try_again", "Hệ thống chưa tiếp nhận được, đề nghị gửi lại sau")
WRONG_CREDENTIALS = Reason("-2", "wrong_credentials", "Tài khoản hoặc mật khẩu không đúng")
SESSION_INVALID = Reason("-4", "session_invalid", "Phiên (session) không hợp lệ")
SESSION_EXPIRED = Reason("-4", "session_expired", "Phiên (session) đã hết hạn")
WRONG_DSTCODE = Reason("-5", "wrong_dstcode", "Mã thành viên đích (dstcode) không đúng")
WRONG_UNIT = Reason("-6", "wrong_unit", "Mã đơn vị không thuộc tài khoản")
UNKNOWN_OPERATION = Reason("-7", "unknown_operation", "Dịch vụ không được hỗ trợ")
MALFORMED = Reason("-8", "malformed", "Dữ liệu không đọc được")
FIELD_RULES = Reason("-9", "field_rules", "Dữ liệu không hợp lệ")
REFUSED_TOGETHER = Reason("-9", "refused_together", "Bị từ chối cùng hồ sơ khác trong lần gửi")
TOO_LARGE = Reason("-10", "too_large", "Dữ liệu quá lớn, đề nghị chia nhỏ lần gửi")
READ_REFUSED = Reason("-11", "read_refused", "Không tra cứu được")


class Refused(MessageError):
    """A call that is refused at the door; the endpoint turns it into reply and record.

    Args:
        reason: one of the above.
        detail: what exactly, with field paths and without values.
        unit: the sending unit, as far as it is proved or named by a known account.
    """

    def __init__(self, reason: Reason, detail: str = "", *, unit: str = "") -> None:
        text = f"{reason.text}: {detail}" if detail else reason.text
        super().__init__(text, code=reason.code)
        self.reason = reason
        self.unit = unit

    def reply(self) -> dict[str, Any]:
        """The documented form of the refusal."""
        return {"error_code": self.reason.error_code, "message": str(self)}


def logged_in(session: str) -> dict[str, Any]:
    """Reply to a login."""
    return {"session": session, "error_code": 0}


def taken(count: int) -> dict[str, Any]:
    """Reply to dossiers or steps that Kafka has."""
    return {"error_code": "0", "message": f"Tiếp nhận thành công {count} bản ghi"}


def found(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Reply to a look-up."""
    return {"error_code": "0", "message": "Tra cứu thành công", "result": rows}
