"""The post's door over real connections: one parcel per request, whatever gets lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from hub.connector import Answer
from hub.connectors.public_post.tokens import Tokens
from hub.errors import HubError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.event import Alias
from hub.schemas.post import ParcelEvent
from tests.connectors.broken_server import REFUSED, broken_server
from tests.connectors.post_examples import (
    ACCOUNT,
    CITIZEN,
    CODE,
    SECRETS,
    Post,
    cancelled,
    ordered,
    post,
    settings,
)

CUT = {"fault": "timeout_after_success", "operation": "*ost*", "then": "cut"}
ORDER_CODE = ("post.order", f"HCC.H99.01/{CODE}")


async def failed(door: Post, error: type[HubError], *events: Any, **more: Any) -> HubError:
    """The error of delivering an event; it tells nothing personal."""
    with pytest.raises(error) as caught:
        await door.deliver(*events, **more)
    text = f"{caught.value} {caught.value.__cause__}"
    assert not [secret for secret in SECRETS if secret in text]
    return caught.value


async def test_an_order_is_taken_and_its_answer_comes_back_as_an_event() -> None:
    async with post() as door:
        request = ordered(item_code="EA123456789VN")
        reply = await door.deliver(request, key="k1")
        (event,) = door.events(*reply.messages)
        assert isinstance(event.data, ParcelEvent)
        assert (event.kind, event.subject) == ("post.order_accepted", CODE)
        assert (event.data.order_number, event.data.item_code) == (CODE, "EA123456789VN")
        assert (event.natural_key, event.once, event.data.existed) == ("reply:k1", True, None)
        assert door.ground.known[ORDER_CODE].facts["state"] == "taken"
        assert ("post.item", "EA123456789VN") in door.ground.known
        assert [row["id"] for row in door.log.last() if row["operation"] == "order/post"] == ["k1"]
        assert reply.messages[0].id == (await door.deliver(request, key="k1")).messages[0].id


async def test_a_lost_answer_is_followed_by_101_and_there_is_one_parcel() -> None:
    async with post() as door:
        request = ordered()
        await door.play(
            {"fault": "timeout_after_success", "operation": "order/post", "then": "cut"}
        )
        assert (await failed(door, UnknownOutcome, request)).code == "connection_lost"
        await door.play()
        reply = await door.deliver(request)
        (event,) = door.events(*reply.messages)
        assert isinstance(event.data, ParcelEvent)
        assert (reply.foreign_code, event.data.existed) == ("101", True)
        assert (await door.state())["parcels"] == 1


async def test_what_the_hub_remembers_as_taken_is_not_ordered_again() -> None:
    async with post() as door:
        await door.deliver(ordered())
        reply = await door.deliver(ordered())
        assert door.calls("order/post") == 1
        assert [event.kind for event in door.events(*reply.messages)] == ["post.order_accepted"]


async def test_another_order_under_the_same_number_is_refused_not_swallowed() -> None:
    other = ordered(receiver={**CITIZEN, "address": "Số 1 phố Khác"})
    async with post() as door:
        await door.play(CUT)
        await failed(door, UnknownOutcome, ordered())
        assert (await failed(door, Rejected, other)).foreign_code == "remembered"
        await door.play()
        await door.deliver(ordered())
        assert (await failed(door, Rejected, other)).foreign_code == "remembered"
        assert door.calls("order/post") == 2
        await door.deliver(ordered(number=2, receiver=other.data.receiver))
        assert (await door.state())["parcels"] == 2


@pytest.mark.parametrize("fault", [{"fault": "refuse"}, {"fault": "429"}])
async def test_an_order_that_was_not_taken_may_be_corrected(fault: dict[str, Any]) -> None:
    async with post() as door:
        await door.play({**fault, "operation": "order/post"})
        await failed(door, HubError, ordered())
        await door.play()
        await door.deliver(ordered(receiver={**CITIZEN, "address": "Số 1 phố Khác"}))
        assert (await door.state())["parcels"] == 1


async def test_a_refusal_after_a_lost_answer_does_not_free_the_number() -> None:
    async with post() as door:
        await door.play(CUT)
        await failed(door, UnknownOutcome, ordered())
        await door.play({"fault": "429"})
        await failed(door, Unavailable, ordered())
        assert door.ground.known[ORDER_CODE].facts["state"] == "begun"


async def test_a_dossier_does_not_get_the_parcel_of_another() -> None:
    async with post() as door:
        await door.deliver(ordered(number=2))
        error = await failed(door, Rejected, ordered(code=f"{CODE}.2"))
        assert error.foreign_code == "remembered"


async def test_pick_up_and_return_of_one_dossier_are_two_parcels() -> None:
    async with post() as door:
        await door.deliver(ordered("pick_up"))
        await door.deliver(ordered("return"))
        await door.move()
        page = await door.poller.poll("")
        services = {e.data.order_number: e.data.service for e in door.events(*page.messages)}
        assert services == {f"{CODE}-TG": "pick_up", CODE: "return"}
        assert (await door.state())["parcels"] == 2


async def test_both_are_one_registration_whose_legs_the_statuses_tell() -> None:
    async with post() as door:
        await door.deliver(ordered("both"))
        assert (door.calls("postDocument"), door.calls("order/post")) == (1, 0)
        for _ in range(6):
            await door.move()
        kinds, page = await door.look()
        leg = ["post.tracked", "post.tracked", "post.delivered"]
        assert kinds == [*leg, *leg]
        told = [(e.data.state_code, e.data.service) for e in door.events(*page.messages)]
        assert told[2] == ("91", "pick_up")
        assert told[5] == ("90", "both")


async def test_a_registration_is_asked_about_before_it_is_sent_again() -> None:
    request = ordered("both")
    async with post() as door:
        assert (await door.ask(request)).answer is Answer.NOT_TAKEN
        await door.play(
            {"fault": "timeout_after_success", "operation": "postDocument", "then": "cut"}
        )
        await failed(door, UnknownOutcome, request)
        await door.play()
        assert (await door.ask(request)).answer is Answer.UNKNOWN
        await door.move()
        page = await door.poller.poll("")
        (entry,) = door.events(*page.messages)
        assert entry.about is not None
        # What the hub does with an entry's aliases.
        door.ground.known[entry.about].facts.update(entry.aliases[0].facts)
        asked = await door.ask(request)
        assert asked.answer is Answer.TAKEN
        assert [e.kind for e in door.events(*asked.reply.messages)] == ["post.order_accepted"]
        assert (await door.ask(ordered("both", state_code="9"))).answer is Answer.NOT_TAKEN
        await door.deliver(request)
        assert door.calls("postDocument") == 1
    async with post(documents_noticed=True) as door:
        await door.play(
            {"fault": "timeout_after_success", "operation": "postDocument", "then": "cut"}
        )
        await failed(door, UnknownOutcome, request)
        await door.play()
        assert (await door.ask(request)).answer is Answer.NOT_TAKEN
        assert (await door.deliver(request)).foreign_code == "101"


async def test_a_cancelled_order_is_told_and_its_number_is_not_used_again() -> None:
    async with post() as door:
        await door.deliver(ordered())
        for _ in range(2):
            reply = await door.deliver(cancelled())
            assert [event.kind for event in door.events(*reply.messages)] == ["post.cancelled"]
        assert door.ground.known[ORDER_CODE].facts["state"] == "cancelled"
        assert (await door.look())[0] == ["post.cancelled"]
        for _ in range(2):
            error = await failed(door, Rejected, ordered())
            assert error.foreign_code == "101"
        await door.play(CUT)
        await failed(door, UnknownOutcome, ordered())
        assert (await door.ask(ordered())).answer is Answer.UNKNOWN
        await door.play()
        error = await failed(door, Rejected, ordered())
        assert "ask the post" in str(error)


async def test_what_the_post_has_is_told_though_the_store_goes_away_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the ledger holds "not taken", and a registration is sent a second time."""
    async with post() as door:
        whole = door.ground.remember

        async def remember(aliases: Sequence[Alias]) -> None:
            if door.calls("postDocument"):
                raise Unavailable("the store does not answer", code="store_away")
            await whole(aliases)

        monkeypatch.setattr(door.ground, "remember", remember)
        request = door.request(ordered("both"))
        reply = await door.client.deliver([request], timeout_seconds=10)
        assert [event.kind for event in door.events(*reply.messages)] == ["post.order_accepted"]
        assert reply.aliases[0].facts["state"] == "taken", "stored with the reply, later"


async def test_a_reply_that_is_given_again_does_not_revive_a_cancelled_order() -> None:
    """The hub's ledger keeps the reply to a registration, and gives it again."""
    async with post() as door:
        reply = await door.deliver(ordered("both"))
        await door.deliver(cancelled("both"))
        await door.ground.remember(reply.aliases)
        code = ("post.order", f"HCC.H99.01/{CODE}-HC")
        assert door.ground.known[code].facts["state"] == "cancelled"


async def test_an_order_delivered_again_after_its_cancel_is_not_a_second_order() -> None:
    first, away = ordered(), cancelled()
    async with post() as door:
        await door.deliver(first)
        await door.deliver(away)
        reply = await door.deliver(first)
        assert [event.kind for event in door.events(*reply.messages)] == ["post.order_accepted"]
        assert door.calls("order/post") == 1
        assert door.ground.known[ORDER_CODE].facts["state"] == "cancelled"


async def test_a_cancel_delivered_again_leaves_the_order_that_followed() -> None:
    away = cancelled()
    async with post() as door:
        await door.deliver(ordered())
        await door.deliver(away)
        door.ground.known[ORDER_CODE].facts.update(state="taken", order="of a later one")
        reply = await door.deliver(away)
        assert [event.kind for event in door.events(*reply.messages)] == ["post.cancelled"]
        assert door.calls("order/cancel") == 1
        assert door.ground.known[ORDER_CODE].facts["state"] == "taken"


async def test_a_dossier_does_not_cancel_the_parcel_of_another() -> None:
    async with post() as door:
        await door.deliver(ordered(number=2))
        await failed(door, Rejected, cancelled(code=f"{CODE}.2"))
        assert door.calls("order/cancel") == 0


async def test_a_parcel_on_its_way_cannot_be_cancelled() -> None:
    async with post(final_codes=["104"]) as door:
        await door.deliver(ordered())
        await door.move()
        error = await failed(door, Rejected, cancelled())
        assert (error.foreign_code, error.documented) == ("104", True)
        error = await failed(door, Rejected, cancelled("pick_up"))
        assert (error.foreign_code, error.documented) == ("103", False)


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ({"fault": "refuse", "error_code": "500"}, UnknownOutcome, "unknown_outcome"),
        ({"fault": "refuse", "error_code": "210"}, Unavailable, "unavailable"),
        ({"fault": "refuse", "error_code": "99"}, Rejected, "undocumented_refusal"),
        ({"fault": "5xx", "status": 502}, UnknownOutcome, "unknown_outcome"),
        ({"fault": "5xx", "status": 503}, Unavailable, "http_5xx"),
        ({"fault": "429"}, Unavailable, "rate_limited"),
        ({"fault": "malformed"}, UnknownOutcome, "malformed_reply"),
        ({"fault": "malformed", "body": '{"Status":null}'}, UnknownOutcome, "malformed_reply"),
        ({"fault": "malformed", "body": '["100"]'}, UnknownOutcome, "malformed_reply"),
        ({"fault": "malformed", "body": '{"Status":true}'}, UnknownOutcome, "malformed_reply"),
        ({"fault": "malformed", "body": '{"Status":["100"]}'}, UnknownOutcome, "malformed_reply"),
        ({"fault": "malformed", "body": '{"Status":"Xong"}'}, Rejected, "undocumented_refusal"),
        ({"fault": "malformed", "body": '{"Status":"Đã nhận"}'}, UnknownOutcome, "malformed_reply"),
        ({"fault": "5xx", "status": 520}, UnknownOutcome, "unknown_outcome"),
    ],
)
async def test_each_answer_becomes_one_error(
    fault: dict[str, Any], error: type[HubError], code: str
) -> None:
    async with post(busy_codes=["210"]) as door:
        await door.play({**fault, "operation": "order/post"})
        for request in (ordered(), ordered("pick_up")):
            assert (await failed(door, error, request)).code == code


@pytest.mark.parametrize("body", ['{"Status":100.0}', '\ufeff{"Status":"100"}'])
async def test_a_status_is_the_same_however_json_writes_it(body: str) -> None:
    async with post() as door:
        await door.play({"fault": "malformed", "operation": "order/post", "body": body})
        assert (await door.deliver(ordered())).foreign_code == "100"


async def test_nothing_is_sent_without_a_connection_or_without_time() -> None:
    async with post() as door:
        assert (await failed(door, Unavailable, ordered(), seconds=-1)).code == (
            "timeout_before_sending"
        )
    assert (await failed(door, Unavailable, ordered())).code == "connect_failed"
    await door.client.close()


async def test_an_expired_token_is_renewed_once_for_a_call() -> None:
    async with post() as door:
        await door.deliver(ordered("pick_up"))
        await door.play({"fault": "expired_session", "operation": "order/*", "next_calls": 1})
        await door.deliver(ordered())
        assert (await door.state())["logins"] == 2
        await door.play({"fault": "expired_session"})
        error = await failed(door, Misconfigured, ordered(number=2))
        assert (error.code, (await door.state())["logins"]) == ("account_refused", 3)


async def test_a_refused_account_is_left_alone_for_a_while() -> None:
    async with post(account={**ACCOUNT, "key": "khác"}) as door:
        for _ in range(2):
            assert (await failed(door, Misconfigured, ordered())).code == "account_refused"
        assert door.calls("token") == 1
        with pytest.raises(Misconfigured):
            await door.client.probe()


async def test_a_login_that_is_refused_in_any_way_is_not_the_orders_fault() -> None:
    async with post() as there, broken_server(there.url) as (server, address):
        server.plan(REFUSED["418"])
        async with post(base_url=address) as door:
            assert (await failed(door, Misconfigured, ordered())).code == "account_refused"


async def test_a_token_that_cannot_stand_in_a_header_is_none() -> None:
    async with post() as door:
        body = '{"access_token":"a\\r\\nX-B: c","expires_in":60}'
        await door.play({"fault": "malformed", "operation": "token", "body": body})
        assert (await failed(door, Unavailable, ordered())).code == "malformed_reply"


async def test_a_static_token_travels_in_its_own_header() -> None:
    static = {"oauth": None, "static_token": "the-cong-khai"}
    async with post(account={"token": "the-cong-khai"}, **static) as door:
        await door.deliver(ordered())
        assert await door.client.probe() == "the tracking feed answers"
        assert door.calls("token") == 0
    async with post(account={"token": "khac"}, **static) as door:
        assert (await failed(door, Misconfigured, ordered())).code == "account_refused"


async def test_a_token_is_renewed_before_it_ends_and_asked_for_once() -> None:
    now, given = [0.0], iter(("a", "b"))

    async def login() -> tuple[str, float]:
        return next(given), 100

    tokens = Tokens(login, renew_before_seconds=60, pause_seconds=1, clock=lambda: now[0])
    assert [await tokens.get(), await tokens.get()] == ["a", "a"]
    now[0] = 49.9
    assert await tokens.get() == "a"
    now[0] = 50.0
    assert await tokens.get() == "b"
    tokens.drop("a")
    assert await tokens.get() == "b"


async def test_the_post_has_no_reads() -> None:
    async with post() as door:
        with pytest.raises(Rejected) as caught:
            await door.client.query("TraCuuHoSo", "H99.01", {})
        assert caught.value.code == "unknown_query"


@pytest.mark.parametrize(
    "changes",
    [
        {"oauth": None},
        {"static_token": "x"},
        {"base_url": "ftp://a"},
        {"base_url": "http://u:p@a"},
        {"suffixes": {"pick_up": "", "return": ""}},
        {"suffixes": {"pick_up": "12"}},
        {"offices": {}},
        {"feed": {"page_count": 1001}},
        {"feed": {"statuses": {"1": {"state": "arrived"}}}},
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)
