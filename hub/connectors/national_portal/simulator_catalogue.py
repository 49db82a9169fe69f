"""Catalogues that the simulated portal publishes: a few procedures of a ward, in its own form.

The codes in here are invented; the shape is that of `LayThuTuc` and the `LayDanhMuc*` services.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIELDS = ({"MALINHVUC": "LV01", "TENLINHVUC": "Hộ tịch", "MANGANH": "G15"},)
AGENCIES = (
    {"MADONVI": "H99", "TENDONVI": "Ủy ban nhân dân tỉnh Mẫu", "CAPDONVI": "1"},
    {"MADONVI": "H99.01", "TENDONVI": "Ủy ban nhân dân phường Mẫu", "CAPDONVI": "3"},
)
_ROWS = (
    ("1.900001", "Đăng ký khai sinh", "1", "ngày làm việc", "0"),
    ("1.900002", "Đăng ký khai tử", "1", "ngày làm việc", "0"),
    ("1.900003", "Cấp giấy xác nhận tình trạng hôn nhân", "3", "ngày làm việc", "15000"),
    ("1.900004", "Chứng thực bản sao từ bản chính", "8", "giờ", "2000"),
)
"""Code, name, term, its unit, fee in VND."""


def _procedure(code: str, name: str, term: str, unit: str, fee: str) -> dict[str, Any]:
    ways = [
        {
            "KENH": channel,
            "THOIGIAN": [
                {
                    "THOIGIANGIAIQUYET": term,
                    "DONVITINH": unit,
                    "MOTA": "",
                    "PHILEPHI": [{"MAPHILEPHI": "1", "SOTIEN": fee, "DONVI": "đồng", "MOTA": ""}],
                }
            ],
        }
        for channel in ("1", "2", "3")
    ]
    paper = {"MAGIAYTO": "TP01", "TENGIAYTO": "Tờ khai", "TENMAUDON": "", "URL": ""}
    return {
        "MATTHC": code,
        "TENTTHC": name,
        "MACOQUANCONGBO": "G15",
        "LINHVUCTHUCHIEN": [{"MALINHVUC": "LV01", "TENLINHVUC": "Hộ tịch"}],
        "TRINHTUTHUCHIEN": [{"TRUONGHOP": "", "TRINHTU": [{"TENTRINHTU": "Nộp hồ sơ"}]}],
        "CACHTHUCTHUCHIEN": ways,
        "THANHPHANHOSO": [{"TRUONGHOP": "", "GIAYTO": [paper]}],
        "DOITUONGTHUCHIEN": "1",
        "MOTADOITUONGTHUCHIEN": "Công dân Việt Nam",
        "KETQUATHUCHIEN": [{"MAKETQUA": "KQ01", "TENKETQUA": name}],
        "CANCUPHAPLY": [{"SOVANBAN": "00/0000/VB-MAU", "TENVANBAN": "Văn bản mẫu"}],
        "COQUANTHUCHIEN": [{"MADONVI": "H99.01", "TENDONVI": "Ủy ban nhân dân phường Mẫu"}],
        "YEUCAU": "",
        "TRANGTHAI": "1",
    }


PROCEDURES: Mapping[str, Mapping[str, Any]] = {row[0]: _procedure(*row) for row in _ROWS}


def catalogue(service: str, call: Mapping[str, Any]) -> list[Any] | None:
    """The `result` of a catalogue service; none: the portal has no such service.

    Args:
        service: name of the service.
        call: the request's JSON object.
    """
    match service:
        case "LayThuTuc":
            found = PROCEDURES.get(str(call.get("maTTHC", "")))
            return [found] if found else []
        case "LayDanhSachTTHC":
            return [{"MATTHC": code, "TENTTHC": p["TENTTHC"]} for code, p in PROCEDURES.items()]
        case "LayDanhMucCoQuan":
            return list(AGENCIES)
        case "LayDanhMucLinhVuc":
            return list(FIELDS)
        case "TraCuuTechID":
            number = str(call.get("mstorcmnd", ""))
            return [{"TECHNICALID": f"tech-{number[-4:]}"}] if number else []
    return None
