"""What the one-stop product sends about a dossier: its form and its steps, as the portal has them.

Source of the format: the portal's `DongBoHoSoMC` and `CapNhatTienDoHoSoMC` (domain notes 3.3-3.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from hub.demo.course import Course, Round
from hub.demo.people import Person
from hub.demo.ward import HANDLER, RECEIVER, SIGNER, Officer
from hub.wire.dvcqg.dates import write_stamp

FILES = "https://mot-cua.phuc-loi.example/tep"

Service = Literal["DongBoHoSoMC", "CapNhatTienDoHoSoMC"]
FORM: Service = "DongBoHoSoMC"
STEPS: Service = "CapNhatTienDoHoSoMC"
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dossier:
    """One dossier of the demo: its code, owner, how many are paid for, course, unit, and whether
    the fee is paid online."""

    code: str
    person: Person
    copies: int
    course: Course
    unit_name: str
    pays_online: bool = False

    @property
    def fee_vnd(self) -> int:
        """What the owner pays in all."""
        return self.copies * self.course.procedure.fee_vnd


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the product.

    Attributes:
        at: when the product makes it, in the ward's own time.
        code: the dossier it is about.
        service: name of the portal's service.
        items: elements of `data`: one form, or steps with the oldest first.
        updating: `isUpdating` of a form; False for its first sending.
    """

    at: datetime
    code: str
    service: Service
    items: tuple[Item, ...]
    updating: bool = False


def calls(dossier: Dossier) -> Iterator[Call]:
    """Every call about one dossier, in order: what the form tells first, then its steps."""
    course, code = dossier.course, dossier.code
    yield _form_call(dossier, course.received_at, "2")
    received = _step(code, RECEIVER, course.received_at, "Tiếp nhận hồ sơ", "2")
    started = _step(code, RECEIVER, course.started_at, "Chuyển bộ phận chuyên môn xử lý", "4")
    yield _steps_call(code, received, started)
    if course.round is not None:
        yield from _round_calls(dossier, course.round)
    if course.signed_at is not None:
        yield _steps_call(code, _step(code, HANDLER, course.signed_at, "Trình lãnh đạo ký", "4"))
    if course.finished_at and course.returned_at:
        yield _form_call(dossier, course.finished_at, "9")
        yield _steps_call(code, _step(code, SIGNER, course.finished_at, "Ký duyệt kết quả", "9"))
        yield _form_call(dossier, course.returned_at, "10")
        way = "Đã trả kết quả qua bưu chính công ích" if course.by_post else "Đã trả kết quả"
        yield _steps_call(code, _step(code, RECEIVER, course.returned_at, way, "10"))


def _round_calls(dossier: Dossier, supplement: Round) -> Iterator[Call]:
    code = dossier.code
    yield _form_call(dossier, supplement.asked_at, "5")
    asked = _step(code, HANDLER, supplement.asked_at, "Yêu cầu bổ sung giấy tờ", "5")
    yield _steps_call(code, asked)
    yield _form_call(dossier, supplement.answered_at, "4")
    answered = _step(code, RECEIVER, supplement.answered_at, "Tiếp nhận giấy tờ bổ sung", "4")
    yield _steps_call(code, answered)


def _form_call(dossier: Dossier, at: datetime, status: str) -> Call:
    first = status == "2"
    return Call(at, dossier.code, FORM, (form(dossier, at, status),), not first)


def _steps_call(code: str, *steps: tuple[datetime, Item]) -> Call:
    items = tuple(item for _, item in steps)
    return Call(steps[-1][0], code, STEPS, items)


def _step(
    code: str, officer: Officer, at: datetime, action: str, status: str
) -> tuple[datetime, Item]:
    return at, {
        "MaHoSo": code,
        "NguoiXuLy": officer.name,
        "ChucDanh": officer.position,
        "ThoiDiemXuLy": write_stamp(at),
        "PhongBanXuLy": officer.department,
        "NoiDungXuLy": action,
        "TrangThai": status,
    }


def form(dossier: Dossier, at: datetime, status: str) -> Item:
    """The whole dossier as the product knows it at an instant."""
    return {
        **_what(dossier),
        **_who(dossier),
        **_when(dossier.course, at),
        "TrangThaiHoSo": status,
        **_how(dossier, status),
        **_papers(dossier, at),
    }


def _what(dossier: Dossier) -> Item:
    procedure = dossier.course.procedure
    return {
        "MaHoSo": dossier.code,
        "MaTTHC": procedure.code,
        "TenTTHC": procedure.name,
        "MaLinhVuc": procedure.field_code,
        "TenLinhVuc": procedure.field_name,
        "SoBienNhan": dossier.code,
        "TrichYeuHoSo": f"{procedure.result}: {dossier.person.name}",
    }


def _who(dossier: Dossier) -> Item:
    person = dossier.person
    account = f"tech-{person.id_number[-6:]}" if dossier.course.is_online else ""
    return {
        "ChuHoSo": person.name,
        "SoGiayToChuHoSo": person.id_number,
        "LoaiDoiTuong": "1",
        "MaDoiTuong": account,
        "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": person.id_number}],
        "Email": person.email,
        "SoDienThoai": person.phone,
    }


def _when(course: Course, at: datetime) -> Item:
    """What is known at an instant: the future is not sent."""

    def known(moment: datetime | None) -> str:
        return write_stamp(moment) if moment is not None and moment <= at else ""

    answered = course.round is not None and course.round.answered_at <= at
    return {
        "NgayNopHoSo": write_stamp(course.submitted_at),
        "NgayTiepNhan": write_stamp(course.received_at),
        "NgayHenTra": write_stamp(course.due_now if answered else course.due_at),
        "NgayKetThucXuLy": known(course.finished_at),
        "NgayTra": known(course.returned_at),
    }


def _how(dossier: Dossier, status: str) -> Item:
    course = dossier.course
    is_paid = dossier.pays_online and status != "2"  # the payment is ordered after the receipt
    paid = "0" if not dossier.fee_vnd else "1" if is_paid else "3"
    return {
        "KenhThucHien": "2" if course.is_online else "1",
        "HinhThuc": "1" if course.by_post else "0",
        "DonViXuLy": dossier.unit_name,
        "NoiNopHoSo": "2",
        "HoSoCoThanhPhanSoHoa": "1",
        "TaiKhoanDuocXacThucVoiVNeID": "1" if course.is_online else "0",
        "DuocThanhToanTrucTuyen": paid,
        "DSKetNoiCSDL": [{"MaCSDL": "7"}],
    }


def _papers(dossier: Dossier, at: datetime) -> Item:
    course, procedure = dossier.course, dossier.course.procedure
    submitted = [
        _paper(dossier.code, number, name) for number, name in enumerate(procedure.papers, 1)
    ]
    result = {
        "TenGiayTo": procedure.result,
        "MaThanhPhanHoSo": "KQ01",
        "GiayToId": f"{dossier.code}-kq",
        "DuongDanTepTinKetQua": f"{FILES}/{dossier.code}/ket-qua.pdf",
    }
    fee = {
        "TenPhiLePhi": procedure.fee_name,
        "MaPhiLePhi": "1",
        "HinhThucThu": "1",
        "Gia": str(dossier.fee_vnd),
        "LoaiPhiLePhi": "1",
    }
    is_asked = course.round is not None and course.round.asked_at <= at
    is_done = course.finished_at is not None and course.finished_at <= at
    return {
        "TaiLieuNop": submitted,
        "DanhSachLePhi": [fee] if dossier.fee_vnd else [],
        "DanhSachTepDinhKemKhac": [],
        "DanhSachHoSoBoSung": [_round(dossier.code, course.round, at)]
        if course.round and is_asked
        else [],
        "DanhSachGiayToKetQua": [result] if is_done else [],
    }


def _paper(code: str, number: int, name: str) -> Item:
    return {
        "TepDinhKemId": f"{code}-{number}",
        "TenTepDinhKem": f"{name}.pdf",
        "IsDeleted": "0",
        "MaThanhPhanHoSo": f"TP{number:02}",
        "DuongDanTaiTepTin": f"{FILES}/{code}/{number}.pdf",
        "DuocSoHoa": "1",
        "DuocTaiSuDung": "0",
        "DuocLayTuKhoDMQG": "0",
    }


def _round(code: str, supplement: Round, at: datetime) -> Item:
    asked = {
        "HoSoBoSungId": f"{code}-bs1",
        "NguoiYeuCauBoSung": HANDLER.name,
        "NoiDungBoSung": "Bổ sung giấy tờ còn thiếu",
        "NgayBoSung": write_stamp(supplement.asked_at),
        "TrangThaiBoSung": supplement.answered_at <= at,
        "NgayHenTraTruoc": write_stamp(supplement.due_before),
    }
    if supplement.answered_at > at:
        return asked
    return asked | {
        "NguoiTiepNhanBoSung": RECEIVER.name,
        "ThongTinTiepNhan": "Đã nhận đủ giấy tờ",
        "NgayTiepNhanBoSung": write_stamp(supplement.answered_at),
        "DanhSachGiayToBoSung": [_paper(code, 9, "Giấy tờ bổ sung")],
        "NgayHenTraMoi": write_stamp(supplement.due_after),
    }
