"""What the documents of dossiers, payments, receipts, the post and petitions name."""

from __future__ import annotations

from tests.connectors.coverage import Codes, Fields, Oddity

STATUSES = {
    "1": "new",
    "2": "received",
    "3": "refused",
    "4": "processing",
    "5": "supplement",
    "6": "finance",
    "7": "withdrawn",
    "8": "stopped",
    "9": "done",
    "10": "returned",
}
STEPS = {code: word for code, word in STATUSES.items() if code != "1"}
"""A first step is always the receipt, status 2."""
WORDS = {
    "receiving": "new",
    "new": "received",
    "denied": "refused",
    "processing": "processing",
    "waiting": "supplement",
    "paying": "finance",
    "cancelled": "withdrawn",
    "unresolved": "stopped",
    "releasing": "done",
    "done": "returned",
    "interoperating": "unknown",
    "posting": "unknown",
}
ODD_STATUSES = {"0": "unknown", "11": "unknown"}
CHANNELS = {"1": "desk", "2": "online", "3": "post"}
APPLICANTS = {"1": "citizen", "2": "business", "3": "state_body", "4": "other"}
RETURNS = {"0": "desk", "1": "post"}
STATUS = ("TrangThaiHoSo", "status", STATUSES)
"""The portal pushes a dossier that is filed or withdrawn; what follows is told as a state."""
DOSSIER_CODES = (
    ("KenhThucHien", "channel", CHANNELS),
    ("LoaiDoiTuong", "kind", APPLICANTS),
    ("HinhThuc", "return_way", RETURNS),
    ("LoaiDinhDanh", "type_code", {"1": "1", "2": "2"}),
    ("NoiNopHoSo", "", {"1": "", "2": ""}),
    ("HoSoCoThanhPhanSoHoa", "", {"0": "", "1": ""}),
    ("TaiKhoanDuocXacThucVoiVNeID", "", {"0": "", "1": ""}),
    ("DuocThanhToanTrucTuyen", "", {"0": "", "1": "", "3": ""}),
    ("TaiLieuNop/DuocSoHoa", "", {"0": "", "1": ""}),
    ("TaiLieuNop/DuocTaiSuDung", "", {"0": "", "1": "", "2": ""}),
    ("TaiLieuNop/DuocLayTuKhoDMQG", "", {"0": "", "1": ""}),
)
DOSSIER_PLACES = (
    "one_stop in item lgsp session",
    "one_stop out item",
    "national_portal in session",
    "national_portal out session",
    "provincial_portal in lgsp",
    "provincial_portal out lgsp",
)

VNPAY_STATUSES = ("00", "01", "02", "04", "05", "06", "07", "09")
PARCELS = {
    "50": "posted",
    "70": "delivering",
    "80": "delivering",
    "90": "delivered",
    "100": "returning",
}
DIFFERENCES = dict.fromkeys(
    ("amount", "missing_in_file", "missing_in_hub", "transaction", "twice_in_file"), ""
)
PETITION_STATES = {
    "pakn.received": "petition.received",
    "pakn.assigned": "petition.assigned",
    "pakn.answered": "petition.answered",
    "pakn.rejected": "petition.rejected",
    "pakn.transferred": "petition.transferred",
}

CODES = [
    *(Codes(place, *codes) for place in DOSSIER_PLACES for codes in DOSSIER_CODES),
    *(Codes(place, *STATUS) for place in DOSSIER_PLACES if place != "national_portal in session"),
    Codes("national_portal in session", "TrangThaiHoSo", "status", {"1": "new", "7": "withdrawn"}),
    Codes("one_stop in item lgsp session", "TrangThai", "status", STEPS),
    Codes("one_stop in item lgsp", "TrangThaiHoSo", "status", ODD_STATUSES | WORDS),
    Codes("one_stop in status", "TrangThai", "status_code", {c: c for c in [*STATUSES, "11"]}),
    Codes("one_stop in handover", "KetQua", "", {"9": "", "10": "", "8": "", "3": ""}),
    Codes("one_stop out handover", "KetQua", "", {"9": "", "10": "", "8": "", "3": ""}),
    Codes("one_stop out item", "TrangThai", "status", STEPS),
    Codes("one_stop in post", "State", "", dict.fromkeys("01234", "")),
    Codes("one_stop in payplat", "LoaiBanTin", "", {"INIT": ""}),
    Codes("one_stop out payplat", "MaLoi", "", {"00": "", "24": "", "99": ""}),
    Codes("one_stop out post", "StatusCode", "state", PARCELS),
    Codes("national_portal in state", "TrangThai", "status", STATUSES | {"11": "unknown"}),
    Codes("national_portal out session", "TrangThai", "status", STEPS),
    Codes("national_portal out state", "TrangThai", "status", STATUSES),
    Codes("national_portal out state", "TrangThai", "", {"11": ""}),
    Codes("national_portal in question", "TRANGTHAI", "", {"0": "", "1": ""}),
    Codes("provincial_portal in lgsp", "TrangThaiHoSo", "status", {"releasing": "done"}),
    Codes("provincial_portal in document", "Status", "status", STATUSES),
    Codes("provincial_portal in document", "ApplicantsType", "kind", APPLICANTS),
    Codes("provincial_portal in document", "ReturnedType", "return_way", RETURNS),
    Codes("provincial_portal in trace", "status", "status", STEPS | {"0": "unknown"}),
    Codes("provincial_portal/ministry out document", "Status", "status", STATUSES),
    Codes("provincial_portal/ministry out trace", "status", "status", STEPS),
    Codes("provincial_portal out lgsp", "TrangThai", "status", STEPS),
    Codes(
        "payment_gateway in call", "vnp_TransactionStatus", "", dict.fromkeys(VNPAY_STATUSES, "")
    ),
    Codes("payment_gateway in call", "vnp_TransactionType", "", {"01": "", "02": "", "03": ""}),
    Codes("payment_gateway in call", "TrangThaiGD", "", {"1": "", "4": ""}),
    Codes("payment_gateway in confirm", "MaLoi", "claim", {"00": "paid", "24": "failed"}),
    Codes("payment_gateway in settlement", "differences/kind", "", DIFFERENCES),
    Codes("payment_gateway out call", "vnp_Command", "", {"pay": "", "refund": "", "querydr": ""}),
    Codes("payment_gateway/vnpay_bank out call", "vnp_Locale", "", {"en": ""}),
    Codes("payment_gateway out call", "vnp_Locale", "", {"vn": ""}),
    Codes("payment_gateway/payplat out call", "LoaiBanTin", "", {"INIT": "", "QUERY": ""}),
    Codes("payment_gateway/vnpt_pay out call", "LoaiBanTin", "", {"INIT": "", "QUERY": ""}),
    Codes("e_receipt out invoice", "PaymentMethod", "", {"TM": "", "CK": "", "TTO": ""}),
    Codes("e_receipt out invoice", "Product/Extra2", "type_code", {"0": "1", "1": "2"}),
    Codes(
        "e_receipt in reply",
        "operation",
        "type",
        {
            "ImportAndPublishInv": "receipt.issued",
            "cancelInv": "receipt.cancelled",
            "ReplaceInvoie": "receipt.replaced",
        },
    ),
    Codes("public_post in tracking", "StatusCode", "state", PARCELS),
    Codes("public_post in reply", "status", "state", {"100": "registered", "101": "registered"}),
    Codes("public_post in reply", "existed", "existed", {"True": "True"}),
    Codes("petitions in pakn", "type", "type", PETITION_STATES),
    Codes("petitions out pakn", "type", "type", PETITION_STATES),
    Codes("petitions in pakn", "source", "", {"dvcqg": "", "portal": "", "1022": "", "app": ""}),
    Codes("petitions out pakn", "source", "", {"dvcqg": "", "portal": "", "1022": "", "app": ""}),
    Codes(
        "petitions in pakn",
        "vote",
        "",
        {"RẤT HÀI LÒNG": "", "Hài lòng": "", "Không hài lòng": ""},
    ),
]

FILE = "TepDinhKemId TenTepDinhKem IsDeleted MaThanhPhanHoSo DuongDanTaiTepTin"
FILE_2023 = "DuocSoHoa DuocTaiSuDung DuocLayTuKhoDMQG MaKetQuaThayThe"
FEE = "TenPhiLePhi MaPhiLePhi HinhThucThu Gia LoaiPhiLePhi"
SUPPLEMENT = (
    "HoSoBoSungId NguoiYeuCauBoSung NoiDungBoSung NgayBoSung NguoiTiepNhanBoSung "
    "ThongTinTiepNhan NgayTiepNhanBoSung TrangThaiBoSung NgayHenTraTruoc NgayHenTraMoi"
)
RESULT = "TenGiayTo MaThanhPhanHoSo GiayToId DuongDanTepTinKetQua MaGiayToKetQua"


def _inside(block: str, names: str) -> str:
    return " ".join(f"{block}/{name}" for name in names.split())


DOSSIER = " ".join(
    (
        "SoBienNhan ChuHoSo SoGiayToChuHoSo MaDoiTuong Email SoDienThoai ThongTinKhac Fax",
        "NgayTuChoi NgayKetThucXuLy NgayTra ThongTinTra GhiChu DSKetNoiCSDL/MaCSDL",
        _inside("TaiLieuNop", FILE),
        _inside("TaiLieuNop", FILE_2023),
        _inside("DanhSachLePhi", FEE),
        _inside("DanhSachTepDinhKemKhac", "TenGiayTo SoLuong LoaiGiayTo"),
        _inside("DanhSachHoSoBoSung", SUPPLEMENT),
        _inside("DanhSachHoSoBoSung/DanhSachGiayToBoSung", FILE),
        _inside("DanhSachHoSoBoSung/DanhSachLePhiBoSung", FEE),
        _inside("DanhSachGiayToKetQua", RESULT),
    )
)
DOSSIER_2023 = (
    "KenhThucHien DinhDanhCHS/LoaiDinhDanh DinhDanhCHS/SoDinhDanh NgayNopHoSo NoiNopHoSo "
    "HoSoCoThanhPhanSoHoa TaiKhoanDuocXacThucVoiVNeID DuocThanhToanTrucTuyen"
)
DOSSIER_ALWAYS = (
    "MaHoSo MaTTHC TenTTHC MaLinhVuc TenLinhVuc LoaiDoiTuong TrichYeuHoSo NgayTiepNhan NgayHenTra "
    "TrangThaiHoSo HinhThuc DonViXuLy"
)
STEP = "ChucDanh PhongBanXuLy NgayBatDau NgayKetThucTheoQuyDinh"
STEP_ALWAYS = "NguoiXuLy ThoiDiemXuLy NoiDungXuLy TrangThai"
STATE = f"MaHoSoDonVi {_inside('TaiLieuXuLy', FILE)}"
PROMOTION = (
    "SoVanBan TenThuongNhan DiaChiDoanhNghiep/MaTinh DiaChiDoanhNghiep/MaXa "
    "DiaChiDoanhNghiep/DiaChiChiTiet DienThoai Fax MaSoThue NguoiLienHe SoDienThoaiNguoiLienHe "
    "TenChuongTrinhKhuyenMai HinhThucKhuyenMai ThoiGianKhuyenMaiTu ThoiGianKhuyenMaiDen "
    "HangHoaDichVuKhuyenMai SoLuongHangHoaDichVu KhachHang CoCauGiaiThuong TongGiaTriHangHoa "
    "NoiDungChiTiet TenCacThuongNhanCungThucHien TenTepDonDangKy TepDonDangKy TaiLieuNop/Base64 "
    "MaHoSoQG ThongTinDaNop/MaHoSoQGDNP ThongTinDaNop/SoVanBanDaNopDNP "
    "ThongTinDaNop/NgayNopHoSoDNP ThongTinDaNop/TenChuongTrinhKhuyenMaiDNP "
    "ThongTinDaNop/ThoiGianKhuyenMaiTuDNP ThongTinDaNop/ThoiGianKhuyenMaiDenDNP "
    "ThongTinDaNop/DiaBanKhuyenMaiDNP ThongTinSuaDoi LyDoDieuChinh NoiDungCamKetKhac TenTepDangKy "
    "URLTepDangKy"
)
QUESTION = (
    "MALINHVUC MADONVI TENDONVI NOIDUNGTRALOI HOVATEN DIACHI THUDIENTU SODIENTHOAI MATTHCDP "
    "TRANGTHAI CHUCVUNGUOITRALOI"
)
CLAIMS = (
    "LoaiTaiKhoan MaSoThue SoCMND SoDinhDanh MaBHXH HoChieu HoVaTen ThuDienTu SoDienThoai GioiTinh "
    "NgayThangNamSinh ThuongTru TechID loAs MaSoDoanhNghiep TenDoanhNghiep sub userProfileUri "
    "logoutUri IAL"
)
MINISTRY = " ".join(
    (
        "CitizenInfo ApplicantsId Address Email Phone DateAppointed SuccessDate ApproverName",
        "ApproverPosition SuccessNote ReturnedDate ReturnNote FinishedDate Note",
        "RequireSupplementaryDate",
        _inside("Attachments", "AttachmentId AttachmentName IsDeleted Base64 IsVerified"),
        _inside("DocFees", "feeName feeType price"),
        _inside("DocPapers", "paperName amount paperType"),
        _inside("Supplementaries", "oldDateAppointed newDateAppointed"),
    )
)
MINISTRY_ALWAYS = (
    "DocTypeCode DocTypeName DocCode CitizenName ApplicantsType Compendium DateReceived IsSuccess "
    "IsReturned ReturnedType Status ProcessingOrganName HasSupplementary OrganInchargeIdLevel1 "
    "OrganInchargeName"
)
BILL = (
    "MaDichVu MaDVC TenDVC TenTTHC TenDonVi TKThuHuong MaNHThuHuong TenTKThuHuong SoCMNDNguoiNop "
    "DiaChiNguoiNop NoiDungThanhToan"
)
PLACES = "HuyenNguoiNop TinhNguoiNop"
"""Read from a product; the hub keeps an address whole, so it never sends them filled."""
FINE = (
    "MaLoaiHinhThuPhat TenLoaiHinhThuPhat MaCoQuanQD TenCoQuanQD KhoBac NgayQD SoQD ThoiGianViPham "
    "DiaDiemViPham TenNguoiViPham TaiKhoanThuNSNN"
)
INIT = (
    "PhienBan MaDoiTac SoTien LoaiHinhThanhToan MaKenhThanhToan MaThietBi NgonNgu MaTienTe "
    "MaNganHang ThongTinGiaoDich Ip"
)
LINES = (
    _inside("PhiLePhi", "LoaiPhiLePhi MaPhiLePhi TenPhiLePhi SoTien")
    + " "
    + _inside("DSKhoanNop", "NoiDung SoTien")
)
CONFIRM = "MaGiaoDich MaNganHang ThoiGianGD ThongTinGiaoDich"
IPN = "vnp_BankTranNo vnp_CardType vnp_SecureHashType vnp_PayDate"
IPN_ALWAYS = (
    "vnp_TmnCode vnp_Amount vnp_BankCode vnp_OrderInfo vnp_TransactionNo vnp_ResponseCode "
    "vnp_TransactionStatus vnp_TxnRef vnp_SecureHash"
)
PAY = (
    "vnp_Version vnp_Command vnp_TmnCode vnp_Amount vnp_CurrCode vnp_IpAddr vnp_Locale "
    "vnp_OrderInfo vnp_OrderType vnp_ReturnUrl"
)
"""The client adds the reference and the times."""
QUERYDR = (
    "vnp_ResponseId vnp_Command vnp_Message vnp_TmnCode vnp_TxnRef vnp_Amount vnp_BankCode "
    "vnp_PayDate vnp_TransactionNo vnp_TransactionType vnp_TransactionStatus vnp_OrderInfo "
    "vnp_PromotionCode vnp_PromotionAmount vnp_SecureHash"
)
PARTY = "Name Phone ProvinceCode ProvinceTitle DistrictCode DistrictTitle Address Email"
ORDER = (
    "ItemCode CODAmount SenderProvince SenderDistrict SenderAddress SenderName SenderEmail "
    "SenderTel SenderDesc Description ReceiverName ReceiverAddress ReceiverTel ReceiverEmail "
    "ReceiverProvince ReceiverDistrict FlagConfig"
)
REGISTRATION = " ".join(
    (
        _inside("Procedure", "Title Category Elements"),
        "DocumentSender/Email DocumentSender/ProvinceTitle DocumentSender/DistrictTitle",
        "ResultReceiver/Email ResultReceiver/ProvinceTitle ResultReceiver/DistrictTitle State",
    )
)
PETITION = (
    "submitter submitter/name submitter/idNo submitter/phone submitter/email submitter/anonymous "
    "subject category dossierCode attachments/name answeredBy public reason toOrgan"
)

FIELDS = [
    Fields("one_stop in item lgsp session", f"{DOSSIER} {DOSSIER_2023} {STEP}", DOSSIER_ALWAYS),
    Fields("one_stop in item", STEP, STEP_ALWAYS),
    Fields("one_stop in session", "isUpdating", "session madonvi service"),
    Fields("one_stop in status", STATE, "TrangThai MaHoSo MaDoiTuong NoiDung NgayXuLy"),
    Fields(
        "one_stop in payplat", f"{BILL} {PLACES} {FINE} {LINES} ThoiGianGD", f"{INIT} MaThamChieu"
    ),
    Fields("one_stop in post", f"{ORDER} {_inside('DocumentSender', PARTY)} {REGISTRATION}"),
    Fields("one_stop out item", f"{DOSSIER} {DOSSIER_2023} {STEP}", DOSSIER_ALWAYS),
    Fields(
        "one_stop out post",
        "POSID ItemCode StatusCode StatusMessage Notes",
        "CustomerCode OrderNumber EventTime",
    ),
    Fields("national_portal in session", f"{DOSSIER} {DOSSIER_2023} {PROMOTION}", DOSSIER_ALWAYS),
    Fields("national_portal in state", STATE, "TrangThai MaHoSo MaDoiTuong NoiDung NgayXuLy"),
    Fields("national_portal in question", QUESTION, "CAUHOIID NOIDUNG"),
    Fields("national_portal out session", f"{DOSSIER} {STEP}", f"{DOSSIER_ALWAYS} {DOSSIER_2023}"),
    Fields("national_portal out state", f"{STATE} MaDoiTuong NoiDung", "TrangThai MaHoSo NgayXuLy"),
    Fields("national_portal out question", "TENDONVI CHUCVUNGUOITRALOI", "CAUHOIID NOIDUNGTRALOI"),
    Fields(
        "provincial_portal in lgsp",
        f"{DOSSIER} {DOSSIER_2023} {STEP} {_inside('ThongTinTaiKhoan', CLAIMS)}",
        DOSSIER_ALWAYS,
    ),
    Fields("provincial_portal in document", MINISTRY, MINISTRY_ALWAYS),
    Fields("provincial_portal in trace", "userPosition", "documentId docCode userName dateCreated"),
    Fields("provincial_portal out lgsp", f"{DOSSIER} {DOSSIER_2023} {STEP}", DOSSIER_ALWAYS),
    Fields("provincial_portal/ministry out document", MINISTRY, MINISTRY_ALWAYS),
    Fields(
        "provincial_portal/ministry out trace",
        "documentId userPosition",
        "docCode userName dateCreated comment status",
    ),
    Fields("payment_gateway in ipn", IPN, IPN_ALWAYS),
    Fields("payment_gateway in confirm", CONFIRM, "MaLoi MaDoiTac MaThamChieu SoTien MaTienTe"),
    Fields("payment_gateway in call", f"{QUERYDR} {CONFIRM}", "about profile reference"),
    Fields("payment_gateway out call", "vnp_CreateBy vnp_TxnRef", PAY),
    Fields("payment_gateway/vnpay_bank out call", "", f"{PAY} vnp_BankCode"),
    Fields("payment_gateway/payplat out call", f"{BILL} {LINES} MaThamChieu {INIT}", "LoaiBanTin"),
    Fields("e_receipt in reply", "pattern serial number link replaced_fkey", "fkey operation"),
    Fields(
        "e_receipt out invoice",
        "CusTaxCode Email CusAddress ComTaxCode FEEID",
        "CusName Total Amount AmountInWords PaymentMethod PaymentStatus Extra Product/ProdName",
    ),
    Fields("e_receipt out key", "", ""),
    Fields("public_post out order", "ItemCode SenderEmail SenderDesc ReceiverEmail", "FlagConfig"),
    Fields("public_post out document", REGISTRATION, "IsSendDocument IsReceiveResult"),
    Fields("public_post out cancel", "", "CustomerCode OrderNumber"),
    Fields(
        "public_post in tracking",
        "POSID ItemCode StatusCode StatusMessage Notes",
        "_id/$oid CustomerCode OrderNumber EventTime",
    ),
    Fields("petitions in pakn", f"{PETITION} paknId", "type"),
    Fields("petitions out pakn", PETITION, "type paknId"),
]

VIETNAM = r"\+07:00"
ODDITIES = [
    Oddity("one_stop in payplat", "12-hour clock", r'"ThoiGianGD": ?"20260105033000"', ""),
    Oddity("payment_gateway in confirm", "12-hour clock", "20260105033212", "T03:32:12\\+07:00"),
    Oddity("national_portal in state", "12-hour clock", "20260107030000", "T03:00:00\\+07:00"),
    Oddity("one_stop in item", "12-hour clock", "20260107030000", "T03:00:00\\+07:00"),
    Oddity("one_stop in item", "booleans as words", r'"(True|False)"', "true|false"),
    Oddity("one_stop in lgsp", "booleans as words", r'"(TRUE|FALSE|true)"', "true"),
    Oddity("one_stop in session", "isUpdating as a JSON boolean", r'"isUpdating": ?true', "true"),
    Oddity("one_stop in post", "flags as words", r'"IsReceiveResult": ?"True"', "return"),
    Oddity("national_portal in session", "booleans as words", r'"(True|False|true)"', "true"),
    Oddity("national_portal in session", "JSON booleans", r": ?(true|false)\b", ""),
    Oddity("provincial_portal in lgsp", "booleans as words", r'"(True|False)"', "true"),
    Oddity("one_stop in lgsp", "oldest first and unordered steps", "20260106150000", "returned"),
    Oddity("one_stop in status", "a code as a number", r'"TrangThai": ?4\b', "processing"),
    Oddity("one_stop in item", "money with a point", r"150\.000", "150.000"),
    Oddity("one_stop in item", "no appointment", r'"NgayHenTra": ?""', ""),
    Oddity("one_stop in item", "an owner made up", '"000000001"', "made_up_owner"),
    Oddity("one_stop in item", "paused, told as finished", "20260106100000", "_in_supplement"),
    Oddity("one_stop in item", "a submitted file as result", "/f/1", "submitted_as_result"),
    Oddity("one_stop in item", "no district any more", "MaXaNop", "MaXaNop"),
    Oddity("one_stop in item", "old organisation id", r'"000\.00\.01\.H22-260105', ""),
    Oddity("provincial_portal in lgsp", "seven digits of a ministry", r"-260105-\d{7}", ""),
    Oddity(
        "provincial_portal in document", "offset not to be trusted", "09:30:00(Z|.00:00)", VIETNAM
    ),
    Oddity("provincial_portal in trace", "12-hour clock", "20260105030000", "T03:00:00\\+07:00"),
    Oddity(
        "national_portal out session", "name of an officer beyond 50", r'"NguoiXuLy": ?"[^"]{50}"'
    ),
    Oddity("payment_gateway in ipn", "pairs with a hash type and more", "vnp_SecureHashType"),
    Oddity("payment_gateway in confirm", "numbers as numbers", r'"SoTien": ?\d'),
    Oddity("payment_gateway in confirm", "another amount", r'"SoTien": ?"15000"'),
    Oddity("payment_gateway/payplat out call", "TenTTHC cut to 250", r'"TenTTHC": ?"[^"]{250}"'),
    Oddity("payment_gateway out call", "no diacritics in OrderInfo", r'"vnp_OrderInfo": ?"[ -~]+"'),
    Oddity("e_receipt out invoice", "no & in names", "Công ty Mẫu và Thử", "&"),
    Oddity("e_receipt out invoice", "fee text cut to 450", r"(?:[^<…]{450})…<"),
    Oddity(
        "e_receipt in reply", "a duplicate fkey is there already", '"existed": ?true', "existed"
    ),
    Oddity("public_post in reply", "101: it existed", '"101"', '"existed": true'),
    Oddity("public_post in tracking", "time in milliseconds", r"1767600123000", VIETNAM),
    Oddity("public_post in tracking", "a status that nobody maps", '"77"', '"state": "unknown"'),
    Oddity("public_post out order", "the desk sends a return", "Số 1 đường Thử", "bỏ qua"),
    Oddity("petitions in pakn", "a clock marked as UTC", r"09:30:00\.123Z", VIETNAM),
    Oddity("petitions in pakn", "flag as a text", r'"public": ?"?0'),
    Oddity(
        "petitions in pakn", "a complaint, to be redirected", "KHIẾU NẠI", "redirected|khieu_nai"
    ),
] + [
    Oddity("payment_gateway in", f"a payment that is {state}", "", f'"type": "payment.{kind}"')
    for state, kind in (
        ("chờ thanh toán", "requested"),
        ("đã thanh toán", "confirmed"),
        ("hủy thanh toán", "failed"),
        ("đã hoàn phí", "refunded"),
        ("đối soát", "reconciled"),
    )
]
"""The last rows are the states of a payment that products keep, as events."""
