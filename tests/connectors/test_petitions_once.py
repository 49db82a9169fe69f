"""Petitions and votes that come again: one by source and id, whichever account brings them."""

from __future__ import annotations

import orjson
import pytest
from msgspec import structs

from hub.connectors.petitions.decode import decode, message
from hub.event import Event
from tests.connectors.petition_examples import door, event_of, petition, petition_settings, post


@pytest.mark.parametrize("told", ["pakn.received", "survey.voted", "pakn.rated"])
@pytest.mark.parametrize("title", ["V/v đường hỏng", "Khiếu nại quyết định"])
async def test_what_two_accounts_push_of_one_source_is_one(told: str, title: str) -> None:
    accounts = {name: {"token": name, "role": "source"} for name in ("cong", "tong-dai")}
    async with door(accounts=accounts) as (url, inbox):
        for account in accounts:
            body = petition(type=told, subject=title, voteId="V", vote="Hài lòng", at="2026-01-05")
            assert (await post(url, body, account))[0] == 200
        pushed = [decode(each, petition_settings()) for each in inbox.messages]
        (first,), (second,) = pushed
        assert isinstance(first, Event)
        assert isinstance(second, Event)
        assert first.once
        assert (first.source, first.natural_key) == (second.source, second.natural_key)


def test_what_names_no_source_is_its_accounts() -> None:
    body = orjson.dumps({**petition(), "source": ""})
    told = [
        structs.replace(message(body, "pakn"), headers={"form": "pakn", "unit": account})
        for account in ("cong", "tong-dai")
    ]
    (one,), (other,) = (decode(each, petition_settings()) for each in told)
    assert isinstance(one, Event)
    assert isinstance(other, Event)
    assert one.source != other.source


def test_votes_of_two_sources_with_the_same_id_are_two() -> None:
    body = {"type": "survey.voted", "voteId": "V", "vote": "Hài lòng"}
    one, other = (event_of({**body, "source": source}) for source in ("portal", "app"))
    assert one.natural_key != other.natural_key
