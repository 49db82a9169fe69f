"""Phúc Lợi ward (Long Biên, Hà Nội) in the first eight months of 2023.

Published: 2,452 dossiers received, 2,451 solved, 1 open, 0 late, over 97 % early; the shortened
terms. Assumed by this demo: the share of each procedure, fees, channels, and that a same-day
procedure has a statutory term of 8 working hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from hub.worktime import VIETNAM_CALENDAR, WORKING_DAY

DOSSIER_COUNT = 2452
"""Dossiers received in the period."""

UNIT = "H26.19.12"
"""Organisation id of the ward's one-stop shop, invented (H26 is Hà Nội)."""

UNIT_NAME = "UBND phường Phúc Lợi"
FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2023, 8, 31)
CALENDAR = VIETNAM_CALENDAR


@dataclass(frozen=True, slots=True)
class Procedure:
    """One administrative procedure as the ward offers it.

    Attributes:
        code, name: of the national catalogue.
        field_code, field_name: its field (lĩnh vực).
        term: statutory term in working time, what the appointment is made of.
        shortened: the ward's own term in working time; none: the same day.
        weight: dossiers of it in a thousand.
        fee_name, fee_vnd: what is paid for one copy, signature or paper; 0: free.
        papers: what the applicant hands in.
        result: the paper that is returned.
        online: how many of a hundred file online.
    """

    code: str
    name: str
    field_code: str
    field_name: str
    term: timedelta
    shortened: timedelta | None
    weight: int
    fee_name: str
    fee_vnd: int
    papers: tuple[str, ...]
    result: str
    online: int = 0


CERTIFICATION = ("LV.CT", "Chứng thực")
CIVIL_STATUS = ("LV.HT", "Hộ tịch")

CERTIFIED_COPY = Procedure(
    "2.000815",
    "Thủ tục chứng thực bản sao từ bản chính giấy tờ, văn bản do cơ quan, tổ chức có thẩm quyền"
    " của Việt Nam cấp hoặc chứng nhận",
    *CERTIFICATION,
    term=WORKING_DAY,
    shortened=None,
    weight=580,
    fee_name="Phí chứng thực bản sao từ bản chính",
    fee_vnd=2_000,
    papers=("Bản chính giấy tờ, văn bản",),
    result="Bản sao được chứng thực",
)
CERTIFIED_SIGNATURE = Procedure(
    "2.000884",
    "Thủ tục chứng thực chữ ký trong các giấy tờ, văn bản",
    *CERTIFICATION,
    term=WORKING_DAY,
    shortened=None,
    weight=170,
    fee_name="Phí chứng thực chữ ký",
    fee_vnd=10_000,
    papers=("Giấy tờ, văn bản sẽ ký",),
    result="Giấy tờ, văn bản được chứng thực chữ ký",
)
DEATH_REGISTRATION = Procedure(
    "1.000656",
    "Thủ tục đăng ký khai tử",
    *CIVIL_STATUS,
    term=WORKING_DAY,
    shortened=None,
    weight=30,
    fee_name="",
    fee_vnd=0,
    papers=("Tờ khai đăng ký khai tử", "Giấy báo tử"),
    result="Trích lục khai tử",
)
MARITAL_STATUS = Procedure(
    "1.004873",
    "Thủ tục cấp Giấy xác nhận tình trạng hôn nhân",
    *CIVIL_STATUS,
    term=3 * WORKING_DAY,
    shortened=WORKING_DAY,
    weight=140,
    fee_name="Lệ phí cấp giấy xác nhận tình trạng hôn nhân",
    fee_vnd=3_000,
    papers=("Tờ khai cấp Giấy xác nhận tình trạng hôn nhân",),
    result="Giấy xác nhận tình trạng hôn nhân",
    online=60,
)
BIRTH_WITH_RECOGNITION = Procedure(
    "1.000689",
    "Thủ tục đăng ký khai sinh kết hợp đăng ký nhận cha, mẹ, con",
    *CIVIL_STATUS,
    term=5 * WORKING_DAY,
    shortened=3 * WORKING_DAY,
    weight=35,
    fee_name="Lệ phí đăng ký nhận cha, mẹ, con",
    fee_vnd=15_000,
    papers=("Tờ khai đăng ký khai sinh", "Tờ khai đăng ký nhận cha, mẹ, con", "Giấy chứng sinh"),
    result="Giấy khai sinh",
    online=40,
)
CORRECTION = Procedure(
    "1.004859",
    "Thủ tục thay đổi, cải chính, bổ sung thông tin hộ tịch",
    *CIVIL_STATUS,
    term=5 * WORKING_DAY,
    shortened=3 * WORKING_DAY,
    weight=45,
    fee_name="Lệ phí thay đổi, cải chính hộ tịch",
    fee_vnd=5_000,
    papers=("Tờ khai thay đổi, cải chính hộ tịch", "Giấy tờ chứng minh nội dung cải chính"),
    result="Trích lục thay đổi, cải chính hộ tịch",
    online=40,
)

PROCEDURES = (
    CERTIFIED_COPY,
    CERTIFIED_SIGNATURE,
    DEATH_REGISTRATION,
    MARITAL_STATUS,
    BIRTH_WITH_RECOGNITION,
    CORRECTION,
)
"""All that the ward offers here, the commonest first."""


@dataclass(frozen=True, slots=True)
class Officer:
    """Someone at the ward, invented."""

    name: str
    position: str
    department: str


RECEIVER = Officer("Lê Thu Mẫu", "Công chức tiếp nhận và trả kết quả", "Bộ phận Một cửa")
HANDLER = Officer("Phạm Văn Thử", "Công chức Tư pháp - Hộ tịch", "Tư pháp - Hộ tịch")
SIGNER = Officer("Trần Minh Giả", "Phó Chủ tịch", "Lãnh đạo UBND phường")
