"""Forms of the provincial platform: statuses, booleans, dates, Documents, and sign-on claims."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hub.connectors.provincial_portal as folder
from hub.connectors.provincial_portal.decode import decode, message
from hub.connectors.provincial_portal.encode import encode
from hub.connectors.provincial_portal.settings import ProvincialPortalSettings
from hub.connectors.provincial_portal.simulator_rules import DOSSIER as RULES
from hub.connectors.provincial_portal.simulator_rules import first_fault
from hub.errors import EncodeError
from hub.event import Event
from hub.masking import masked_event, masked_wire
from hub.metrics import Metric
from hub.schemas.dossier import DossierEvent, DossierStatus
from hub.wire.dvcqg.claims import applicant_fields
from tests.connectors.platform_examples import hub_door, platform, platform_settings
from tests.connectors.portal_examples import CODE, DOSSIER, dossier_event, step_event

SAMPLES = Path(folder.__file__).parent / "samples"
PAPERS = [{"TenTepDinhKem": "don.pdf", "IsDeleted": "0", "DuocSoHoa": True}]
CLAIMS = {
    "LoaiTaiKhoan": "1",
    "SoCMND": "099777777",
    "SoDinhDanh": "001099777777",
    "HoVaTen": "Phạm Thị Kín",
    "ThuDienTu": "kin@example.vn",
    "SoDienThoai": "0977777777",
    "NgayThangNamSinh": "19770707",
    "ThuongTru": "Ngõ 77 phố Kín",
    "TechID": "tech-bi-mat",
    "MaBHXH": "0777777777",
    "HoChieu": "K7777777",
}
UNSAID = {
    name: value
    for name, value in DOSSIER.items()
    if name not in ("ChuHoSo", "SoGiayToChuHoSo", "DinhDanhCHS", "Email", "SoDienThoai")
}


def said(event: Event, **settings: Any) -> dict[str, Any]:
    item: dict[str, Any] = orjson.loads(encode(event, platform_settings(**settings)).body)
    return item


def heard(item: Any, form: str = "lgsp") -> DossierEvent:
    settings: ProvincialPortalSettings = platform_settings()
    (event,) = decode(message(orjson.dumps(item), form), settings)
    assert isinstance(event, Event)
    assert isinstance(event.data, DossierEvent)
    return event.data


STATUSES = [
    ("1", "receiving", DossierStatus.NEW, "Mới đăng ký"),
    ("2", "new", DossierStatus.RECEIVED, "Được tiếp nhận"),
    ("3", "denied", DossierStatus.REFUSED, "Không được tiếp nhận"),
    ("4", "processing", DossierStatus.PROCESSING, "Đang xử lý"),
    ("5", "waiting", DossierStatus.SUPPLEMENT, "Yêu cầu bổ sung giấy tờ"),
    ("6", "paying", DossierStatus.FINANCE, "Yêu cầu thực hiện nghĩa vụ tài chính"),
    ("7", "cancelled", DossierStatus.WITHDRAWN, "Công dân yêu cầu rút hồ sơ"),
    ("8", "unresolved", DossierStatus.STOPPED, "Dừng xử lý"),
    ("9", "releasing", DossierStatus.DONE, "Đã xử lý xong"),
    ("10", "done", DossierStatus.RETURNED, "Đã trả kết quả"),
]
"""Code, word of the adapters, ours, and name, as documented."""


@pytest.mark.parametrize(("code", "word", "ours", "name"), STATUSES)
def test_statuses_are_said_as_codes_or_words_and_heard_alike(
    code: str, word: str, ours: DossierStatus, name: str
) -> None:
    event = dossier_event(TrangThaiHoSo=code)
    assert said(event)["TrangThaiHoSo"] == code
    assert said(event, statuses="word")["TrangThaiHoSo"] == word
    for told in (code, word):
        assert heard(DOSSIER | {"TrangThaiHoSo": told}).status is ours
    step = step_event(NoiDungXuLy="", TrangThai=code)
    assert (said(step)["TrangThai"], said(step)["NoiDungXuLy"]) == (code, name)
    assert said(step, statuses="word")["TrangThai"] == word
    assert said(step, statuses="word", profile="ministry")["status"] == word


@pytest.mark.parametrize("code", ["0", "11", "interoperating", "posting"])
def test_transient_statuses_are_heard_as_unknown_and_never_said(code: str) -> None:
    assert heard(DOSSIER | {"TrangThaiHoSo": code}).status_code == code
    with pytest.raises(EncodeError) as caught:
        said(dossier_event(TrangThaiHoSo=code))
    assert caught.value.path == "/TrangThaiHoSo"


@pytest.mark.parametrize(("form", "yes", "no"), [("digit", "1", "0"), ("word", "True", "False")])
def test_booleans_are_said_as_the_platform_wants_them(form: str, yes: str, no: str) -> None:
    item = said(dossier_event(TaiLieuNop=PAPERS), booleans=form)
    assert item["TaiKhoanDuocXacThucVoiVNeID"] == yes
    assert (item["TaiLieuNop"][0]["IsDeleted"], item["TaiLieuNop"][0]["DuocSoHoa"]) == (no, yes)


@pytest.mark.parametrize("spelling", ["1", "True", "true", True])
def test_booleans_are_heard_in_every_spelling(spelling: object) -> None:
    dossier = heard(DOSSIER | {"TaiKhoanDuocXacThucVoiVNeID": spelling}).dossier
    assert dossier is not None
    assert dossier.signed_on_with_vneid is True


def test_the_address_of_a_kept_file_is_not_told_to_anybody() -> None:
    paper = {"TenTepDinhKem": "don.pdf", "DuongDanTaiTepTin": "blob:sha256=a; size=1; key=k"}
    assert said(dossier_event(TaiLieuNop=[paper]))["TaiLieuNop"][0]["DuongDanTaiTepTin"] == ""


def test_what_the_platform_would_refuse_is_said_with_its_path() -> None:
    with pytest.raises(EncodeError) as caught:
        said(dossier_event(DonViXuLy=""))
    assert caught.value.path == "/DonViXuLy"
    with pytest.raises(EncodeError) as caught:
        said(dossier_event(MaTTHC=""), profile="ministry")
    assert caught.value.path == "/MaTTHC"
    with pytest.raises(EncodeError) as caught:
        said(step_event(NguoiXuLy=""), untold_officer="")
    assert caught.value.path == "/NguoiXuLy"


@pytest.mark.parametrize("name", ["KenhThucHien", "DuocThanhToanTrucTuyen"])
def test_what_came_in_2023_is_not_asked_of_a_platform_of_2020(name: str) -> None:
    event = dossier_event(**{name: ""})
    with pytest.raises(EncodeError) as caught:
        said(event)
    assert caught.value.path == f"/{name}"
    assert said(event, form_year=2020).get(name, "") == ""
    with pytest.raises(EncodeError):
        said(dossier_event(MaLinhVuc=""), form_year=2020)


def test_a_state_without_officer_and_text_is_said_plainly() -> None:
    item = said(step_event(NguoiXuLy="", NoiDungXuLy="", ThoiDiemXuLy="", TrangThai="5"))
    assert (item["NguoiXuLy"], item["NoiDungXuLy"]) == ("Hệ thống", "Yêu cầu bổ sung giấy tờ")
    assert item["ThoiDiemXuLy"] == "20260105093000"


def test_a_dossier_that_waits_needs_no_date_of_receipt() -> None:
    item = said(dossier_event(NgayTiepNhan="", TrangThaiHoSo="1"))
    assert first_fault(item, RULES, "") == ""
    with pytest.raises(EncodeError):
        said(dossier_event(NgayTiepNhan="", TrangThaiHoSo="2"))


@pytest.mark.parametrize("file", sorted((SAMPLES / "out/lgsp").glob("*.event.json")))
def test_the_simulated_platform_takes_every_sample(file: Path) -> None:
    item = orjson.loads(file.with_name(file.name.replace(".event.json", ".json")).read_bytes())
    assert "NguoiXuLy" in item or first_fault(item, RULES, "") == ""


# Documents

WORDS = st.text(string.ascii_letters + "ăâđêôơư ", min_size=1, max_size=12).filter(str.strip)
STAMPS = st.datetimes().filter(lambda at: at.year >= 1900).map(lambda at: f"{at:%Y%m%d%H%M%S}")
DIGITS = st.integers(0, 10**9).map(str)
SAID: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        (
            *("DocTypeName", "CitizenName", "CitizenInfo", "ApplicantsId", "Address", "Email"),
            *("Phone", "Compendium", "SuccessDate", "ApproverName", "ApproverPosition"),
            *("SuccessNote", "ReturnNote", "ProcessingOrganName", "Note"),
            *("RequireSupplementaryDate", "OrganInchargeIdLevel1", "OrganInchargeName"),
        ),
        WORDS,
    ),
    **dict.fromkeys(("DateReceived", "DateAppointed", "FinishedDate", "ReturnedDate"), STAMPS),
    **dict.fromkeys(("IsSuccess", "IsReturned", "HasSupplementary"), st.booleans()),
    "ApplicantsType": st.sampled_from("1234"),
    "ReturnedType": st.sampled_from("01"),
}
PARTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "Attachments": {
        "AttachmentId": DIGITS,
        "AttachmentName": WORDS,
        "IsDeleted": st.sampled_from("01"),
        "IsVerified": st.booleans(),
    },
    "DocFees": {"feeName": WORDS, "feeType": st.sampled_from("12"), "price": DIGITS},
    "DocPapers": {"paperName": WORDS, "amount": st.integers(0, 10**9), "paperType": WORDS},
    "Supplementaries": {"oldDateAppointed": STAMPS, "newDateAppointed": STAMPS},
}
DOCUMENTS = st.fixed_dictionaries(
    {
        "DocCode": st.just(CODE),
        "DocTypeCode": st.just("1.009999"),
        "Status": st.integers(1, 10).map(str),
    },
    optional=SAID
    | {
        name: st.lists(st.fixed_dictionaries(fields), min_size=1, max_size=3)
        for name, fields in PARTS.items()
    },
)
TRACES = st.fixed_dictionaries(
    {
        "docCode": st.just(CODE),
        "userName": WORDS,
        "dateCreated": STAMPS,
        "comment": WORDS,
        "status": st.integers(1, 10).map(str),
    },
    optional={"documentId": DIGITS, "userPosition": WORDS},
)
DOCUMENTED = """
DocTypeCode DocTypeName DocCode CitizenName CitizenInfo ApplicantsId ApplicantsType Address Email
Phone Compendium DateReceived DateAppointed IsSuccess SuccessDate ApproverName ApproverPosition
SuccessNote IsReturned ReturnedDate ReturnNote ReturnedType FinishedDate Status
ProcessingOrganName HasSupplementary RequireSupplementaryDate Note Attachments DocFees DocPapers
Supplementaries OrganInchargeIdLevel1 OrganInchargeName
"""
"""Every field of a Document; of its files `Base64` has a test of its own."""


def test_the_documents_below_have_every_documented_field() -> None:
    assert {"DocCode", "DocTypeCode", "Status", *SAID, *PARTS} == set(DOCUMENTED.split())


@settings(deadline=None)
@given(DOCUMENTS)
def test_a_document_keeps_every_field_there_and_back(document: dict[str, Any]) -> None:
    data = heard(document, "document")
    event = Event(
        kind="dossier.received",
        source="/connectors/one_stop/H99.01",
        subject=data.code,
        time=dossier_event().time,
        data=data,
        natural_key="x",
    )
    assert said(event, profile="ministry") == document


@settings(deadline=None)
@given(TRACES)
def test_a_trace_keeps_every_field_there_and_back(trace: dict[str, Any]) -> None:
    event = Event(
        kind="dossier.progressed",
        source="/connectors/one_stop/H99.01",
        subject=CODE,
        time=dossier_event().time,
        data=heard(trace, "trace"),
        natural_key="x",
    )
    assert said(event, profile="ministry") == trace


@pytest.mark.parametrize(
    "text",
    [
        "20260105093000",
        "2026-01-05T09:30:00",
        "2026-01-05T09:30:00Z",
        "2026-01-05T09:30:00.5+00:00",
    ],
)
def test_a_date_is_vietnamese_whatever_its_offset_says(text: str) -> None:
    dossier = heard({"DocCode": CODE, "DateReceived": text}, "document").dossier
    assert dossier is not None
    assert dossier.received_at is not None
    assert dossier.received_at.isoformat() == "2026-01-05T09:30:00+07:00"


# Claims of the shared sign-on


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, {}),
        ({"TechID": "t", "sub": "s"}, {"MaDoiTuong": "t"}),
        ({"sub": "s"}, {}),
        ({"HoVaTen": ["x"], "SoDinhDanh": True}, {}),
        ({"IAL": "2"}, {"TaiKhoanDuocXacThucVoiVNeID": "1"}),
        (
            {
                "LoaiTaiKhoan": 2,
                "MaSoDoanhNghiep": "0100000000",
                "TenDoanhNghiep": "C",
                "HoVaTen": "H",
            },
            {"ChuHoSo": "C", "SoGiayToChuHoSo": "0100000000", "LoaiDoiTuong": "2"},
        ),
    ],
)
def test_claims_tell_who_filed(claims: dict[str, Any], expected: dict[str, Any]) -> None:
    assert applicant_fields(claims) == expected


def test_claims_are_kept_as_the_applicant_and_the_dossier_goes_first() -> None:
    dossier = heard({**UNSAID, "MaDoiTuong": "tech-cua-ho-so", "ThongTinTaiKhoan": CLAIMS}).dossier
    assert dossier is not None
    applicant = dossier.applicant
    assert (applicant.name, applicant.account_id) == ("Phạm Thị Kín", "tech-cua-ho-so")
    assert [(each.type_code, each.number) for each in applicant.identities] == [
        ("1", "001099777777"),
        ("2", "099777777"),
    ]
    assert "ThuongTru" not in dossier.model_dump_json()


async def test_no_log_error_metric_key_or_header_holds_a_claim(
    caplog: pytest.LogCaptureFixture,
) -> None:
    item = {**UNSAID, "ThongTinTaiKhoan": CLAIMS}
    told: list[str] = []
    async with hub_door(items_limit_count=1) as door, platform() as site:
        for items in (
            [item],
            [item | {"MaHoSo": ""}],
            [item, item],
            [{"ThongTinTaiKhoan": CLAIMS}],
        ):
            told.append(str(await door.hear("DongBoHoSoMC", items)))
        told += [str(refusal) for refusal in door.ground.refusals]
        told += [f"{m.key} {m.headers} {m.id} {m.operation}" for m in door.ground.messages]
        (event,) = door.events()
        told.append(f"{event.source} {event.subject} {event.natural_key} {event.aliases}")
        told.append(str(masked_event(event.data.model_dump(mode="json"), DossierEvent)))
        told.append(masked_wire(door.ground.messages[0].body))
        for fault in ("refuse", "malformed"):
            echo = {"message": str(CLAIMS)} if fault == "refuse" else {"body": str(CLAIMS)}
            await site.play({"fault": fault, **echo})
            with pytest.raises(Exception, match=r".") as caught:
                await site.deliver(event)
            told.append(f"{caught.value!r} {caught.value.__cause__!r}")
    told += [caplog.text, *(str(metric) for metric in Metric)]
    values = [value for value in CLAIMS.values() if len(value) > 2]
    assert not [value for value in values for text in told if value in text]
