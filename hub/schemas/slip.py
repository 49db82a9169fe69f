"""Slips (phiếu) that a one-stop shop gives to a citizen, as events.

The forms are those of TT 03/2025/TT-VPCP: 01 receipt and appointment, 02 supplement, 03 refusal,
04 apology and extension, 05 stop.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from hub.event import EventData, Personal, Public, data_of
from hub.schemas.dossier import Applicant, Channel, OtherPaper, Procedure, ReturnWay


class SlipKind(StrEnum):
    """Which slip."""

    RECEIPT = "receipt"  # 01 giấy tiếp nhận hồ sơ và hẹn trả kết quả
    SUPPLEMENT = "supplement"  # 02 phiếu yêu cầu bổ sung, hoàn thiện hồ sơ
    REFUSAL = "refusal"  # 03 phiếu từ chối tiếp nhận
    APOLOGY = "apology"  # 04 văn bản xin lỗi và đề nghị gia hạn
    STOP = "stop"  # 05 thông báo dừng giải quyết


FORM_OF_SLIP: dict[SlipKind, str] = {
    SlipKind.RECEIPT: "01",
    SlipKind.SUPPLEMENT: "02",
    SlipKind.REFUSAL: "03",
    SlipKind.APOLOGY: "04",
    SlipKind.STOP: "05",
}
"""Number of the form of TT 03/2025/TT-VPCP."""


@data_of("slip.issued")
class SlipEvent(EventData):
    """A slip was given to the citizen; fields as far as the sender told them."""

    slip: Public[SlipKind] = Field(description="Which slip.")
    form: Public[str] = Field(description="Number of its form, `01` to `05`.")
    code: Public[str] = Field(description="Dossier code.")
    unit: Public[str] = Field(description="Organisation id of the unit.")
    unit_name: Public[str] = Field("", description="Its name.")
    procedure: Public[Procedure | None] = Field(None, description="What is asked for.")
    applicant: Personal[Applicant | None] = Field(None, description="Who asks.")
    channel: Public[Channel] = Field(Channel.UNKNOWN, description="How it was filed.")
    return_way: Public[ReturnWay] = Field(ReturnWay.UNKNOWN, description="How it is returned.")
    components: Personal[tuple[OtherPaper, ...]] = Field((), description="Papers received.")
    received_at: Public[datetime | None] = Field(None, description="When it was received.")
    due_at: Public[datetime | None] = Field(None, description="Appointment, the new one if moved.")
    due_before: Public[datetime | None] = Field(None, description="Appointment that was missed.")
    officer: Personal[str] = Field("", description="Who gave it.")
    content: Personal[str] = Field("", description="What is asked, or why.")
