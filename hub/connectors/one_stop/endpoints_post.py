"""The post as products call it: token, order, cancellation, `postDocument`, the tracking feed.

The token is a session of the unit's account, asked for with `client_credentials` and Basic
authorisation. `Status` of an answer: 100 taken, 101 exists already; the others are the hub's own.
The feed shows what waits for the product, oldest first; `lastId` is what takes it off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hub.connector import Inbox
from hub.connectors.one_stop import replies
from hub.connectors.one_stop.client import POST_SHELF
from hub.connectors.one_stop.decode_post import order_alias, post
from hub.connectors.one_stop.doors import Answering, Reply, asked, page_size, read_call, said
from hub.connectors.one_stop.intake import read_object
from hub.connectors.one_stop.known import known_subject, under
from hub.connectors.one_stop.replies import Refused
from hub.connectors.one_stop.sessions import Doorkeeper, basic_pair
from hub.connectors.one_stop.settings import OneStopSettings, Product
from hub.connectors.one_stop.shelf import Shelf
from hub.connectors.one_stop.wire import CANCEL, ORDER, POST_DOCUMENT, TRACKING
from hub.errors import DecodeError
from hub.event import Alias, Event
from hub.message import Message, name_id

TOKEN = "token"  # noqa: S105 - the name of a call, not a secret
TAKEN, EXISTS = "100", "101"
STATUS_OF_CODE = {"try_again": "500"}
REFUSED_STATUS = "400"
CANCELLED = "cancelled"
"""Fact of an order number that was taken back: it orders nothing any more."""
IDENTITY = {"wrong_credentials", "session_invalid", "session_expired"}


class PostDoor:
    """The postal endpoints of one connector instance; see `PaymentDoor`.

    Args:
        keeper: knows the accounts.
    """

    def __init__(
        self, instance: str, settings: OneStopSettings, inbox: Inbox, *, keeper: Doorkeeper
    ) -> None:
        self._instance = instance
        self._settings = settings
        self._inbox = inbox
        self._keeper = keeper
        self._answering = Answering(instance, inbox, _refusal)
        self._rows = Shelf(inbox.ground, POST_SHELF, instance) if self._offered else None

    @property
    def _offered(self) -> bool:
        return any(each.post_customer for each in self._settings.products.values())

    def routes(self) -> list[BaseRoute]:
        """None where no product orders at the post through the hub."""
        if not self._offered:
            return []
        paths = self._settings
        return [
            Route(paths.token_endpoint, self.token, methods=["POST"]),
            Route(f"{paths.post_endpoint}/{ORDER}", self.order, methods=["POST"]),
            Route(f"{paths.post_endpoint}/{CANCEL}", self.cancel, methods=["GET"]),
            Route(f"{paths.post_endpoint}/{POST_DOCUMENT}", self.register, methods=["POST"]),
            Route(paths.tracking_endpoint, self.tracking, methods=["GET"]),
        ]

    async def token(self, request: Request) -> Response:
        """`Authorization: Basic` -> `{"access_token", "token_type", "expires_in"}`."""

        async def act() -> Reply:
            username, password = basic_pair(request.headers.get("Authorization", ""))
            return {
                "access_token": self._keeper.login(username, password),
                "token_type": "Bearer",
                "expires_in": int(self._settings.session_seconds),
            }

        return await self._answering.answer(lambda: TOKEN, act)

    async def order(self, request: Request) -> Response:
        """An order -> `{"Status", "Message"}`."""
        return await self._taken(request, ORDER)

    async def register(self, request: Request) -> Response:
        """`postDocument` -> `{"Status", "Message"}`."""
        return await self._taken(request, POST_DOCUMENT)

    async def cancel(self, request: Request) -> Response:
        """`?CustomerCode=&OrderNumber=` -> `{"Status", "Message"}`."""

        async def act() -> Reply:
            unit, _, product = self._unit(request)
            query = request.query_params
            fields = {name: query.get(name, "") for name in ("CustomerCode", "OrderNumber")}
            return await self._take(unit, product, orjson.dumps(fields), (CANCEL, fields))

        return await self._answering.answer(lambda: CANCEL, act)

    async def tracking(self, request: Request) -> Response:
        """`?pagesize=&lastId=` -> one page of the feed."""

        async def act() -> Reply:
            unit, name, _ = self._unit(request)
            wanted = request.query_params.get("pagesize", "")
            limit = self._settings.page_limit_count
            size = page_size(wanted, limit)
            last = request.query_params.get("lastId", "")[:64]
            return await asked(self._page(name, size, last), unit)

        return await self._answering.answer(lambda: TRACKING, act)

    async def _page(self, product: str, size: int, last: str) -> Reply:
        rows = self._rows
        if rows is None:
            raise Refused(replies.UNKNOWN_OPERATION)
        if last:
            await rows.turn(product, last)
        entries = await rows.waiting(product, size)
        shown = []
        for entry in entries:
            row = orjson.loads(await self._inbox.ground.fetch(entry.body))
            shown.append({"_id": {"$oid": entry.id}, **row})
        if entries:
            await rows.page(product, entries)
        return {
            "_size": len(shown),
            "_total_pages": 1,
            "_returned": len(shown),
            "_embedded": {"rh:doc": shown},
        }

    def _unit(self, request: Request) -> tuple[str, str, Product]:
        """Unit, name of its product, and the product."""
        unit = self._keeper.unit_of_bearer(request.headers.get("Authorization", ""))
        found = self._settings.product_of(unit)
        if found is None or found[1].post_customer is None:
            raise Refused(replies.UNKNOWN_OPERATION, unit=unit)
        return unit, *found

    async def _taken(self, request: Request, operation: str) -> Response:
        async def act() -> Reply:
            unit, _, product = self._unit(request)
            body = await read_call(request, self._settings.body_limit_bytes)
            return await self._take(unit, product, body, (operation, read_object(body)))

        return await self._answering.answer(lambda: operation, act)

    async def _take(
        self, unit: str, product: Product, body: bytes, call: tuple[str, Mapping[str, Any]]
    ) -> Reply:
        """Take a call, once for each order number."""
        operation, fields = call
        if fields.get("CustomerCode") != product.post_customer:
            raise Refused(replies.WRONG_UNIT, "/CustomerCode", unit=unit)
        message = Message(
            connector=self._instance,
            operation=operation,
            body=body,
            headers={"unit": unit, "form": "post"},
        )
        event = self._event(unit, message, fields)
        name = f"{event.source} {event.natural_key}"
        message = structs.replace(message, key=event.subject, id=name_id(name))
        ground = self._inbox.ground
        alias = order_alias(str(product.post_customer), str(fields.get("OrderNumber")))
        known = await asked(ground.alias(*alias), unit)
        done = CANCELLED if event.kind == "post.cancel_requested" else "in_kafka"
        if known is not None and known.facts.get(CANCELLED) and done != CANCELLED:
            # 101 would be a success: the product would wait for a parcel that nobody fetches.
            raise Refused(replies.FIELD_RULES, "/OrderNumber đã hủy", unit=unit)
        if known is not None and known.facts.get(done):
            return {"Status": EXISTS, "Message": "Đơn hàng đã tồn tại"}
        if known is None and done == CANCELLED:
            raise Refused(replies.READ_REFUSED, "/OrderNumber", unit=unit)
        if known is None:
            subject = await asked(known_subject(event.subject, self._settings, ground), unit)
        else:
            subject = known.subject  # for the cancellation, too
        message = under(message, subject)
        event = self._event(unit, message, fields)
        await asked(ground.remember(event.aliases), unit)
        await asked(self._inbox.accept([message]), unit)
        marked = Alias(*alias, event.subject, {done: "1"})
        await asked(ground.remember([marked]), unit)
        return {"Status": TAKEN, "Message": "Thành công"}

    def _event(self, unit: str, message: Message, fields: Mapping[str, Any]) -> Event:
        try:
            (event,) = post(message, dict(fields), self._settings)
        except DecodeError as error:
            raise Refused(replies.FIELD_RULES, str(error), unit=unit) from error
        if not isinstance(event, Event):
            raise Refused(replies.FIELD_RULES, unit=unit)
        return event


def _refusal(refused: Refused) -> Response:
    """A refusal in the form of the post; one of the account is HTTP 401."""
    status = STATUS_OF_CODE.get(refused.code, REFUSED_STATUS)
    http = 401 if refused.code in IDENTITY else 200
    return said({"Status": status, "Message": str(refused)}, http)
