"""What the gateway calls: VNPAY's IPN, PayPlat's CONFIRM, and the page after paying.

A callback is checked in the documented order (hash, order, amount, repetition) and answered in
the gateway's own words; it changes nothing by itself. The page after paying is shown to a browser:
whoever comes with it, it emits nothing and confirms nothing.
"""

from __future__ import annotations

import html
import ipaddress
from collections.abc import Sequence
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hub.body import BodyIncomplete, BodyTooLarge, read_body
from hub.connector import Inbox, Refusal
from hub.connectors.payment_gateway import codes, payplat, vnpay
from hub.connectors.payment_gateway.settings import PaymentGatewaySettings, PayplatPartner
from hub.connectors.payment_gateway.signing import read_query
from hub.connectors.payment_gateway.tell import reported_key
from hub.connectors.payment_gateway.told import ALIAS_KINDS, MONEY_MOVED, Order, Told
from hub.errors import DecodeError, MessageError, Unavailable
from hub.event import Alias
from hub.message import Message, name_id
from hub.wire.dvcqg.dates import VIETNAM, write_stamp

PAGE = """<!doctype html><html lang="vi"><meta charset="utf-8"><title>Thanh toán</title>
<h1>{heading}</h1><p>{text}</p>{reference}</html>"""
HEADING = "Cảm ơn quý công dân"
WAITING = "Kết quả thanh toán được ngân hàng xác nhận với hệ thống; trang này không xác nhận."
DONE = "Ngân hàng đã xác nhận khoản thanh toán."


class Refused(MessageError):
    """A callback that is not taken.

    Args:
        code: our reason code.
    """

    def __init__(self, text: str, *, code: str, subject: str = "", unit: str = "") -> None:
        super().__init__(text, code=code)
        self.subject = subject
        self.unit = unit


def endpoints(instance: str, settings: PaymentGatewaySettings, inbox: Inbox) -> Sequence[BaseRoute]:
    """The routes of one instance: the callback of its profile and the page after paying."""
    door = Door(instance, settings, inbox)
    callback, methods = (
        (door.ipn, ["GET"]) if settings.profile == "vnpay" else (door.confirm, ["POST"])
    )
    return [
        Route(settings.callback_endpoint, callback, methods=methods),
        Route(settings.return_endpoint, door.page, methods=["GET", "POST"]),
    ]


class Door:
    """The endpoints of one instance."""

    def __init__(self, instance: str, settings: PaymentGatewaySettings, inbox: Inbox) -> None:
        self._instance = instance
        self._settings = settings
        self._inbox = inbox
        self._kind = ALIAS_KINDS[settings.profile]
        self._sources = [ipaddress.ip_network(each) for each in settings.callback_sources]

    async def ipn(self, request: Request) -> Response:
        """VNPAY's notice -> `{"RspCode", "Message"}`, always HTTP 200."""
        answer = await self._rsp(request)
        return _json({"RspCode": answer.code, "Message": answer.message})

    async def _rsp(self, request: Request) -> codes.Rsp:
        raw = request.scope["query_string"]
        try:
            self._admit(request)
            told = self._read_ipn(raw)
            taken = await self._take(told, raw, "ipn")
        except Refused as refused:
            await self._record(refused, "IPN")
            return RSP_OF.get(refused.code, codes.RSP_FAILED)
        except Unavailable:
            return codes.RSP_FAILED
        return codes.RSP_TAKEN if taken else codes.RSP_KNOWN

    def _read_ipn(self, raw: bytes) -> Told:
        terminal = self._settings.vnpay
        assert terminal is not None  # noqa: S101 - this route is for that profile
        if len(raw) > self._settings.callback_limit_bytes:
            raise Refused("longer than an IPN", code="too_large")
        try:
            query = read_query(raw)
        except DecodeError as error:
            raise Refused(str(error), code="malformed") from error
        if not query.is_proved(terminal.hash_secret.get_secret_value()):
            raise Refused("the hash is wrong", code="wrong_hash")
        if query.params.get("vnp_TmnCode") != terminal.tmn_code:
            raise Refused("another terminal's", code="malformed")
        try:
            return vnpay.told_by_ipn(query.params)
        except DecodeError as error:
            raise Refused(str(error), code="malformed") from error

    async def confirm(self, request: Request) -> Response:
        """PayPlat's CONFIRM -> a hashed answer, always HTTP 200."""
        partner = self._settings.payplat
        assert partner is not None  # noqa: S101 - this route is for that profile
        answers = partner.answers
        reference, code = "", answers.failed
        try:
            self._admit(request)
            body = await _body(request, self._settings.callback_limit_bytes)
            told = self._read_confirm(body, partner)
            reference = told.reference
            taken = await self._take(told, body, "confirm")
            code = answers.taken if taken else answers.known
        except Refused as refused:
            await self._record(refused, "CONFIRM")
            code = {
                "wrong_hash": answers.wrong_hash,
                "unknown_payment": answers.unknown_order,
                "wrong_amount": answers.wrong_amount,
            }.get(refused.code, answers.failed)
        except Unavailable:
            code = answers.failed
        return _json(_answer(partner, code, reference))

    @staticmethod
    def _read_confirm(body: bytes, partner: PayplatPartner) -> Told:
        words = partner.vocabulary
        try:
            fields = payplat.read_body(words, body)
        except DecodeError as error:
            raise Refused(str(error), code="malformed") from error
        if not payplat.is_proved(partner, words.confirm_fields, fields):
            raise Refused("the hash is wrong", code="wrong_hash")
        right = (words.confirm_word, partner.partner_code)
        if (fields.get(payplat.KIND), str(fields.get("MaDoiTac"))) != right:
            raise Refused("no callback for this partner", code="malformed")
        try:
            return payplat.told_by_confirm(fields, partner.success_codes)
        except DecodeError as error:
            raise Refused(str(error), code="malformed") from error

    async def _take(self, told: Told, body: bytes, form: str) -> bool:
        """Put a proved callback into the flow; whether it is new.

        Raises:
            Refused: unknown order, or another amount or currency than the order's.
            Unavailable: Kafka or the store does not answer; the gateway must call again.
        """
        order = await self._order(told.reference)
        if order is None:
            raise Refused("no order has this reference", code="unknown_payment")
        if told.amount_vnd != order.amount_vnd or told.currency not in ("", order.currency):
            about = {"subject": order.subject, "unit": order.unit}
            raise Refused("not the order's amount or currency", code="wrong_amount", **about)
        said = reported_key(self._settings.profile, told)
        late = told.claim in MONEY_MOVED and not order.paid
        if order.facts.get("reported") == said or (order.settled and not late):
            return False
        message = Message(
            connector=self._instance,
            operation=form,
            body=body,
            key=order.subject,
            headers={"form": form, "unit": order.unit},
            id=name_id(f"{self._instance} {said}"),
            content_type="application/json" if form == "confirm" else FORM_TYPE,
        )
        await self._inbox.accept([message])
        at = write_stamp(datetime.now(VIETNAM))
        facts = {"reported": said, "reported_at": at, "claim": told.claim.value}
        await self._inbox.ground.remember([Alias(self._kind, told.reference, "", facts)])
        return True

    async def page(self, request: Request) -> Response:
        """The page after paying: a redirect or a text, whatever the query says."""
        if self._settings.return_page_url is not None:
            return RedirectResponse(self._settings.return_page_url, status_code=303)
        order = await self._shown(request.scope["query_string"])
        text = DONE if order is not None and order.paid else WAITING
        reference = f"<p>{html.escape(order.reference)}</p>" if order is not None else ""
        page = PAGE.format(heading=HEADING, text=text, reference=reference)
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})

    async def _shown(self, raw: bytes) -> Order | None:
        """The order that a proved return address speaks of; only VNPAY's is signed."""
        if self._settings.profile != "vnpay":
            return None
        try:
            return await self._order(self._read_ipn(raw).reference)
        except (Refused, Unavailable):
            return None

    async def _order(self, reference: str) -> Order | None:
        """What this instance agreed under a reference."""
        alias = await self._inbox.ground.alias(self._kind, reference)
        order = None if alias is None else Order.of(alias)
        return order if order is not None and order.is_of(self._instance) else None

    def _admit(self, request: Request) -> None:
        """Let a caller pass.

        Raises:
            Refused: its address is in none of the networks.
        """
        if not self._sources:
            return
        try:
            source = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            source = None
        if isinstance(source, ipaddress.IPv6Address):
            source = source.ipv4_mapped or source
        if source is None or not any(source in network for network in self._sources):
            raise Refused("the source is not allowed", code="wrong_source")

    async def _record(self, refused: Refused, operation: str) -> None:
        await self._inbox.refuse(
            Refusal(
                connector=self._instance,
                unit=refused.unit,
                operation=operation,
                code=refused.code,
                text=str(refused),
                subject=refused.subject,
            )
        )


FORM_TYPE = "application/x-www-form-urlencoded"
RSP_OF = {
    "wrong_source": codes.RSP_IP,
    "wrong_hash": codes.RSP_HASH,
    "unknown_payment": codes.RSP_UNKNOWN,
    "wrong_amount": codes.RSP_AMOUNT,
}
"""What VNPAY hears for our reason."""

TEXTS = {"taken": "Thành công", "known": "Đã ghi nhận trước đó"}


def _answer(partner: PayplatPartner, code: str, reference: str) -> dict[str, object]:
    """Our hashed answer to CONFIRM."""
    answers = partner.answers
    text = {answers.taken: TEXTS["taken"], answers.known: TEXTS["known"]}.get(code, "Không nhận")
    fields = {
        payplat.CODE: code,
        "MoTaLoi": text,
        "MaDoiTac": partner.partner_code,
        payplat.REFERENCE: reference,
        "ThoiGianGD": write_stamp(datetime.now(VIETNAM)),
    }
    return payplat.signed(partner, partner.vocabulary.answer_fields, fields)


async def _body(request: Request, limit_bytes: int) -> bytes:
    try:
        return await read_body(request, limit_bytes)
    except BodyTooLarge as error:
        raise Refused("larger than a callback", code="too_large") from error
    except BodyIncomplete as error:
        raise Refused("not complete", code="body_incomplete") from error


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
