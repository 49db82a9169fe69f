"""Events of a dossier (hồ sơ): what the one-stop shop, the portals and the ministries tell.

The ten statuses are those of the national portal (`TrangThaiHoSo`); every kind carries either the
whole dossier as last sent, or one processing step (tiến độ), or both.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from hub.event import Contact, EventData, IdentityNumber, Part, Personal, Public, data_of


class DossierStatus(StrEnum):
    """Status of a dossier (trạng thái hồ sơ); `unknown` keeps its code in `status_code`."""

    __hash__ = str.__hash__  # Enum's own is not in C

    NEW = "new"  # 1 mới đăng ký
    RECEIVED = "received"  # 2 được tiếp nhận
    REFUSED = "refused"  # 3 không được tiếp nhận
    PROCESSING = "processing"  # 4 đang xử lý
    SUPPLEMENT = "supplement"  # 5 yêu cầu bổ sung giấy tờ
    FINANCE = "finance"  # 6 yêu cầu thực hiện nghĩa vụ tài chính
    WITHDRAWN = "withdrawn"  # 7 công dân yêu cầu rút hồ sơ
    STOPPED = "stopped"  # 8 dừng xử lý
    DONE = "done"  # 9 đã xử lý xong
    RETURNED = "returned"  # 10 đã trả kết quả
    UNKNOWN = "unknown"


KIND_OF_STATUS: dict[DossierStatus, str] = {
    DossierStatus.NEW: "dossier.submitted",
    DossierStatus.RECEIVED: "dossier.received",
    DossierStatus.REFUSED: "dossier.refused",
    DossierStatus.PROCESSING: "dossier.progressed",
    DossierStatus.SUPPLEMENT: "dossier.supplement_requested",
    DossierStatus.FINANCE: "dossier.payment_requested",
    DossierStatus.WITHDRAWN: "dossier.withdrawn",
    DossierStatus.STOPPED: "dossier.stopped",
    DossierStatus.DONE: "dossier.finished",
    DossierStatus.RETURNED: "dossier.returned",
    DossierStatus.UNKNOWN: "dossier.progressed",
}
"""Which kind of event tells that a dossier has this status."""


class Channel(StrEnum):
    """How it was filed (kênh thực hiện)."""

    __hash__ = str.__hash__  # Enum's own is not in C

    DESK = "desk"  # trực tiếp
    ONLINE = "online"  # trực tuyến
    POST = "post"  # bưu chính công ích
    UNKNOWN = "unknown"


class ApplicantKind(StrEnum):
    """Who filed (loại đối tượng)."""

    __hash__ = str.__hash__  # Enum's own is not in C

    CITIZEN = "citizen"  # người dân
    BUSINESS = "business"  # doanh nghiệp
    STATE_BODY = "state_body"  # cơ quan nhà nước
    OTHER = "other"  # tổ chức khác
    UNKNOWN = "unknown"


class ReturnWay(StrEnum):
    """How the result is returned (hình thức trả kết quả)."""

    __hash__ = str.__hash__  # Enum's own is not in C

    DESK = "desk"  # trực tiếp
    POST = "post"  # bưu chính công ích
    UNKNOWN = "unknown"


class Procedure(Part):
    """An administrative procedure (thủ tục hành chính)."""

    code: Public[str] = Field(description="National procedure code (mã TTHC).")
    name: Public[str] = Field("", description="Name of the procedure.")
    field_code: Public[str] = Field("", description="Code of its field (mã lĩnh vực).")
    field_name: Public[str] = Field("", description="Name of its field (lĩnh vực).")


class IdentityDocument(Part):
    """One identification of the owner (định danh chủ hồ sơ)."""

    type_code: Public[str] = Field(description="Type as on the wire: 1 số định danh, 2 CMND.")
    number: IdentityNumber[str] = Field(description="The number.")


class Applicant(Part):
    """The dossier's owner (chủ hồ sơ)."""

    kind: Public[ApplicantKind] = Field(ApplicantKind.UNKNOWN, description="Kind of owner.")
    name: Personal[str] = Field("", description="Name.")
    id_number: IdentityNumber[str] = Field("", description="Number of the owner's paper.")
    account_id: IdentityNumber[str] = Field("", description="TechID of the sign-on account.")
    identities: Personal[tuple[IdentityDocument, ...]] = Field((), description="Identifications.")
    email: Contact[str] = Field("", description="E-mail.")
    phone: Contact[str] = Field("", description="Telephone.")
    fax: Contact[str] = Field("", description="Fax.")
    other: Personal[str] = Field("", description="Other information (thông tin khác).")


class Attachment(Part):
    """A submitted paper (tài liệu nộp); the receiver fetches it from `url`."""

    id: Public[str] = Field("", description="File id of the sender.")
    name: Personal[str] = Field("", description="File name.")
    component_code: Public[str] = Field("", description="Component of the dossier it fulfils.")
    url: Personal[str] = Field("", description="Where the receiver downloads it.")
    deleted: Public[bool | None] = Field(None, description="Withdrawn by the sender.")
    digitised: Public[bool | None] = Field(None, description="Digitised (được số hóa).")
    reuse_code: Public[str] = Field("", description="0 none, 1 component, 2 result reused.")
    from_national_store: Public[bool | None] = Field(None, description="Taken from the store.")
    replacing_result_code: Public[str] = Field("", description="Result used instead.")
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")


class Fee(Part):
    """A fee or charge (phí, lệ phí)."""

    name: Public[str] = Field("", description="Name.")
    code: Public[str] = Field("", description="Code.")
    when_code: Public[str] = Field("", description="How collected, as on the wire.")
    amount_vnd: Public[int | None] = Field(None, description="Amount in VND.")
    type_code: Public[str] = Field("", description="Fee or charge, as on the wire.")
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")


class Supplement(Part):
    """One round of asking for more papers (bổ sung hồ sơ)."""

    id: Public[str] = Field("", description="Id of the round.")
    requested_by: Personal[str] = Field("", description="Officer who asked.")
    content: Personal[str] = Field("", description="What is asked.")
    requested_at: Public[datetime | None] = Field(None, description="When it was asked.")
    received_by: Personal[str] = Field("", description="Officer who received.")
    receipt_note: Personal[str] = Field("", description="Note of the receipt.")
    received_at: Public[datetime | None] = Field(None, description="When papers came.")
    complete: Public[bool | None] = Field(None, description="Whether the round is closed.")
    attachments: Personal[tuple[Attachment, ...]] = Field((), description="Papers.")
    fees: Public[tuple[Fee, ...]] = Field((), description="Fees of the round.")
    due_before: Public[datetime | None] = Field(None, description="Appointment before.")
    due_after: Public[datetime | None] = Field(None, description="Appointment after.")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")


class ResultPaper(Part):
    """A result of the procedure (giấy tờ kết quả)."""

    name: Public[str] = Field("", description="Name.")
    component_code: Public[str] = Field("", description="Component code.")
    id: Public[str] = Field("", description="Paper id.")
    url: Personal[str] = Field("", description="Where the receiver downloads it.")
    result_code: Public[str] = Field("", description="Result code of the procedure.")
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")


class OtherPaper(Part):
    """A further enclosed paper (tệp đính kèm khác)."""

    name: Personal[str] = Field("", description="Name.")
    count: Public[int | None] = Field(None, description="How many.")
    type_code: Public[str] = Field("", description="Type as on the wire.")
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")


class Dossier(Part):
    """The whole dossier as its keeper last sent it."""

    procedure: Public[Procedure] = Field(description="What is asked for.")
    applicant: Personal[Applicant] = Field(description="Who asks.")
    receipt_number: Public[str] = Field("", description="Receipt number (số biên nhận).")
    channel: Public[Channel] = Field(Channel.UNKNOWN, description="How it was filed.")
    summary: Personal[str] = Field("", description="Summary (trích yếu).")
    submitted_at: Public[datetime | None] = Field(None, description="Filed (ngày nộp).")
    received_at: Public[datetime | None] = Field(None, description="Received (ngày tiếp nhận).")
    due_at: Public[datetime | None] = Field(None, description="Appointment (ngày hẹn trả).")
    refused_at: Public[datetime | None] = Field(None, description="Refused (ngày từ chối).")
    finished_at: Public[datetime | None] = Field(None, description="Finished (kết thúc xử lý).")
    returned_at: Public[datetime | None] = Field(None, description="Returned (ngày trả).")
    return_note: Personal[str] = Field("", description="Return information (thông tin trả).")
    return_way: Public[ReturnWay] = Field(ReturnWay.UNKNOWN, description="How it is returned.")
    unit_name: Public[str] = Field("", description="Processing unit (đơn vị xử lý).")
    note: Personal[str] = Field("", description="Note (ghi chú).")
    filed_at_code: Public[str] = Field("", description="Where filed: 1 national, 2 one-stop.")
    digitised: Public[bool | None] = Field(None, description="Has digitised components.")
    signed_on_with_vneid: Public[bool | None] = Field(None, description="VNeID account.")
    online_payment_code: Public[str] = Field("", description="0 none, 1 paid online, 3 other.")
    databases: Public[tuple[str, ...]] = Field((), description="National databases used.")
    attachments: Personal[tuple[Attachment, ...]] = Field((), description="Submitted papers.")
    fees: Public[tuple[Fee, ...]] = Field((), description="Fees and charges.")
    other_papers: Personal[tuple[OtherPaper, ...]] = Field((), description="Other papers.")
    supplements: Personal[tuple[Supplement, ...]] = Field((), description="Supplement rounds.")
    results: Personal[tuple[ResultPaper, ...]] = Field((), description="Results.")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")
    doubts: Public[tuple[str, ...]] = Field(
        (),
        description="What the sender seems to have made up: made_up_owner, finished_in_supplement, "
        "submitted_as_result, random_code; what the portal's catalogues do not have: "
        "unknown_procedure, unknown_field, unknown_agency.",
    )


class Step(Part):
    """One processing step (tiến độ xử lý)."""

    officer: Personal[str] = Field("", description="Who handled it (người xử lý).")
    position: Public[str] = Field("", description="Position (chức danh).")
    at: Public[datetime | None] = Field(None, description="When (thời điểm xử lý).")
    department: Public[str] = Field("", description="Department (phòng ban xử lý).")
    content: Personal[str] = Field("", description="What was done (nội dung xử lý).")
    started_at: Public[datetime | None] = Field(None, description="Start of the step.")
    due_at: Public[datetime | None] = Field(None, description="Statutory end of the step.")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")


@data_of("dossier.submitted", "A dossier was filed (mới đăng ký).")
@data_of("dossier.received", "A dossier was received (được tiếp nhận).")
@data_of("dossier.refused", "A dossier was not received (không được tiếp nhận).")
@data_of("dossier.progressed", "A dossier is being handled, or its status is not known here.")
@data_of("dossier.supplement_requested", "More papers are asked for (yêu cầu bổ sung giấy tờ).")
@data_of("dossier.payment_requested", "A financial duty is to be met (nghĩa vụ tài chính).")
@data_of("dossier.withdrawn", "The citizen has asked for the dossier back (rút hồ sơ).")
@data_of("dossier.stopped", "Handling of a dossier was stopped (dừng xử lý).")
@data_of("dossier.finished", "Handling of a dossier is done (đã xử lý xong).")
@data_of("dossier.returned", "The result of a dossier was handed over (đã trả kết quả).")
class DossierEvent(EventData):
    """A dossier has reached a status; the kind tells which.

    A sender that sends the whole dossier fills `dossier`, one that sends progress fills `step`.
    """

    code: Public[str] = Field(description="Dossier code (mã hồ sơ), as on the wire.")
    unit: Public[str] = Field(description="Organisation id of the unit (mã định danh đơn vị).")
    status: Public[DossierStatus] = Field(description="Status.")
    status_code: Public[str] = Field("", description="Status as on the wire.")
    updating: Public[bool | None] = Field(
        None, description="The sender said that this is an update (isUpdating)."
    )
    dossier: Personal[Dossier | None] = Field(None, description="The whole dossier.")
    step: Personal[Step | None] = Field(None, description="The processing step.")
