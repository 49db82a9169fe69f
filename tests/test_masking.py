"""Nothing personal is shown, whatever the message; what is public stays readable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hub.schemas  # noqa: F401 - registers the kinds
from hub.event import KINDS, DataClass, Part
from hub.masking import masked_event, masked_text, masked_wire
from hub.schemas.dossier import DossierEvent

DOSSIER: dict[str, Any] = {
    "code": "000.00.01.H26-230301-0001",
    "unit": "000.00.01.H26",
    "status": "done",
    "dossier": {
        "procedure": {"code": "1.001193", "name": "Đăng ký khai sinh"},
        "applicant": {
            "kind": "citizen",
            "name": "Nguyễn Văn An",
            "id_number": "001088012345",
            "email": "an.nguyen@example.vn",
            "phone": "0912345678",
            "identities": [{"type_code": "1", "number": "001088012345"}],
        },
        "summary": "Khai sinh cho cháu Nguyễn Thị Bình, ở số 5",
        "due_at": "2023-03-09T17:00:00+07:00",
        "attachments": [{"id": "a1", "name": "to-khai.pdf", "unknown": {"GhiChu": "mật"}}],
        "unknown": {"SoCMND": "123456789"},
        "originals": {"NgaySinh": "01/02/1988"},
    },
    "field_of_a_newer_hub": "Nguyễn Văn An",
}


def test_an_event_shows_public_fields_and_masks_the_rest() -> None:
    shown = masked_event(DOSSIER, DossierEvent)
    assert shown["code"] == DOSSIER["code"]
    dossier = shown["dossier"]
    assert dossier["procedure"] == DOSSIER["dossier"]["procedure"]
    assert dossier["due_at"] == DOSSIER["dossier"]["due_at"]
    assert dossier["applicant"] == {
        "kind": "citizen",
        "name": "N. V. A.",
        "id_number": "•••345",
        "email": "a•••@•••",
        "phone": "•••78",
        "identities": [{"type_code": "1", "number": "•••345"}],
    }
    assert dossier["summary"] == "K. s. c. c. N. T. …"
    assert dossier["attachments"] == [{"id": "a1", "name": "t.", "unknown": {"GhiChu": "•••"}}]
    assert dossier["unknown"] == {"SoCMND": "•••"}
    assert dossier["originals"] == {"NgaySinh": "•••"}
    assert shown["field_of_a_newer_hub"] == "•••"


@pytest.mark.parametrize(
    ("text", "data_class", "expected"),
    [
        ("0912345678", DataClass.PUBLIC, "0912345678"),
        ("0912345678", DataClass.CONTACT, "•••78"),
        ("113", DataClass.CONTACT, "•••"),
        ("12345", DataClass.IDENTITY_NUMBER, "•••"),
        ("", DataClass.IDENTITY_NUMBER, ""),
        ("hunter2", DataClass.SECRET, "•••"),
        ("  ", DataClass.PERSONAL, "•••"),
        ("123 456", DataClass.PERSONAL, "•••"),
        ("An", DataClass.PERSONAL, "A."),
    ],
)
def test_one_value_is_masked_by_its_class(text: str, data_class: DataClass, expected: str) -> None:
    assert masked_text(text, data_class) == expected


def test_wire_bytes_keep_their_structure_and_what_is_known() -> None:
    body = json.dumps({"MaHoSo": "H1", "data": [{"Ten": "An", "So": 5, "x": None, "y": ""}]})
    assert json.loads(masked_wire(body.encode(), {"H1"})) == {
        "MaHoSo": "H1",
        "data": [{"Ten": "•••", "So": "•••", "x": None, "y": ""}],
    }
    assert masked_wire(b"<xml>An</xml>") == "(13 bytes that are not JSON)"
    assert masked_wire(b"[" * 100_000) == "(100000 bytes that are not JSON)"


WORD = st.text(st.characters(categories=["L", "N"]), min_size=8, max_size=12)


def _filled(model: type[Part], word: str) -> dict[str, Any]:
    """Data with the same word in every field that is not public."""
    data: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        annotation = str(field.annotation)
        inner = next((part for part in PARTS if f".{part.__name__}" in annotation), None)
        if inner is not None:
            value: Any = _filled(inner, word)
            data[name] = [value] if "tuple" in annotation else value
        elif DataClass.PUBLIC not in field.metadata:
            data[name] = {"unknown": [word]} if "dict" in annotation else word
    return data


def _texts(tree: Any) -> Iterator[str]:
    """Every text in JSON but the names of fields: a word may happen to be one."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list | tuple):
        for each in tree.values() if isinstance(tree, dict) else tree:
            yield from _texts(each)


PARTS = Part.__subclasses__()


@given(WORD)
def test_no_word_of_a_field_that_is_not_public_is_shown_by_any_kind(word: str) -> None:
    shown = 0
    for model in dict.fromkeys(KINDS.values()):
        data = _filled(model, word)  # a kind may have public fields only
        shown += json.dumps(data, ensure_ascii=False).count(word) > 10
        assert not [text for text in _texts(masked_event(data, model)) if word in text]
    assert shown > 5
