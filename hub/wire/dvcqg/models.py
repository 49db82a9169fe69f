"""Wire objects of `DongBoHoSoMC` and `CapNhatTienDoHoSoMC`, named exactly as on the wire.

A field that was not sent is `None`, so that it is not written back; one sent as `""` stays `""`.
Numbers are kept as text (`2` and `"2"` say the same), booleans as given (`"0"`, `"1"`, `"True"`,
`"False"` or a JSON boolean). Fields unknown here are kept in `__pydantic_extra__`.

Source of the format: field lists of the portal's service documents as two one-stop products
implement them (2020 and 2023-25).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Text = str | None
Flag = Annotated[str | bool | None, Field(union_mode="left_to_right")]


class WirePart(BaseModel):
    """Every wire object: frozen, tolerant of unknown fields, silent about values in errors."""

    model_config = ConfigDict(
        frozen=True, extra="allow", hide_input_in_errors=True, coerce_numbers_to_str=True
    )


class WireIdentity(WirePart):
    """Item of `DinhDanhCHS`: one identification of the owner."""

    LoaiDinhDanh: Text = None
    SoDinhDanh: Text = None


class WireDatabase(WirePart):
    """Item of `DSKetNoiCSDL`: one national database that was used."""

    MaCSDL: Text = None


class WireAttachment(WirePart):
    """Item of `TaiLieuNop` and `DanhSachGiayToBoSung`: one submitted paper."""

    TepDinhKemId: Text = None
    TenTepDinhKem: Text = None
    IsDeleted: Flag = None
    MaThanhPhanHoSo: Text = None
    DuongDanTaiTepTin: Text = None
    DuocSoHoa: Flag = None
    DuocTaiSuDung: Text = None
    DuocLayTuKhoDMQG: Flag = None
    MaKetQuaThayThe: Text = None


class WireFee(WirePart):
    """Item of `DanhSachLePhi` and `DanhSachLePhiBoSung`; `Gia` is whole VND as text."""

    TenPhiLePhi: Text = None
    MaPhiLePhi: Text = None
    HinhThucThu: Text = None
    Gia: Text = None
    LoaiPhiLePhi: Text = None


class WireOtherPaper(WirePart):
    """Item of `DanhSachTepDinhKemKhac`."""

    TenGiayTo: Text = None
    SoLuong: Text = None
    LoaiGiayTo: Text = None


class WireSupplement(WirePart):
    """Item of `DanhSachHoSoBoSung`: one round of asking for more papers."""

    HoSoBoSungId: Text = None
    NguoiYeuCauBoSung: Text = None
    NoiDungBoSung: Text = None
    NgayBoSung: Text = None
    NguoiTiepNhanBoSung: Text = None
    ThongTinTiepNhan: Text = None
    NgayTiepNhanBoSung: Text = None
    TrangThaiBoSung: Flag = None
    DanhSachGiayToBoSung: tuple[WireAttachment, ...] | None = None
    DanhSachLePhiBoSung: tuple[WireFee, ...] | None = None
    NgayHenTraTruoc: Text = None
    NgayHenTraMoi: Text = None


class WireResult(WirePart):
    """Item of `DanhSachGiayToKetQua`: one result."""

    TenGiayTo: Text = None
    MaThanhPhanHoSo: Text = None
    GiayToId: Text = None
    DuongDanTepTinKetQua: Text = None
    MaGiayToKetQua: Text = None


class WireDossier(WirePart):
    """Item of `data` in `DongBoHoSoMC`: the whole dossier."""

    MaHoSo: Text = None
    MaTTHC: Text = None
    TenTTHC: Text = None
    MaLinhVuc: Text = None
    TenLinhVuc: Text = None
    SoBienNhan: Text = None
    KenhThucHien: Text = None
    ChuHoSo: Text = None
    SoGiayToChuHoSo: Text = None
    LoaiDoiTuong: Text = None
    MaDoiTuong: Text = None
    DinhDanhCHS: tuple[WireIdentity, ...] | None = None
    Email: Text = None
    SoDienThoai: Text = None
    ThongTinKhac: Text = None
    Fax: Text = None
    TrichYeuHoSo: Text = None
    NgayNopHoSo: Text = None
    NgayTiepNhan: Text = None
    NgayHenTra: Text = None
    TrangThaiHoSo: Text = None
    NgayTuChoi: Text = None
    NgayKetThucXuLy: Text = None
    NgayTra: Text = None
    ThongTinTra: Text = None
    HinhThuc: Text = None
    DonViXuLy: Text = None
    GhiChu: Text = None
    NoiNopHoSo: Text = None
    HoSoCoThanhPhanSoHoa: Flag = None
    TaiKhoanDuocXacThucVoiVNeID: Flag = None
    DuocThanhToanTrucTuyen: Text = None
    DSKetNoiCSDL: tuple[WireDatabase, ...] | None = None
    TaiLieuNop: tuple[WireAttachment, ...] | None = None
    DanhSachLePhi: tuple[WireFee, ...] | None = None
    DanhSachTepDinhKemKhac: tuple[WireOtherPaper, ...] | None = None
    DanhSachHoSoBoSung: tuple[WireSupplement, ...] | None = None
    DanhSachGiayToKetQua: tuple[WireResult, ...] | None = None


class WireProgress(WirePart):
    """Item of `data` in `CapNhatTienDoHoSoMC`: one processing step."""

    MaHoSo: Text = None
    NguoiXuLy: Text = None
    ChucDanh: Text = None
    ThoiDiemXuLy: Text = None
    PhongBanXuLy: Text = None
    NoiDungXuLy: Text = None
    TrangThai: Text = None
    NgayBatDau: Text = None
    NgayKetThucTheoQuyDinh: Text = None


class WireState(WirePart):
    """`data` of `DongBoTrangThaiHoSo`: the state of a dossier that was filed at the portal.

    `MaHoSo` is the portal's own code, `MaHoSoDonVi` the one of the unit that handles it.
    """

    TrangThai: Text = None
    MaHoSo: Text = None
    MaHoSoDonVi: Text = None
    MaDoiTuong: Text = None
    NoiDung: Text = None
    NgayXuLy: Text = None
    TaiLieuXuLy: tuple[WireAttachment, ...] | None = None


class WireQuestion(WirePart):
    """A `hoidap`: a citizen's question, and its answer once there is one."""

    CAUHOIID: Text = None
    MALINHVUC: Text = None
    MADONVI: Text = None
    TENDONVI: Text = None
    NOIDUNG: Text = None
    NOIDUNGTRALOI: Text = None
    HOVATEN: Text = None
    DIACHI: Text = None
    THUDIENTU: Text = None
    SODIENTHOAI: Text = None
    MATTHCDP: Text = None
    TRANGTHAI: Text = None
    CHUCVUNGUOITRALOI: Text = None


DOSSIER_SERVICE = "DongBoHoSoMC"
PROGRESS_SERVICE = "CapNhatTienDoHoSoMC"
STATE_SERVICE = "DongBoTrangThaiHoSo"
QUESTIONS_SERVICE = "LayDanhSachHoiDapGuiTuDVCQG"
ANSWER_SERVICE = "DongBoKetQuaHoiDapGuiTuDVCQG"
ANSWER_LOOK_UP = "LayNoiDungTraLoiTheoCauHoi"
READ_SERVICES = (
    "TraCuuHoSo",
    "LayThuTuc",
    "LayDanhSachTTHC",
    "LayDanhMucCoQuan",
    "LayDanhMucLinhVuc",
    "TraCuuTechID",
)
"""Read-only services of the portal that answer at the same address."""
