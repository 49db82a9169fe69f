"""What the hub says to VNPAY, and what its answers mean."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from hub import http
from hub.connectors.payment_gateway import vnpay
from hub.connectors.payment_gateway.calling import (
    KEY_HEADER,
    Caller,
    Deadline,
    malformed,
    object_in,
    unproved,
)
from hub.connectors.payment_gateway.codes import VNPAY_API, ApiAnswer
from hub.connectors.payment_gateway.settings import PaymentGatewaySettings, VnpayTerminal
from hub.connectors.payment_gateway.told import Order, Told, plain_code, short_text
from hub.errors import DecodeError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.wire.dvcqg.dates import write_stamp

CODE = "vnp_ResponseCode"
REFUND_FAILED = ("02", "09")
"""`vnp_TransactionStatus` of a refund that moves no money."""


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund to be asked for: `body` as `encode` made it, the amount, and its key."""

    body: Mapping[str, str]
    amount_vnd: int
    operation_key: str


class VnpayBank:
    """VNPAY as one instance sees it.

    Args:
        settings: of the instance; its profile is `vnpay`.
        caller: the door to the outside.
    """

    profile = "vnpay"
    reference_prefix = ""

    def __init__(
        self, settings: PaymentGatewaySettings, terminal: VnpayTerminal, caller: Caller
    ) -> None:
        self._settings = settings
        self._terminal = terminal
        self._caller = caller

    async def link(
        self, body: bytes, order: Order, at: datetime, key: str, deadline: Deadline
    ) -> str:
        """The payment address of an order; nothing is sent for it."""
        return vnpay.pay_url(
            self._terminal,
            orjson.loads(body),
            reference=order.reference,
            at=at,
            seconds=self._settings.link_seconds,
        )

    async def find(
        self, order: Order, at: datetime, deadline: Deadline, *, key: str = ""
    ) -> tuple[str, Told]:
        """What QueryDR tells of an order, as received and as read.

        Args:
            key: operation key of the request that asks; none: the hub asks by itself.

        Raises:
            Unavailable: no answer, one that is malformed or unproved, or "later".
            Misconfigured: terminal or secret are refused.
            Rejected: refused; an unknown code is undocumented.
        """
        said = {KEY_HEADER: key} if key else {}
        body = await self._caller.ask(
            self._terminal.api_url, self._signed(self._question(order, at)), deadline, headers=said
        )
        try:
            fields = object_in(body)
            self._check(plain_code(short_text(fields, CODE, needed=True)), vnpay.QUERY)
            told = vnpay.told_by_query(fields, order.reference)
        except DecodeError as error:
            raise malformed(error) from error
        proved = vnpay.reply_is_proved(self._secret, fields, refund=False)
        if told.known and not proved:
            raise unproved()
        return body.decode(), told

    async def refund(
        self, order: Order, refund: Refund, at: datetime, deadline: Deadline
    ) -> tuple[str, str]:
        """Give money back; answer as received and its code.

        Raises:
            Rejected: VNPAY says no.
            Misconfigured: terminal or secret are refused.
            Unavailable: no connection; nothing was sent.
            UnknownOutcome: sent, and the answer is lost, unproved or says nothing sure.
        """
        whole = refund.amount_vnd == order.amount_vnd
        call = {
            **refund.body,
            "vnp_RequestId": refund.operation_key.replace("-", ""),
            "vnp_Version": vnpay.VERSION,
            "vnp_TmnCode": self._terminal.tmn_code,
            "vnp_TransactionType": vnpay.WHOLE if whole else vnpay.PARTIAL,
            "vnp_Amount": str(refund.amount_vnd * vnpay.PER_VND),
            "vnp_TransactionNo": order.facts.get("transaction", "0"),
            "vnp_TransactionDate": order.facts.get("created_at", ""),
            "vnp_CreateDate": write_stamp(at),
            "vnp_IpAddr": self._settings.caller_ip,
        }
        headers = {KEY_HEADER: refund.operation_key}
        url = self._terminal.api_url
        reply = await self._caller.send(url, self._signed(call), deadline, headers=headers)
        if reply.status >= 500 and reply.status != 503:
            raise UnknownOutcome(f"HTTP {reply.status} after a refund", code="http_5xx")
        http.check_status(reply)
        return self._refunded(reply.body, order)

    def _refunded(self, body: bytes, order: Order) -> tuple[str, str]:
        try:
            fields = object_in(body)
            code = plain_code(short_text(fields, CODE, needed=True))
        except DecodeError as error:
            raise UnknownOutcome("the answer is malformed", code="malformed_reply") from error
        meaning = VNPAY_API.get(code)
        if meaning is ApiAnswer.LATER or meaning is None:
            raise UnknownOutcome(f"VNPAY answers {code} to a refund: ask first")
        if meaning is ApiAnswer.NOT_FOUND:
            raise Rejected("VNPAY does not know the order", foreign_code=code)
        self._check(code, vnpay.REFUND)
        if not vnpay.reply_is_proved(self._secret, fields, refund=True):
            raise UnknownOutcome("the hash of the answer is wrong", code="wrong_hash")
        try:
            told = vnpay.told_by_query(fields, order.reference)
        except DecodeError as error:
            raise UnknownOutcome("the answer is malformed", code="malformed_reply") from error
        if told.status_code in REFUND_FAILED:
            raise Rejected("the bank refuses the refund", foreign_code=told.status_code)
        return body.decode(), code

    async def probe(self, at: datetime, deadline: Deadline) -> str:
        """Ask for an order that does not exist."""
        nothing = Order("HUBPROBE", "", {"created_at": write_stamp(at)})
        _, told = await self.find(nothing, at, deadline)
        return f"QueryDR answered {told.response_code}"

    @property
    def _secret(self) -> str:
        return self._terminal.hash_secret.get_secret_value()

    def _signed(self, fields: Mapping[str, str]) -> Mapping[str, Any]:
        return vnpay.signed_call(self._secret, fields)

    def _question(self, order: Order, at: datetime) -> dict[str, str]:
        # Each question has an id of its own: VNPAY refuses a second one with the same.
        fields = {
            "vnp_RequestId": uuid.uuid4().hex,
            "vnp_Version": vnpay.VERSION,
            "vnp_Command": vnpay.QUERY,
            "vnp_TmnCode": self._terminal.tmn_code,
            "vnp_TxnRef": order.reference,
            "vnp_OrderInfo": f"Query {order.reference}",
            "vnp_TransactionDate": order.facts.get("created_at", ""),
            "vnp_CreateDate": write_stamp(at),
            "vnp_IpAddr": self._settings.caller_ip,
        }
        transaction = order.facts.get("reported_transaction", "")
        return {**fields, "vnp_TransactionNo": transaction} if transaction else fields

    def _check(self, code: str, what: str) -> None:
        match VNPAY_API.get(code):
            case ApiAnswer.ANSWERED | ApiAnswer.NOT_FOUND:
                return
            case ApiAnswer.MISCONFIGURED:
                raise Misconfigured(f"VNPAY refuses the terminal ({what}: {code})")
            case ApiAnswer.LATER:
                raise Unavailable(f"VNPAY cannot tell now ({what}: {code})")
            case ApiAnswer.REFUSED:
                raise Rejected(f"VNPAY refuses {what} ({code})", foreign_code=code)
        raise Rejected(f"VNPAY refuses {what} ({code})", documented=False, foreign_code=code)
