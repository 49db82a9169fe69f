"""The papers of the story, in the wire forms of those who write them; all people are invented.

Sources of the formats: the portal's `DongBoHoSoMC` (domain notes 3.3), the office's `GuiHoSo`
(6.4.1), the post's order (5.1.1), the contract of petitions (7.3).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from hub.demo.cast import PARTNER_OFFICE
from hub.demo.people import Person
from hub.demo.ward import MARITAL_STATUS
from hub.demo.wire import Dossier
from hub.wire.dvcqg.dates import write_stamp
from hub.worktime import VIETNAM, VIETNAM_CALENDAR, WORKING_DAY, Calendar, Year

PDF = base64.b64encode(b"%PDF-1.4\n% van ban cua hub demo\n%%EOF\n").decode()
ADDRESS = "Số 2 phố Mẫu"
CITIZEN = Person("Nguyễn Văn Mẫu", "099090000001", "0900000001", "nguyen.van.mau@thu.example")
LASTS = timedelta(hours=2)
"""From the receipt of a dossier to its result."""
OFFICE_FORM = {
    "Ten": CITIZEN.name,
    "CMND": CITIZEN.id_number,
    "SoDienThoai": CITIZEN.phone,
    "DiaChi": ADDRESS,
}
"""The citizen in the words of the document office."""


def dossier(code: str, unit_name: str) -> dict[str, Any]:
    """What stays the same in every form of the dossier."""
    procedure = MARITAL_STATUS
    return {
        "MaHoSo": code,
        "MaTTHC": procedure.code,
        "TenTTHC": procedure.name,
        "MaLinhVuc": procedure.field_code,
        "TenLinhVuc": procedure.field_name,
        "KenhThucHien": "2",
        "ChuHoSo": CITIZEN.name,
        "SoGiayToChuHoSo": CITIZEN.id_number,
        "LoaiDoiTuong": "1",
        "MaDoiTuong": "tech-demo-1",
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": CITIZEN.id_number}],
        "SoDienThoai": CITIZEN.phone,
        "TrichYeuHoSo": procedure.result,
        "HinhThuc": "1",
        "DonViXuLy": unit_name,
        "NoiNopHoSo": "1",
        "HoSoCoThanhPhanSoHoa": "1",
        "TaiKhoanDuocXacThucVoiVNeID": "1",
        "DuocThanhToanTrucTuyen": "1",
        "DanhSachLePhi": [
            {
                "TenPhiLePhi": procedure.fee_name,
                "MaPhiLePhi": "1",
                "HinhThucThu": "1",
                "Gia": str(procedure.fee_vnd),
                "LoaiPhiLePhi": "2",
            }
        ],
    }


def calendar_around(now: datetime) -> Calendar:
    """The hub's calendar; a year that it lacks is taken without holidays, which a demo may."""
    plain = {now.year + n: Year(frozenset()) for n in (-1, 0, 1)}
    return replace(VIETNAM_CALENDAR, years={**plain, **VIETNAM_CALENDAR.years})


def received_before(now: datetime) -> datetime:
    """A working instant from which the whole story lies in the past."""
    calendar = calendar_around(now)
    starts = (calendar.next_instant(now - timedelta(days=n)) for n in count(1))
    return next(at for at in starts if at + LASTS <= now)


def appointment(received: datetime) -> datetime:
    """Three working days from a receipt."""
    return calendar_around(received).add(received, 3 * WORKING_DAY)


def form(
    code: str, unit_name: str, status: str, *, received: datetime, due: datetime
) -> dict[str, Any]:
    """The whole dossier as the product tells it in a status: what is still to come is left out."""
    times = {"NgayNopHoSo": received - timedelta(hours=1)}
    if status != "1":
        times |= {"NgayTiepNhan": received, "NgayHenTra": due}
    if status in ("9", "10"):
        times |= {"NgayKetThucXuLy": received + LASTS}
    if status == "10":
        times |= {"NgayTra": received + LASTS}
    stamps = {name: write_stamp(at) for name, at in times.items()}
    return {**dossier(code, unit_name), **stamps, "TrangThaiHoSo": status}


def draft(code: str, unit: str, unit_name: str) -> dict[str, Any]:
    """A draft that the one-stop hands to its document office (`GuiHoSo`)."""
    return {
        "IDHoSo": code,
        "MaHoSo": code,
        "TenHoSo": "Xin ý kiến về hồ sơ",
        "ThuTuc": MARITAL_STATUS.name,
        "ChuHoSo": OFFICE_FORM,
        "NguoiNop": OFFICE_FORM,
        "NguoiKy": {"Ten": "Trần Minh Giả", "TaiKhoan": "lanhdao", "Id": "1"},
        "NguoiTrinhKy": {"Ten": "Phạm Văn Thử", "TaiKhoan": "canbo", "Id": "2"},
        "DonVi": {"Ten": unit_name, "MaDinhDanh": unit},
        "VanBanDuThao": {
            "TrichYeu": "V/v xin ý kiến về hồ sơ",
            "LoaiVanBan": "Công văn",
            "NgayTao": f"{datetime.now(VIETNAM):%Y%m%d%H%M%S}",
            "DinhKem": [{"Ten": "du-thao.pdf", "Base64": PDF}],
        },
        "ThanhPhanHoSo": [],
        "ThamSoAn": '{"LaHoSoLienThong":false,"DuThao":true,"DuThaoId":"d-1","NgayHenTraMoi":""}',
        "HccLinkAPI": "https://mot-cua.phuc-loi.example/api",
        "LoaiHSLienthong": "",
        "HanXuLyVanBan": f"{datetime.now(VIETNAM) + timedelta(days=2):%Y%m%d%H%M%S}",
    }


def issue(code: str, unit: str, unit_name: str, *, number: int = 15) -> dict[str, Any]:
    """A letter from the unit to another office."""
    return {
        "MaHoSo": code,
        "LoaiNghiepVu": "0",
        "DonViGui": {"Ten": unit_name, "MaDinhDanh": unit},
        "NoiNhan": [{"Ten": "Sở Tư pháp", "MaDinhDanh": PARTNER_OFFICE}],
        "VanBan": {
            "TrichYeu": "V/v xin ý kiến về hồ sơ",
            "LoaiVanBan": "Công văn",
            "NgayBanHanh": f"{datetime.now(VIETNAM):%d/%m/%Y}",
            "SoKyHieu": f"{number}/UBND-TP",
            "NguoiKy": "Trần Minh Giả",
            "ChucVu": "Phó Chủ tịch",
            "DinhKem": [{"Ten": "cong-van.pdf", "Base64": PDF}],
        },
    }


def order(code: str, unit_name: str, receiver: Person = CITIZEN) -> dict[str, Any]:
    """An order for the return of the result, the arguments of the product's act."""
    return {
        "number": code,
        "SenderName": unit_name,
        "SenderProvince": 10,
        "SenderDistrict": 0,
        "SenderAddress": "Số 1 phố Thử Nghiệm",
        "SenderTel": "02400000000",
        "ReceiverName": receiver.name,
        "ReceiverAddress": ADDRESS,
        "ReceiverTel": receiver.phone,
        "ReceiverProvince": 10,
        "ReceiverDistrict": 0,
    }


def document(code: str, unit: str, unit_name: str, *, number: int) -> dict[str, Any]:
    """A letter that belongs to no dossier; `code` is the file's own."""
    told = issue(code, unit, unit_name, number=number)
    return told | {"VanBan": told["VanBan"] | {"TrichYeu": f"V/v phối hợp công tác số {number}"}}


def payment(dossier: Dossier) -> dict[str, Any]:
    """A payment of a dossier's fee, the arguments of the product's act."""
    procedure, person = dossier.course.procedure, dossier.person
    fee = {
        "LoaiPhiLePhi": "1",
        "MaPhiLePhi": "1",
        "TenPhiLePhi": procedure.fee_name,
        "SoTien": str(dossier.fee_vnd),
    }
    return {
        "code": dossier.code,
        "amount": dossier.fee_vnd,
        "reference": f"TT{dossier.code.replace('.', '').replace('-', '')}",
        "MaDonVi": dossier.code.partition("-")[0],
        "TenDonVi": dossier.unit_name,
        "MaTTHC": procedure.code,
        "TenTTHC": procedure.name,
        "HoTenNguoiNop": person.name,
        "SoCMNDNguoiNop": person.id_number,
        "DiaChiNguoiNop": ADDRESS,
        "PhiLePhi": [fee],
    }


def petition(code: str, unit: str, unit_name: str) -> dict[str, Any]:
    """A citizen asks about the dossier."""
    return {
        "type": "pakn.received",
        "paknId": f"PA-{code}",
        "source": "portal",
        "organTarget": unit,
        "organTargetName": unit_name,
        "dossierCode": code,
        "submitter": {"name": CITIZEN.name, "kind": "1", "phone": CITIZEN.phone},
        "subject": "Hỏi về hồ sơ",
        "content": "Kết quả được trả bằng cách nào?",
        "category": "hanh_vi_hanh_chinh",
        "submittedAt": datetime.now(VIETNAM).isoformat(timespec="seconds"),
    }


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The agency answers a petition."""
    about = {"dossierCode": asked["dossierCode"]} if "dossierCode" in asked else {}
    return {
        "type": "pakn.answered",
        "paknId": asked["paknId"],
        "source": asked["source"],
        "answer": "Kết quả đã được trả qua bưu chính công ích.",
        "answeredBy": "Lê Văn Thử",
        "answeredAt": datetime.now(VIETNAM).isoformat(timespec="seconds"),
        "public": True,
        "status": "1",
        **about,
    }
