"""After a lost answer: whether the axis has a document, by what it lists as sent."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from hub.connector import Answer
from tests.connectors.document_examples import AT, CODE, OURS, THEIRS, Axis, axis, issued, request

TITLE = f"V/v lấy ý kiến hồ sơ {CODE}"


def row(**fields: str) -> dict[str, str]:
    """What the axis lists of the example's letter."""
    return {
        "senderDocId": "a1",
        "fromCode": OURS,
        "toCode": THEIRS,
        "notation": "12/STN-VP",
        "title": TITLE,
        "sentTime": at(AT),
        **fields,
    }


def at(moment: datetime) -> str:
    return f"{moment:%Y/%m/%d %H:%M:%S}"


async def asked(here: Axis, *rows: Mapping[str, Any]) -> Answer:
    """The answer, if the axis lists these."""
    body = orjson.dumps({"status": "OK", "ErrorCode": "0", "data": rows}).decode()
    await here.play({"fault": "malformed", "operation": "getSentEdocList", "body": body})
    sent = request(issued(), here.settings)
    return (await here.client.ask(sent, timeout_seconds=10)).answer


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"title": unicodedata.normalize("NFD", TITLE)},
        {"title": f" {TITLE.upper()}\r\n".replace(" ", "  ")},
        {"notation": "12/stn-vp "},
    ],
)
async def test_a_document_is_known_again_in_every_spelling(fields: dict[str, str]) -> None:
    async with axis() as here:
        assert await asked(here, row(**fields)) is Answer.TAKEN


@pytest.mark.parametrize(
    "fields",
    [
        {"title": TITLE[:20]},
        {"title": ""},
        {"notation": "STN-VP"},
        {"notation": "", "sentTime": ""},
        {"notation": "", "sentTime": at(AT - timedelta(hours=23))},
    ],
)
async def test_one_that_may_be_it_leaves_the_decision_to_a_person(fields: dict[str, str]) -> None:
    """Sent again, it would be registered twice."""
    async with axis() as here:
        assert await asked(here, row(**fields)) is Answer.UNKNOWN


@pytest.mark.parametrize(
    "fields",
    [
        {"fromCode": THEIRS},
        {"senderDocId": ""},
        {"title": "V/v khác", "notation": "13/STN-VP"},
        {"title": "V/v khác", "sentTime": at(AT - timedelta(days=365))},
        {"notation": "13/STN-VP", "sentTime": at(AT - timedelta(hours=25))},
    ],
)
async def test_another_document_is_not_taken_for_it(fields: dict[str, str]) -> None:
    async with axis() as here:
        assert await asked(here, row(**fields)) is Answer.NOT_TAKEN
