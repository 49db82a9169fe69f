"""The payment platform as products call it: INIT, QUERY, and the page that leads a citizen on.

INIT is answered at once with a link of the hub; behind it the citizen is led to the payment
gateway as soon as its link is known. A repeated INIT gets the same answer. GET_BILL is refused:
the hub keeps a receipt's facts, not its picture.

Answers: `{"error_code": "0", "message": "<JSON>"}`; refusals in the codes of `replies`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from msgspec import structs
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hub.connector import Inbox
from hub.connectors.one_stop import replies
from hub.connectors.one_stop.decode_payment import (
    OWN_CODE,
    payment,
    payment_alias,
    read_init,
)
from hub.connectors.one_stop.doors import Answering, Reply, asked, read_call
from hub.connectors.one_stop.intake import read_object
from hub.connectors.one_stop.known import known_subject, under
from hub.connectors.one_stop.payments import AGREED, PAID
from hub.connectors.one_stop.payplat import HASH, hash_of, is_signed
from hub.connectors.one_stop.replies import Refused
from hub.connectors.one_stop.settings import OneStopSettings, Product
from hub.connectors.one_stop.wire import CONFIRM, INIT, QUERY
from hub.errors import DecodeError, HubError
from hub.event import Alias, Event
from hub.message import Message, name_id
from hub.wire.dvcqg.dates import write_stamp

PAGE_ALIAS = "one_stop.pay_page"
REFRESH = (
    '<!doctype html><html lang="vi"><meta charset="utf-8"><meta http-equiv="refresh" content="3">'
    "<title>Thanh toán</title><p>{}</p></html>"
)
PAID_PAGE = (
    '<!doctype html><html lang="vi"><meta charset="utf-8"><title>Thanh toán</title>'
    "<p>Giao dịch này đã được thanh toán.</p></html>"
)
"""A link of a payment that is made leads nowhere: nobody pays twice under it."""
ECHOED = ("MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "ThoiGianGD")


class PaymentDoor:
    """The payment endpoints of one connector instance.

    Args:
        instance: name of the connector instance.
        settings: its settings.
        inbox: where orders go; its ground knows what became of them.
    """

    def __init__(self, instance: str, settings: OneStopSettings, inbox: Inbox) -> None:
        self._instance = instance
        self._settings = settings
        self._inbox = inbox
        self._answering = Answering(instance, inbox)
        self._products = {
            product.payment_partner: (unit, product)
            for unit, product in settings.products.items()
            if product.payment_partner
        }

    def routes(self) -> list[BaseRoute]:
        """None where no product pays through the hub."""
        if not self._products:
            return []
        page = f"{self._settings.pay_page_endpoint}/{{token}}"
        return [
            Route(self._settings.payment_endpoint, self.call, methods=["POST"]),
            Route(page, self.lead, methods=["GET"]),
        ]

    async def call(self, request: Request) -> Response:
        """`{"LoaiBanTin": "INIT" | "QUERY", ...}` -> the platform's answer."""
        named = [""]

        async def act() -> Reply:
            body = await read_call(request, self._settings.body_limit_bytes)
            fields = read_object(body)
            form = fields.get("LoaiBanTin")
            if form not in (INIT, QUERY):
                raise Refused(replies.UNKNOWN_OPERATION)
            named[0] = form
            unit, product, secret = self._partner(fields)
            if not is_signed(fields, form, secret):
                raise Refused(replies.WRONG_CREDENTIALS, f"/{HASH}", unit=unit)
            if form == QUERY:
                return await self._found(unit, product, fields)
            return await self._order(unit, product, body, fields)

        return await self._answering.answer(lambda: named[0], act)

    async def lead(self, request: Request) -> Response:
        """Send a citizen on to the payment while it is to be made; ask for patience before."""
        ground = self._inbox.ground
        try:
            page = await ground.alias(PAGE_ALIAS, request.path_params["token"][:64])
            if page is None:
                return HTMLResponse(REFRESH.format("Không có giao dịch này."), status_code=404)
            order = await ground.alias(*payment_alias(page.facts["partner"], page.facts["order"]))
            if order is not None and order.facts.get("state") == PAID:
                return HTMLResponse(PAID_PAGE)
            link = order.facts.get("link") if order else None
            if link is None:
                return HTMLResponse(REFRESH.format("Đang lập giao dịch, xin chờ trong giây lát."))
            url = (await ground.fetch(link)).decode()
        except HubError:
            return HTMLResponse(REFRESH.format("Đề nghị thử lại sau."), status_code=503)
        return RedirectResponse(url, status_code=302, headers={"Cache-Control": "no-store"})

    def _partner(self, fields: Mapping[str, Any]) -> tuple[str, Product, str]:
        partner = fields.get("MaDoiTac")
        found = self._products.get(partner) if isinstance(partner, str) else None
        if found is None or found[1].payment_secret is None:
            raise Refused(replies.WRONG_CREDENTIALS, "/MaDoiTac")
        return *found, found[1].payment_secret.get_secret_value()

    async def _order(
        self, unit: str, product: Product, body: bytes, fields: Mapping[str, Any]
    ) -> Reply:
        """Take an order, once; the link of the hub's page."""
        message, event = self._message(unit, body, fields)
        (order,) = event.aliases
        ground = self._inbox.ground
        token = self._token(order.value)
        known = await asked(ground.alias(order.kind, order.value), unit)
        if known is not None and _differs(known, order):
            raise Refused(replies.FIELD_RULES, "/MaThamChieu đã dùng", unit=unit)
        if known is None or known.facts.get("in_kafka") is None:
            if known is None:
                subject = await asked(known_subject(order.subject, self._settings, ground), unit)
            else:
                subject = known.subject
            message, order = self._about(message, fields, subject)
            page = {"partner": product.payment_partner or "", "order": event.data.payment_id}
            named = Alias(PAGE_ALIAS, token, order.subject, page)
            await asked(ground.remember([order, named]), unit)
            await asked(self._inbox.accept([message]), unit)
            await asked(ground.remember([replace(order, facts={"in_kafka": "1"})]), unit)
        url = f"{self._settings.public_url}{self._settings.pay_page_endpoint}/{token}"
        told = {name: str(fields[name]) for name in ECHOED if name in fields}
        return {"error_code": "0", "message": orjson.dumps({**told, "UrlThanhToan": url}).decode()}

    def _about(
        self, message: Message, fields: Mapping[str, Any], subject: str
    ) -> tuple[Message, Alias]:
        """The message about a dossier as the hub knows it, and the order that it makes known."""
        message = under(message, subject)
        event: Any = payment(message, fields, self._settings)[0]
        (order,) = event.aliases
        return message, order

    def _message(self, unit: str, body: bytes, fields: Mapping[str, Any]) -> tuple[Message, Any]:
        """The message of an order and the event that it will be; refused if it will be none."""
        try:
            wire = read_init(fields)
            own = wire.ThongTinBienLai.MaDonVi if wire.ThongTinBienLai else None
            served = self._settings.product_of(own) if own else None
            message = Message(
                connector=self._instance,
                operation=INIT,
                body=body,
                headers={
                    "unit": own if own and served and served[0] == unit else unit,
                    "form": "payplat",
                },
                id=name_id(f"{INIT} {wire.MaDoiTac} {wire.MaThamChieu}"),
            )
            (event,) = payment(message, fields, self._settings)
        except DecodeError as error:
            raise Refused(replies.FIELD_RULES, str(error), unit=unit) from error
        if not isinstance(event, Event):
            raise Refused(replies.FIELD_RULES, unit=unit)
        return structs.replace(message, key=event.subject), event

    async def _found(self, unit: str, product: Product, fields: Mapping[str, Any]) -> Reply:
        """CONFIRM's fields and `TrangThaiGD`; before a decision, the code of one that is open."""
        partner, reference = product.payment_partner or "", fields.get("MaThamChieu")
        secret = product.payment_secret.get_secret_value() if product.payment_secret else ""
        ground = self._inbox.ground
        order = await asked(ground.alias(*payment_alias(partner, str(reference))), unit)
        if order is None:
            raise Refused(replies.READ_REFUSED, "/MaThamChieu", unit=unit)
        kept = order.facts.get("confirm")
        if kept is not None:
            known = orjson.loads(await asked(ground.fetch(kept), unit))
            return {**known, "TrangThaiGD": "1" if known["MaLoi"] == "00" else "4"}
        told = {
            "LoaiBanTin": CONFIRM,
            "MaLoi": self._settings.payment_pending_code,
            "MaDoiTac": partner,
            "MaThamChieu": str(reference),
            "SoTien": order.facts.get("amount_vnd", ""),
            "MaTienTe": order.facts.get("currency", ""),
            "MaGiaoDich": "",
            "MaNganHang": "",
            "ThoiGianGD": write_stamp(datetime.now(UTC)),
            "ThongTinGiaoDich": "",
        }
        return {**told, HASH: hash_of(told, CONFIRM, secret)}

    def _token(self, order: str) -> str:
        """A name for the citizen's page that nobody can guess."""
        secret = self._settings.session_secret.get_secret_value().encode()
        return hmac.new(secret, f"pay {order}".encode(), hashlib.sha256).hexdigest()[:40]


def _differs(known: Alias, order: Alias) -> bool:
    """Whether a reference was used for another dossier or amount."""
    agreed = any(known.facts.get(name) != order.facts[name] for name in AGREED)
    return agreed or known.facts.get(OWN_CODE, known.subject) != order.subject
