"""What the documents of edXML and of the document office name."""

from __future__ import annotations

from tests.connectors.coverage import Codes, Fields, Oddity

HANDLINGS = {
    "01": "arrived",
    "02": "refused",
    "03": "registered",
    "04": "assigned",
    "05": "processing",
    "06": "done",
    "13": "recalled",
    "15": "change_accepted",
    "16": "change_refused",
}
BUSINESSES = {"1": "revoke", "2": "update", "3": "replace"}
"""Of `0`, a new document, the event says nothing: it is what a document is."""
PRIORITIES = {"0": "", **{code: code for code in "1234"}}
"""`0` is also written where nothing is said."""
RESULTS = {"01": "issued", "02": "signed", "03": "disapproved", "04": "approved"}

CODES = [
    *(
        Codes(f"document_exchange {way} edxml", *codes)
        for way in ("in", "out")
        for codes in (
            ("StatusCode", "status", HANDLINGS),
            ("BussinessDocType", "business", BUSINESSES | {"0": ""}),
            ("Priority", "priority", PRIORITIES),
            ("Paper", "paper_follows", {"0": "", "1": "True"}),
            ("ReceiverType", "added", {"0": "False", "1": "True"}),
            ("DocumentInfo", "metadata_changed", {"0": "False", "1": "True"}),
            ("DocumentReceiver", "receivers_changed", {"0": "False", "1": "True"}),
        )
    ),
    Codes("document_exchange in edxml", "SteeringType", "steering_code", {c: c for c in "0123"}),
    Codes(
        "document_exchange in reply",
        "business",
        "",
        {"new": "", "revoke": "", "update": "", "replace": ""},
    ),
    Codes("document_office in package", "LoaiKetQua", "result", RESULTS),
    Codes("one_stop out office", "LoaiKetQua", "result", RESULTS),
    Codes("one_stop in office", "LoaiNghiepVu", "business", BUSINESSES | {"0": ""}),
]

ORGAN = "OrganizationInCharge OrganAdd Email Telephone Fax Website"
HEADER = (
    "DocumentType/TypeDetail MessageHeader/Content SignerInfo/Competence SignerInfo/Position "
    "DueDate OtherInfo/SphereOfPromulgation OtherInfo/TyperNotation OtherInfo/PromulgationAmount "
    "OtherInfo/PageAmount OtherInfo/Appendixes/Appendix ResponseFor/OrganId ResponseFor/Code "
    "ResponseFor/DocumentId ResponseFor/PromulgationDate SteeringType ToPlaces/Place "
    "Bussiness/DocumentId Bussiness/BussinessDocumentInfo/ReceiverList/Receiver/OrganId "
    "Bussiness/ReplacementInfoList/ReplacementInfo/DocumentId "
    "Bussiness/ReplacementInfoList/ReplacementInfo/OrganIdList/OrganId "
    "Bussiness/StaffInfo/Department Bussiness/StaffInfo/Staff Bussiness/StaffInfo/Email "
    "Bussiness/StaffInfo/Mobile AttachmentEncoded edXMLManifest/Reference "
    + " ".join(f"From/{name}" for name in ORGAN.split())
)
ALWAYS = "From/OrganId From/OrganName"
DOCUMENT = (
    "To/OrganId To/OrganName MessageHeader/DocumentId Code/CodeNumber Code/CodeNotation "
    "PromulgationInfo/Place PromulgationInfo/PromulgationDate DocumentType/Type "
    "DocumentType/TypeName MessageHeader/Subject SignerInfo/FullName TraceHeader/OrganId "
    "TraceHeader/Timestamp Bussiness/BussinessDocReason"
)
KIT = (
    "OtherInfo/Direction OtherInfo/ReplyFors OtherInfo/ReferenceCodes TraceHeaderList/Id "
    "TraceHeaderList/Version ResponseForTask/TaskCode ApplicationType Agency/OrganId "
    "Agency/OrganName Agency/DepartmentId Agency/DepartmentName Agency/ExecuteRole Feedback "
    "PackageInfo Bussiness/StaffInfo/DepartmentId Bussiness/StaffInfo/StaffId "
    "Signature/SignedInfo/Reference/DigestValue Signature/SignatureValue "
    "Signature/KeyInfo/X509Data/X509Certificate Signature/KeyInfo/X509Data/X509SubjectName"
)
"""What only the reference kit knows, or a signature: read, and never written by the connector."""
REPORT = (
    "MessageHeader/StaffInfo/Department MessageHeader/StaffInfo/Staff "
    "MessageHeader/StaffInfo/Mobile MessageHeader/StaffInfo/Email MessageHeader/Description"
)
FLAT = (
    "PromulgationInfo/Promulgator SignerInfo/Signer OtherInfo/Appendix TraceHeader/Time "
    "TraceHeader/Path/From TraceHeader/Path/To Manifest/Attachment/Content "
    "Manifest/Attachment/FileName Manifest/Attachment/FileType"
)
PERSON = "Ten TaiKhoan Id"
APPLICANT = "Ten CMND SoDienThoai DiaChi"


def _inside(block: str, names: str) -> str:
    return " ".join(f"{block}/{name}" for name in names.split())


SUBMISSION = " ".join(
    (
        "SoKyHieuVanBan NguoiKyVanBan HanXuLyVanBan HccLinkAPI LoaiHSLienthong ThamSoAn/DuThaoId",
        "ThamSoAn/LaHoSoLienThong ThamSoAn/DuThao ThamSoAn/NgayHenTraMoi",
        _inside("NguoiKy", PERSON),
        _inside("NguoiTrinhKy", PERSON),
        "VanBanDuThao/DinhKem/Ten ThanhPhanHoSo/Ten ThanhPhanHoSo/Link ChuHoSo/SoDienThoai",
    )
)
SUBMITTED = " ".join(
    (
        "ChuHoSo/Ten ChuHoSo/CMND ChuHoSo/DiaChi",
        _inside("NguoiNop", APPLICANT),
        "ThuTuc VanBanDuThao/TrichYeu VanBanDuThao/LoaiVanBan VanBanDuThao/NgayTao",
    )
)
RESULT = " ".join(
    (
        "MaHoSo HccLinkAPI LoaiHSLienthong ThamSoAn DonVi/Ten DonVi/MaDinhDanh",
        _inside("VanBanDi", "TrichYeu LoaiVanBan NgayBanHanh NgayKy NguoiKy ChucVu NguoiSoan"),
        _inside("VanBanDi", "SoKyHieu DinhKem/Ten ThanhPhanHoSo/Ten TenHoSo ThuTuc"),
    )
)

FIELDS = [
    Fields("document_exchange in edxml", f"{HEADER} {DOCUMENT} {KIT} {REPORT} {FLAT}", ""),
    Fields("document_exchange out edxml", f"{HEADER} {DOCUMENT} {REPORT}", ALWAYS),
    Fields("document_exchange in package", "subject contents/reference", "doc_id sender edxml"),
    Fields("document_exchange in reply", "dossier_code", "axis_id document_id operation_key"),
    Fields("document_office out submission", SUBMISSION, f"IDHoSo MaHoSo TenHoSo {SUBMITTED}"),
    Fields("document_office in package", f"{RESULT} MaVanBan", "IDHoSo LoaiKetQua"),
    Fields("one_stop in office", f"{SUBMISSION} {SUBMITTED} IDHoSo TenHoSo DonVi/Ten", "MaHoSo"),
    Fields("one_stop out office", RESULT, ""),
]

INSIDE = "</ContentType><edXML:ContentTransferEncoded[^>]*>"
ODDITIES = [
    Oddity("document_exchange in edxml", text, wire, beside)
    for text, wire, beside in (
        ("a signature without its namespace", r"<Signature>(?!.*xmldsig#\">)", "unreadable"),
        ("no prefix at all", r"<MessageHeader>.*<TraceHeaderList>", "document.received"),
        ("Bussiness before the hops", r"<edXML:TraceHeaderList>\s*<edXML:Bussiness>", "hops"),
        ("hops before Bussiness", r"</edXML:TraceHeader>\s*<edXML:Bussiness>", "hops"),
        ("a date of another form", "06/01/2026", "originals"),
        ("a priority as a word", "Khẩn</edXML:Priority>", "originals"),
        (
            "another date in the id than of issue",
            ">H99.02,2026/01/05,36/STNB-VP<.*PromulgationDate>2026/01/06<",
            "H99.02,2026/01/05,36",
        ),
        ("an id that is a UUID", "7b0f3f0e-2b7a-4c39-9d53", ""),
        ("old organisation ids", r"000\.00\.02\.H99", "wire_id"),
        ("a spreadsheet is zipped", "bang-tinh.xlsx", "bang-tinh.xlsx"),
        ("a real zip stays as it is", "ho-so.zip", "ho-so.zip"),
        ("a zip that is called pdf", f"pdf{INSIDE}UEsDB", '"name": "cong-van.pdf"'),
        ("raw bytes that are called zip", f"zip{INSIDE}JVBER", '"name": "cong-van.pdf"'),
        ("a docx begins like a zip and stays", f"docx{INSIDE}UEsDB", '"name": "cong-van.docx"'),
        ("a file name with folders", r"\.\./\.\./tmp/", '"name": "cong-van.pdf"'),
        ("a status of one digit", "<edXML:StatusCode>1<", '"status_code": "01"'),
        ("a status that nobody lists", "<edXML:StatusCode>99<", '"status": "unknown"'),
        ("a business that nobody lists", "<edXML:BussinessDocType>7<", '"business": "unknown"'),
        ("status 13 names the recipient", "<edXML:StatusCode>13<", "recalled"),
        ("the flat form of provinces", "http://www.go.vn/eDoc", "document.received"),
        ("another encoding", "(?i)utf-16", "document.status_changed"),
    )
] + [
    Oddity("document_exchange out edxml", "13 names the recipient", "StatusCode>13<", "receiver"),
    Oddity(
        "document_office in package", "a result code as a number", r'"LoaiKetQua": ?1\b', "issued"
    ),
    Oddity("document_office in package", "the echo unpacked", r'"ThamSoAn": ?\{', "echo"),
    Oddity("document_office in package", "dates without zeros", "6/1/2026", "originals"),
    Oddity("document_office in package", "a result that nobody lists", '"09"', "unknown"),
    Oddity("document_office out submission", "the echo is given back as it came", r"khoảng"),
]
