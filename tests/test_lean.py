"""Lean twins say what their models say."""

from __future__ import annotations

import json

import msgspec
import pytest
from pydantic import ValidationError

import hub.schemas  # noqa: F401 - registers the kinds
from hub.event import KINDS, Event
from hub.lean import lean_of, lean_reader
from hub.schemas.dossier import DossierEvent, DossierStatus
from tests.connectors.contract import Folder, importable


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_a_twin_with_its_fields(kind: str) -> None:
    model = KINDS[kind]
    assert lean_of(model).__struct_fields__ == tuple(model.model_fields)


@pytest.mark.parametrize("kind", importable())
def test_every_sample_is_taken_and_says_the_same(kind: str) -> None:
    folder = Folder.of(importable()[kind])
    for path in folder.path.rglob("samples/**/*.event*.json*"):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines() if path.suffix == ".jsonl" else [text]
        for document in map(json.loads, lines):
            if "error" in document:
                continue
            event = Event.from_json(document)
            lean = lean_reader(type(event.data))(event.to_record()[1])
            assert not isinstance(lean, type(event.data)), f"{path.name}: read by the model"
            assert type(event.data).model_validate(msgspec.to_builtins(lean)) == event.data


def test_what_a_twin_does_not_take_the_model_decides() -> None:
    read = lean_reader(DossierEvent)
    told = read(b'{"code":"H1","unit":"u","status":"done","updating":"true"}')
    assert isinstance(told, DossierEvent)
    assert told.status is DossierStatus.DONE
    with pytest.raises(ValidationError):
        read(b'{"code":1}')
