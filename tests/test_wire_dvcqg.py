"""The portal's dossier format: nothing that was sent is lost, and every rule refuses its fault."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import DecodeError, EncodeError
from hub.lean import lean_reader
from hub.schemas.dossier import DossierEvent, DossierStatus
from hub.wire.dvcqg import codes, models
from hub.wire.dvcqg.canonical import (
    read_dossier,
    read_progress,
    write_dossier,
    write_progress,
)
from hub.wire.dvcqg.dates import VIETNAM, read_stamp, write_stamp
from hub.wire.dvcqg.reading import (
    body_hash,
    dossier_in,
    dossier_of,
    progress_in,
    progress_of,
    quick_dossier_of,
    quick_progress_of,
    tree_of,
)
from hub.wire.dvcqg.rules import (
    MANDATORY_2020,
    MANDATORY_2023,
    Fault,
    dossier_faults,
    progress_faults,
    surely_good,
)
from hub.wire.json_text import strict_tree

CODE = "H99.01-260105-0001"
DOSSIER: dict[str, Any] = {
    "MaHoSo": CODE,
    "MaTTHC": "1.009999",
    "TenTTHC": "Thủ tục thử nghiệm",
    "MaLinhVuc": "LV01",
    "TenLinhVuc": "Lĩnh vực thử",
    "KenhThucHien": "2",
    "ChuHoSo": "Nguyễn Văn Mẫu",
    "LoaiDoiTuong": "1",
    "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "001099999999"}],
    "TrichYeuHoSo": "Hồ sơ thử",
    "NgayNopHoSo": "20260105081500",
    "NgayTiepNhan": "20260105093000",
    "NgayHenTra": "20260108093000",
    "TrangThaiHoSo": "2",
    "HinhThuc": "1",
    "DonViXuLy": "Sở Thử nghiệm A",
    "NoiNopHoSo": "2",
    "HoSoCoThanhPhanSoHoa": "1",
    "TaiKhoanDuocXacThucVoiVNeID": "0",
    "DuocThanhToanTrucTuyen": "1",
}
STEP: dict[str, Any] = {
    "MaHoSo": CODE,
    "NguoiXuLy": "Trần Thị Mẫu",
    "ThoiDiemXuLy": "20260105100000",
    "NoiDungXuLy": "Tiếp nhận hồ sơ",
    "TrangThai": "2",
}

text = st.text(max_size=12)
stamps = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(
    lambda moment: moment.strftime("%Y%m%d%H%M%S")
)
odd_texts = st.sampled_from(["", "0", "2", "01", "-1", "True", "20260230000000", "[]", "không rõ"])
anything = text | stamps | odd_texts
flags = st.booleans() | odd_texts
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=4,
)


def wire_objects(model: type[models.WirePart]) -> st.SearchStrategy[dict[str, Any]]:
    """Any object that the model takes, unknown fields included."""
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in model.model_fields.items():
        told = repr(field.annotation)
        if "tuple" in told:
            optional[name] = st.lists(wire_objects(_item(field.annotation)), max_size=2)
        elif "bool" in told:
            optional[name] = flags
        else:
            optional[name] = anything
    known = st.fixed_dictionaries({}, optional=optional)
    other = st.dictionaries(text.filter(lambda name: name not in optional), json_values, max_size=2)
    return st.builds(lambda one, two: one | two, known, other)


def _item(annotation: Any) -> type[models.WirePart]:
    (listed,) = (each for each in annotation.__args__ if hasattr(each, "__args__"))
    item: type[models.WirePart] = listed.__args__[0]
    return item


def meaning(value: Any, name: str = "") -> Any:
    """A wire value without what says the same: spellings of booleans and of the status."""
    if isinstance(value, dict):
        return {key: meaning(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [meaning(each) for each in value]
    if name in FLAGS and value in codes.FLAG_OF_TEXT:
        return codes.FLAG_OF_TEXT[value]
    if name in STATUSES and isinstance(value, str):
        return codes.write_status(codes.read_status(value), value)
    if name in NUMBERS and isinstance(value, int):
        return str(value)
    return value


FLAGS = {
    name
    for model in (models.WireDossier, models.WireAttachment, models.WireSupplement)
    for name, field in model.model_fields.items()
    if "bool" in repr(field.annotation)
}
STATUSES = {"TrangThaiHoSo", "TrangThai"}
NUMBERS = {"SoLuong", "LoaiGiayTo"}


@given(wire_objects(models.WireDossier))
def test_a_dossier_written_again_says_all_that_was_sent_and_nothing_else(
    sent: dict[str, Any],
) -> None:
    sent["MaHoSo"] = CODE
    event = read_dossier(dossier_of(sent), unit="H99.01", updating=None)
    through_kafka = DossierEvent.model_validate_json(event.model_dump_json(exclude_defaults=True))
    assert meaning(write_dossier(through_kafka)) == meaning(sent)


@given(wire_objects(models.WireProgress))
def test_a_step_written_again_says_all_that_was_sent_and_nothing_else(
    sent: dict[str, Any],
) -> None:
    sent["MaHoSo"] = CODE
    event = read_progress(progress_of(sent), unit="H99.01")
    through_kafka = DossierEvent.model_validate_json(event.model_dump_json(exclude_defaults=True))
    assert meaning(write_progress(through_kafka)) == meaning(sent)


@given(wire_objects(models.WireDossier), wire_objects(models.WireProgress))
def test_the_quick_reader_agrees_with_the_model(
    dossier: dict[str, Any], step: dict[str, Any]
) -> None:
    dossier["MaHoSo"] = step["MaHoSo"] = CODE
    told = [read_dossier(read(dossier), unit="u", updating=True) for read in DOSSIER_READERS]
    assert told[0] == told[1]
    assert told[0] == told[2]
    steps = [read_progress(read(step), unit="u") for read in STEP_READERS]
    assert steps[0] == steps[1] == steps[2]


@given(wire_objects(models.WireDossier))
def test_what_is_surely_good_breaks_no_rule(dossier: dict[str, Any]) -> None:
    """Of a good dossier with some fields as they come, and of one that may say anything."""
    for sent in (
        DOSSIER | dossier | {"MaHoSo": CODE},
        _known(DOSSIER | _some(dossier) | {"MaHoSo": CODE}),
    ):
        data = read_dossier(dossier_of(sent), unit="u", updating=None)
        item = write_dossier(data)
        for mandatory in (MANDATORY_2020, MANDATORY_2023):
            if surely_good(item, data.dossier, mandatory):
                assert dossier_faults(dossier_of(item), mandatory=mandatory) == []


def test_a_good_dossier_is_surely_good() -> None:
    data = read_dossier(dossier_of(DOSSIER), unit="u", updating=None)
    assert surely_good(write_dossier(data), data.dossier, MANDATORY_2023)
    unknown = read_dossier(dossier_of(DOSSIER | {"KhongBiet": 1}), unit="u", updating=None)
    assert not surely_good(write_dossier(unknown), unknown.dossier, MANDATORY_2023)


def _known(sent: dict[str, Any]) -> dict[str, Any]:
    return {name: sent[name] for name in sent if name in models.WireDossier.model_fields}


def _some(sent: dict[str, Any]) -> dict[str, Any]:
    """At most two of its fields: with more, something is always kept as it was sent."""
    return dict(sorted(sent.items())[:2])


@given(wire_objects(models.WireDossier))
def test_the_lean_twin_says_what_the_model_says(dossier: dict[str, Any]) -> None:
    event = read_dossier(dossier_of(dossier | {"MaHoSo": CODE}), unit="u", updating=True)
    value = event.model_dump_json(exclude_defaults=True).encode()
    lean = lean_reader(DossierEvent)(value)
    assert write_dossier(lean) == write_dossier(DossierEvent.model_validate_json(value))


DOSSIER_READERS = (
    dossier_of,
    quick_dossier_of,
    lambda tree, path="": dossier_in(orjson.dumps(tree), path),
)
STEP_READERS = (
    progress_of,
    quick_progress_of,
    lambda tree, path="": progress_in(orjson.dumps(tree), path),
)


@pytest.mark.parametrize("read", DOSSIER_READERS)
def test_null_says_the_same_as_not_sent(read: Any) -> None:
    told = read_dossier(read(DOSSIER | {"GhiChu": None}), unit="u", updating=None)
    assert told == read_dossier(read(DOSSIER), unit="u", updating=None)


def test_numbers_say_the_same_as_their_texts() -> None:
    numbers = DOSSIER | {"TrangThaiHoSo": 2, "KenhThucHien": 2, "NgayTiepNhan": 20260105093000}
    assert dossier_of(numbers) == dossier_of(DOSSIER)


def test_every_field_stands_where_it_belongs() -> None:
    event = read_dossier(dossier_of(DOSSIER), unit="H99.01", updating=True)
    assert (event.code, event.unit, event.updating) == (CODE, "H99.01", True)
    assert event.status is DossierStatus.RECEIVED
    assert event.dossier is not None
    assert event.dossier.procedure.code == "1.009999"
    assert event.dossier.applicant.identities[0].number == "001099999999"
    assert event.dossier.due_at == datetime(2026, 1, 8, 9, 30, tzinfo=VIETNAM)
    assert (event.dossier.digitised, event.dossier.signed_on_with_vneid) == (True, False)


def test_a_fee_with_a_doubtful_amount_keeps_its_text() -> None:
    fee = {"TenPhiLePhi": "Lệ phí", "Gia": "150.000"}
    event = read_dossier(dossier_of(DOSSIER | {"DanhSachLePhi": [fee]}), unit="u", updating=None)
    assert event.dossier is not None
    assert event.dossier.fees[0].amount_vnd is None
    assert event.dossier.fees[0].unknown == {"Gia": "150.000"}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *((str(number), status) for number, status in enumerate(list(DossierStatus)[:10], 1)),
        ("0", DossierStatus.UNKNOWN),
        ("11", DossierStatus.UNKNOWN),
        ("posting", DossierStatus.UNKNOWN),
        ("releasing", DossierStatus.DONE),
        ("", DossierStatus.UNKNOWN),
        (None, DossierStatus.UNKNOWN),
    ],
)
def test_every_status_code_has_its_status(code: str | None, status: DossierStatus) -> None:
    assert codes.read_status(code) is status


@pytest.mark.parametrize("code", ["0", "11", "99"])
def test_an_unknown_status_is_written_as_it_came(code: str) -> None:
    event = read_dossier(dossier_of(DOSSIER | {"TrangThaiHoSo": code}), unit="u", updating=None)
    assert write_dossier(event)["TrangThaiHoSo"] == code


@pytest.mark.parametrize("code", [None, "", "  ", "x" * 101, "H99\n-1", 17.5])
def test_an_item_without_a_dossier_code_has_no_subject(code: object) -> None:
    if code == 17.5:
        assert dossier_of({"MaHoSo": code}).MaHoSo == "17.5"
        return
    with pytest.raises(DecodeError) as caught:
        read_progress(progress_of({"MaHoSo": code}), unit="u", path="/data/3")
    assert (caught.value.code, caught.value.path) == ("no_subject", "/data/3/MaHoSo")


def test_an_event_without_the_asked_part_cannot_be_written() -> None:
    dossier = read_dossier(dossier_of(DOSSIER), unit="u", updating=None)
    step = read_progress(progress_of(STEP), unit="u")
    with pytest.raises(EncodeError):
        write_progress(dossier)
    with pytest.raises(EncodeError):
        write_dossier(step)


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ([], "/data/0"),
        ({"GhiChu": {"a": "bí mật"}}, "/data/0/GhiChu"),
        ({"TaiLieuNop": [{}, {"TenTepDinhKem": ["bí mật"]}]}, "/data/0/TaiLieuNop/1/TenTepDinhKem"),
        ({"DanhSachLePhi": "bí mật"}, "/data/0/DanhSachLePhi"),
    ],
)
@pytest.mark.parametrize("read", DOSSIER_READERS)
def test_a_wrong_type_is_told_by_path_and_never_by_value(read: Any, item: Any, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read(item, "/data/0")
    assert caught.value.path.startswith(path)
    assert "bí mật" not in str(caught.value)


@given(st.datetimes(datetime(1900, 1, 1), datetime(9998, 1, 1)))
def test_a_date_written_and_read_is_the_same_second(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=VIETNAM)
    assert read_stamp(write_stamp(whole)) == whole


@given(st.text(max_size=16) | st.text("0123456789", min_size=14, max_size=14))
def test_what_reads_as_a_date_is_written_back_letter_by_letter(given_text: str) -> None:
    moment = read_stamp(given_text)
    assert moment is None or write_stamp(moment) == given_text


@pytest.mark.parametrize(
    "no_date",
    [
        *(None, "", "2026", "20260230080000", "20260105240000", "20260105081560", "18991231235959"),
        *("2026-01-05T0815", " 2026010508150", "２０２６０１０５０８１５００", "00000000000000"),
    ],
)
def test_what_is_no_date_gives_none(no_date: str | None) -> None:
    assert read_stamp(no_date) is None


def test_dates_are_written_in_vietnamese_time() -> None:
    assert write_stamp(datetime(2026, 1, 4, 23, 30, 1, 999_999, tzinfo=UTC)) == "20260105063001"
    assert read_stamp("20260105063001") == datetime(2026, 1, 4, 23, 30, 1, tzinfo=UTC)
    assert VIETNAM.utcoffset(None) == timedelta(hours=7)


def test_spacing_and_order_do_not_change_the_hash_and_values_do() -> None:
    one = tree_of(b'{"a": 1, "b": {"c": "\\u00e1", "d": []}}')
    same = tree_of('{"b":{"d":[],"c":"á"},"a":1}'.encode())
    other = tree_of('{"b":{"d":[],"c":"á"},"a":"1"}'.encode())
    assert body_hash(one) == body_hash(same) != body_hash(other)


def test_a_complete_dossier_and_a_complete_step_break_no_rule() -> None:
    assert dossier_faults(dossier_of(DOSSIER)) == []
    assert progress_faults(progress_of(STEP)) == []


def broken(**fields: Any) -> list[tuple[str, str]]:
    item = {name: value for name, value in (DOSSIER | fields).items() if value is not None}
    return [(fault.path, fault.code) for fault in dossier_faults(dossier_of(item))]


@pytest.mark.parametrize(
    "name",
    [name for name in DOSSIER if name not in ("ChuHoSo", "NgayHenTra")],
)
@pytest.mark.parametrize("absent", [None, "", " "])
def test_every_mandatory_field_is_asked_for(name: str, absent: str | None) -> None:
    value: Any = [] if absent is not None and isinstance(DOSSIER[name], list) else absent
    assert (f"/{name}", "mandatory") in broken(**{name: value})


def test_products_of_2020_are_not_asked_for_fields_of_2023() -> None:
    item = {name: DOSSIER[name] for name in MANDATORY_2020}
    assert dossier_faults(dossier_of(item), mandatory=MANDATORY_2020) == []
    assert {fault.code for fault in dossier_faults(dossier_of(item))} == {"mandatory"}


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"TrichYeuHoSo": "x" * 1001}, "/TrichYeuHoSo", "too_long"),
        ({"TrangThaiHoSo": "x" * 21}, "/TrangThaiHoSo", "too_long"),
        ({"MaHoSo": "H99.01-2601-0001"}, "/MaHoSo", "code_form"),
        ({"MaHoSo": "h99.01-260105-0001"}, "/MaHoSo", "code_form"),
        ({"MaHoSo": CODE + "\n"}, "/MaHoSo", "code_form"),
        ({"MaTTHC": "1.00999"}, "/MaTTHC", "code_form"),
        ({"NgayTiepNhan": "2026-01-05"}, "/NgayTiepNhan", "date_form"),
        ({"NgayTra": "20260230000000"}, "/NgayTra", "date_form"),
        ({"KenhThucHien": "4"}, "/KenhThucHien", "unknown_code"),
        ({"LoaiDoiTuong": "0"}, "/LoaiDoiTuong", "unknown_code"),
        ({"HinhThuc": "2"}, "/HinhThuc", "unknown_code"),
        ({"NoiNopHoSo": "3"}, "/NoiNopHoSo", "unknown_code"),
        ({"DuocThanhToanTrucTuyen": "9"}, "/DuocThanhToanTrucTuyen", "unknown_code"),
        ({"HoSoCoThanhPhanSoHoa": "có"}, "/HoSoCoThanhPhanSoHoa", "flag_form"),
        (
            {"DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": "123"}]},
            "/DinhDanhCHS/0/SoDinhDanh",
            "identity_form",
        ),
        ({"DinhDanhCHS": [{"LoaiDinhDanh": "2"}]}, "/DinhDanhCHS/0/SoDinhDanh", "mandatory"),
        ({"TaiLieuNop": [{"IsDeleted": "x"}]}, "/TaiLieuNop/0/IsDeleted", "flag_form"),
        ({"TaiLieuNop": [{"DuocTaiSuDung": "3"}]}, "/TaiLieuNop/0/DuocTaiSuDung", "unknown_code"),
        (
            {"TaiLieuNop": [{"TenTepDinhKem": "x" * 4001}]},
            "/TaiLieuNop/0/TenTepDinhKem",
            "too_long",
        ),
        ({"DanhSachLePhi": [{"Gia": "1.5"}]}, "/DanhSachLePhi/0/Gia", "number_form"),
        (
            {"DanhSachHoSoBoSung": [{"NgayBoSung": "hôm qua"}]},
            "/DanhSachHoSoBoSung/0/NgayBoSung",
            "date_form",
        ),
        (
            {"DanhSachHoSoBoSung": [{"DanhSachLePhiBoSung": [{"Gia": "x"}]}]},
            "/DanhSachHoSoBoSung/0/DanhSachLePhiBoSung/0/Gia",
            "number_form",
        ),
    ],
)
def test_each_rule_refuses_its_fault_and_nothing_beside_it(
    fields: dict[str, Any], path: str, code: str
) -> None:
    assert broken(**fields) == [(path, code)]


@pytest.mark.parametrize(
    "fields",
    [
        {"MaHoSo": "000.00.01.H22-260105-0001"},
        {"MaHoSo": "G22.99.15-260105-1500001"},
        {"MaTTHC": "1.003560.000.00.00.H56"},
        {"NgayHenTra": ""},
        {"NgayHenTra": None},
        {"TrangThaiHoSo": "0"},
        {"TrangThaiHoSo": "11"},
        {"HoSoCoThanhPhanSoHoa": False},
        {"DinhDanhCHS": [{"LoaiDinhDanh": "9", "SoDinhDanh": "0100000000-001"}]},
        {"TruongMoi": "gì cũng được"},
    ],
)
def test_what_the_portal_takes_is_no_fault(fields: dict[str, Any]) -> None:
    assert broken(**fields) == []


def test_all_faults_of_an_item_are_told_at_once() -> None:
    told = broken(MaTTHC="x", NgayTra="x", HinhThuc="x", ChuHoSo=None)
    assert told == [
        ("/MaTTHC", "code_form"),
        ("/NgayTra", "date_form"),
        ("/HinhThuc", "unknown_code"),
    ]


def test_faults_of_a_step_are_told_by_path() -> None:
    step = STEP | {"NguoiXuLy": "x" * 51, "NgayBatDau": "x", "NoiDungXuLy": ""}
    assert [fault[:2] for fault in progress_faults(progress_of(step), "/data/1")] == [
        ("/data/1/NoiDungXuLy", "mandatory"),
        ("/data/1/NguoiXuLy", "too_long"),
        ("/data/1/NgayBatDau", "date_form"),
    ]


@given(wire_objects(models.WireDossier))
def test_faults_never_repeat_a_value(sent: dict[str, Any]) -> None:
    canary = "giá-trị-bí-mật"
    spoilt = {name: canary if isinstance(value, str) else value for name, value in sent.items()}
    faults: list[Fault] = dossier_faults(
        dossier_of({**spoilt, **dict.fromkeys(DOSSIER, canary)} | {"DinhDanhCHS": []})
    )
    assert faults
    assert not any(canary in part for fault in faults for part in fault)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "undecodable"),
        (b"{", "undecodable"),
        (b'{"a":NaN}', "undecodable"),
        (b'{"a":1e999}', "undecodable"),
        (b'{"a":"\\ud800"}', "undecodable"),
        (b"\xff\xfe{\x00}\x00", "undecodable"),
        ('{"a":"é"}'.encode("latin-1"), "undecodable"),
        (b'{"a":1,"b":{"c":1,"c":1}}', "duplicate_name"),
        (b'{"a":1,"\\u0061":2}', "duplicate_name"),
        (b"[" * 17 + b"1" + b"]" * 17, "too_deep"),
        (b"[" * 1000 + b"]" * 1000, "too_deep"),
        (b"[" * 100_000 + b"]" * 100_000, "undecodable"),
    ],
)
def test_the_door_refuses_what_parsers_read_differently(body: bytes, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        strict_tree(body)
    assert caught.value.code == code


@given(json_values)
def test_the_door_takes_all_other_json(value: Any) -> None:
    assert strict_tree(orjson.dumps(value)) == value


OWNER = {"LoaiDinhDanh": "1", "SoDinhDanh": "001099999999"}
PAPER = {"DuongDanTaiTepTin": "https://hub.example/f/1"}


@pytest.mark.parametrize(
    ("fields", "doubts"),
    [
        ({}, ()),
        ({"SoGiayToChuHoSo": "000000001"}, ("made_up_owner",)),
        ({"DinhDanhCHS": [OWNER, OWNER | {"SoDinhDanh": "9" * 12}]}, ("made_up_owner",)),
        ({"MaHoSo": "H99.01-260105-48213"}, ("random_code",)),
        ({"MaHoSo": "000.00.01.H99-260105-0001"}, ()),
        ({"MaHoSo": "G22.99-260105-000012"}, ()),
        ({"MaHoSo": "H99.01-260105-1800012"}, ()),
        ({"MaHoSo": "H99.01-260105-A0001"}, ()),
        ({"MaHoSo": "12345"}, ()),
        ({"SoGiayToChuHoSo": "000000010"}, ()),
        ({"SoGiayToChuHoSo": "00001"}, ()),
        ({"SoGiayToChuHoSo": "", "DinhDanhCHS": [OWNER]}, ()),
        (
            {"TrangThaiHoSo": "9", "DanhSachHoSoBoSung": [{"NgayBoSung": "20260106100000"}]},
            ("finished_in_supplement",),
        ),
        ({"TrangThaiHoSo": "5", "DanhSachHoSoBoSung": [{"NgayBoSung": "20260106100000"}]}, ()),
        (
            {
                "TrangThaiHoSo": "9",
                "DanhSachHoSoBoSung": [
                    {"NgayBoSung": "20260106100000", "NgayTiepNhanBoSung": "20260107100000"}
                ],
            },
            (),
        ),
        (
            {
                "TaiLieuNop": [PAPER],
                "DanhSachGiayToKetQua": [{"DuongDanTepTinKetQua": "https://hub.example/f/1"}],
            },
            ("submitted_as_result",),
        ),
        (
            {
                "TaiLieuNop": [PAPER, {"DuongDanTaiTepTin": ""}],
                "DanhSachGiayToKetQua": [
                    {"DuongDanTepTinKetQua": ""},
                    {"DuongDanTepTinKetQua": "https://hub.example/f/2"},
                ],
            },
            (),
        ),
    ],
)
def test_what_a_product_made_up_is_told_and_written_on_as_it_came(
    fields: dict[str, Any], doubts: tuple[str, ...]
) -> None:
    sent = {"MaHoSo": "H99.01-260105-0001", **fields}
    data = read_dossier(dossier_of(sent), unit="H99.01", updating=None)
    assert data.dossier is not None
    assert data.dossier.doubts == doubts
    assert "doubts" not in write_dossier(data)
