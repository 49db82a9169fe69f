"""What citizens do at the simulated portal: file dossiers there, ask questions, own old results.

A dossier filed here is pushed to the unit's own address; its states come back under the portal's
code. Files of pushed dossiers are served at `/files/{id}`, for as long as they are there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from hub.connectors.national_portal.simulator_rules import ANSWER, STATE, first_fault
from hub.wire.dvcqg import models

RESULT_STORE, RESULT_FILE = "KhoSoHoaDVCQG", "KhoSoHoaDVCQGTep"
PULL_SECONDS = 10.0
STORED = (
    {
        "MaKetQua": "KQ01",
        "TenGiayTo": "Giấy khai sinh",
        "SoKyHieu": "01/2020",
        "CoQuanChuQuan": "Ủy ban nhân dân phường Mẫu",
        "DanhSachTepDinhKem": [{"TenTep": "giay-khai-sinh.pdf", "DuongDan": "/kho/1"}],
    },
)
"""What the store of digitised results has, whoever asks for it."""

CONTENT_OF_STORE = {"/kho/1": "JVBERi0xLjQgbWF1"}
"""Files of the store by `DuongDan`, base64."""

Told = tuple[dict[str, Any], bool]
"""What is answered, and whether the call was taken."""


@dataclass(slots=True)
class Citizens:
    """Filed dossiers' states by the portal's code, questions by id, and files by id."""

    states: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    questions: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    pushed: int = 0
    answers: int = 0

    def counts(self) -> Mapping[str, Any]:
        """For `/_control/state`."""
        return {
            "pushed": self.pushed,
            "filed_states": sum(map(len, self.states.values())),
            "questions": len(self.questions),
            "answers": self.answers,
        }

    def ask(self, row: Mapping[str, Any]) -> None:
        """A citizen asks a question; fields as in the list of questions."""
        question = {"NOIDUNGTRALOI": "", "TRANGTHAI": "0", **row}
        self.questions[str(question["CAUHOIID"])] = question

    def answer(self, service: str, call: Mapping[str, Any]) -> Told | None:
        """Answer a service of this part of the portal; none: it is of another part."""
        match service:
            case models.STATE_SERVICE:
                return self._state(call)
            case models.QUESTIONS_SERVICE:
                waiting = [q for q in self.questions.values() if q["TRANGTHAI"] == "0"]
                unit = call.get("madonvi")
                return _result([q for q in waiting if q.get("MADONVI") in (None, "", unit)])
            case models.ANSWER_LOOK_UP:
                question = self.questions.get(str(call.get("cauhoiid", "")))
                return _result([question] if question else [])
            case models.ANSWER_SERVICE:
                return self._answers(call)
            case "LayDanhSachHoiDapBoCoQuan":
                return _result(list(self.questions.values()))
            case service if service == RESULT_STORE:
                return _stored(call)
            case service if service == RESULT_FILE:
                return _result(CONTENT_OF_STORE.get(str(call.get("DuongDan")), ""))
        return None

    def _state(self, call: Mapping[str, Any]) -> Told:
        data = call.get("data")
        if call.get("type") != "2":
            return _refused("1", "/type: sai loại đồng bộ")
        if (wrong := first_fault(data, STATE, "/data")) or not isinstance(data, dict):
            return _refused("1", wrong)
        self.states.setdefault(str(data["MaHoSo"]), []).append(data)
        return _success("Đồng bộ trạng thái thành công")

    def _answers(self, call: Mapping[str, Any]) -> Told:
        items = call.get("data")
        if not isinstance(items, list) or not items:
            return _refused("1", "/data: thiếu giá trị bắt buộc")
        for number, item in enumerate(items):
            if wrong := first_fault(item, ANSWER, f"/data/{number}"):
                return _refused("1", wrong)
            if str(item["CAUHOIID"]) not in self.questions:
                return _refused("4", f"/data/{number}: Không tìm thấy câu hỏi")
        for item in items:
            self.questions[str(item["CAUHOIID"])] |= item
            self.answers += 1
        return _success("Cập nhật câu trả lời thành công")


@dataclass(frozen=True, slots=True)
class Pushing:
    """One call to the unit's address.

    Attributes:
        url: the unit's address, whole.
        header, token: what proves the portal.
        body: the call.
    """

    url: str
    header: str
    token: str
    body: bytes


async def push(pushing: Pushing, times: int) -> list[Any]:
    """Call the unit so many times; its answers, or the kind of failure as text."""
    replies: list[Any] = []
    headers = {"Content-Type": "application/json", pushing.header: pushing.token}
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        for _ in range(times):
            try:
                async with http.post(pushing.url, data=pushing.body, headers=headers) as reply:
                    replies.append(orjson.loads(await reply.read()))
            except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
                replies.append(type(error).__name__)
    return replies


async def pull(addresses: Sequence[str]) -> list[int]:
    """Fetch files as the portal does some time after it took a dossier; HTTP status of each."""
    found: list[int] = []
    timeout = aiohttp.ClientTimeout(total=PULL_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        for address in addresses:
            try:
                async with http.get(address) as reply:
                    found.append(reply.status)
            except (aiohttp.ClientError, TimeoutError):
                found.append(0)
    return found


def addresses_of(dossier: Mapping[str, Any]) -> list[str]:
    """Every address of a file in a dossier: papers, then results."""
    papers = [p.get("DuongDanTaiTepTin") for p in dossier.get("TaiLieuNop") or ()]
    results = [r.get("DuongDanTepTinKetQua") for r in dossier.get("DanhSachGiayToKetQua") or ()]
    return [str(address) for address in (*papers, *results) if address]


def _stored(call: Mapping[str, Any]) -> Told:
    for name in ("SoDinhDanhChuSoHuu", "SoDinhDanhNguoiYeuCau", "MaThuTuc"):
        if not call.get(name):
            told = {"errorCode": "1", "message": f"/{name}: thiếu giá trị bắt buộc"}
            return told, False
    result = {"DanhSachGiayToKetQua": list(STORED)}
    return {"errorCode": "0", "message": "thành công", "signature": "", "result": result}, True


def _result(result: Any) -> Told:
    return {"error_code": "0", "result": result}, True


def _success(message: str) -> Told:
    return {"error_code": "0", "message": message}, True


def _refused(code: str, message: str) -> Told:
    return {"error_code": code, "message": message}, False
