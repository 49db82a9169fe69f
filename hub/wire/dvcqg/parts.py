"""The shapes of the parts of a dossier and of a processing step, field by field."""

from __future__ import annotations

from hub.schemas.dossier import (
    Applicant,
    Attachment,
    Dossier,
    Fee,
    OtherPaper,
    Procedure,
    ResultPaper,
    Step,
    Supplement,
)
from hub.wire.dvcqg import codes
from hub.wire.dvcqg.codes import FLAG_OF_TEXT
from hub.wire.dvcqg.shape import Row, Shape, coded, date, flag, many, number, whole_number


def _text(text: str) -> str | None:
    return text or None


def _code_number(code: str) -> int | str:
    """A code that the wire writes as a JSON number, if it is one."""
    whole = whole_number(code)
    return code if whole is None else whole


ATTACHMENT = Shape(
    Attachment,
    Row("TepDinhKemId", "id"),
    Row("TenTepDinhKem", "name"),
    flag("IsDeleted", "deleted"),
    Row("MaThanhPhanHoSo", "component_code"),
    Row("DuongDanTaiTepTin", "url"),
    flag("DuocSoHoa", "digitised"),
    Row("DuocTaiSuDung", "reuse_code"),
    flag("DuocLayTuKhoDMQG", "from_national_store"),
    Row("MaKetQuaThayThe", "replacing_result_code"),
)

FEE = Shape(
    Fee,
    Row("TenPhiLePhi", "name"),
    Row("MaPhiLePhi", "code"),
    Row("HinhThucThu", "when_code"),
    number("Gia", "amount_vnd"),
    Row("LoaiPhiLePhi", "type_code"),
)

OTHER_PAPER = Shape(
    OtherPaper,
    Row("TenGiayTo", "name"),
    number("SoLuong", "count", write=int),
    Row("LoaiGiayTo", "type_code", _text, _code_number),
)

SUPPLEMENT = Shape(
    Supplement,
    Row("HoSoBoSungId", "id"),
    Row("NguoiYeuCauBoSung", "requested_by"),
    Row("NoiDungBoSung", "content"),
    date("NgayBoSung", "requested_at"),
    Row("NguoiTiepNhanBoSung", "received_by"),
    Row("ThongTinTiepNhan", "receipt_note"),
    date("NgayTiepNhanBoSung", "received_at"),
    Row("TrangThaiBoSung", "complete", FLAG_OF_TEXT.get, bool),
    many("DanhSachGiayToBoSung", "attachments", ATTACHMENT),
    many("DanhSachLePhiBoSung", "fees", FEE),
    date("NgayHenTraTruoc", "due_before"),
    date("NgayHenTraMoi", "due_after"),
)

RESULT = Shape(
    ResultPaper,
    Row("TenGiayTo", "name"),
    Row("MaThanhPhanHoSo", "component_code"),
    Row("GiayToId", "id"),
    Row("DuongDanTepTinKetQua", "url"),
    Row("MaGiayToKetQua", "result_code"),
)

PROCEDURE = Shape(
    Procedure,
    Row("MaTTHC", "code"),
    Row("TenTTHC", "name"),
    Row("MaLinhVuc", "field_code"),
    Row("TenLinhVuc", "field_name"),
)

APPLICANT = Shape(
    Applicant,
    Row("ChuHoSo", "name"),
    Row("SoGiayToChuHoSo", "id_number"),
    coded("LoaiDoiTuong", "kind", codes.APPLICANT_OF_CODE, codes.CODE_OF_APPLICANT),
    Row("MaDoiTuong", "account_id"),
    Row("Email", "email"),
    Row("SoDienThoai", "phone"),
    Row("ThongTinKhac", "other"),
    Row("Fax", "fax"),
)

DOSSIER = Shape(
    Dossier,
    Row("SoBienNhan", "receipt_number"),
    coded("KenhThucHien", "channel", codes.CHANNEL_OF_CODE, codes.CODE_OF_CHANNEL),
    Row("TrichYeuHoSo", "summary"),
    date("NgayNopHoSo", "submitted_at"),
    date("NgayTiepNhan", "received_at"),
    date("NgayHenTra", "due_at"),
    date("NgayTuChoi", "refused_at"),
    date("NgayKetThucXuLy", "finished_at"),
    date("NgayTra", "returned_at"),
    Row("ThongTinTra", "return_note"),
    coded("HinhThuc", "return_way", codes.RETURN_OF_CODE, codes.CODE_OF_RETURN),
    Row("DonViXuLy", "unit_name"),
    Row("GhiChu", "note"),
    Row("NoiNopHoSo", "filed_at_code"),
    flag("HoSoCoThanhPhanSoHoa", "digitised"),
    flag("TaiKhoanDuocXacThucVoiVNeID", "signed_on_with_vneid"),
    Row("DuocThanhToanTrucTuyen", "online_payment_code"),
    many("TaiLieuNop", "attachments", ATTACHMENT),
    many("DanhSachLePhi", "fees", FEE),
    many("DanhSachTepDinhKemKhac", "other_papers", OTHER_PAPER),
    many("DanhSachHoSoBoSung", "supplements", SUPPLEMENT),
    many("DanhSachGiayToKetQua", "results", RESULT),
)

STEP = Shape(
    Step,
    Row("NguoiXuLy", "officer"),
    Row("ChucDanh", "position"),
    date("ThoiDiemXuLy", "at"),
    Row("PhongBanXuLy", "department"),
    Row("NoiDungXuLy", "content"),
    date("NgayBatDau", "started_at"),
    date("NgayKetThucTheoQuyDinh", "due_at"),
)
