"""What the hub says to PayPlat or a twin of it, and what its answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from hub import http
from hub.connectors.payment_gateway import payplat
from hub.connectors.payment_gateway.calling import (
    KEY_HEADER,
    Caller,
    Deadline,
    malformed,
    unproved,
)
from hub.connectors.payment_gateway.settings import PaymentGatewaySettings, PayplatPartner
from hub.connectors.payment_gateway.told import Order, Told, plain_code
from hub.errors import DecodeError, Rejected, Unavailable, UnknownOutcome
from hub.wire.dvcqg.dates import write_stamp


class ReferenceUsed(Exception):
    """The platform has this reference already; its link was never told to anyone."""


class PayplatBank:
    """The platform as one instance sees it.

    Args:
        settings: of the instance; its profile is `payplat`.
        caller: the door to the outside.
    """

    profile = "payplat"

    def __init__(
        self, settings: PaymentGatewaySettings, partner: PayplatPartner, caller: Caller
    ) -> None:
        self._settings = settings
        self._partner = partner
        self._caller = caller
        self.reference_prefix = partner.reference_prefix

    async def link(
        self, body: bytes, order: Order, at: datetime, key: str, deadline: Deadline
    ) -> str:
        """The payment address that INIT gives.

        Raises:
            Unavailable: no answer, a malformed one, or no account of the unit in hub.yaml.
            Rejected: the platform says no.
            ReferenceUsed: it says that it has the reference.
        """
        partner, words = self._partner, self._partner.vocabulary
        fields = orjson.loads(body)
        details = fields.pop(payplat.DETAILS, None)
        if details is not None and not details["TKThuHuong"]:
            raise Unavailable("no beneficiary for this unit in hub.yaml", code="no_account")
        fields |= {payplat.REFERENCE: order.reference, "ThoiGianGD": write_stamp(at)}
        call = payplat.signed(partner, words.init_fields, fields)
        if details is not None:
            call[words.names.get(payplat.DETAILS, payplat.DETAILS)] = details
        headers = {**self._headers(), KEY_HEADER: key}
        answer = await self._caller.ask(partner.init_url, call, deadline, headers=headers)
        try:
            code, link = payplat.link_in(partner, answer, order)
        except DecodeError as error:
            raise malformed(error) from error
        if code in partner.success_codes and link.startswith(("http://", "https://")):
            return link
        if code in partner.duplicate_codes:
            raise ReferenceUsed
        if code in partner.success_codes:
            raise Unavailable("a success without an address", code="malformed_reply")
        raise Rejected(
            "the platform refuses INIT",
            documented=code in partner.final_codes,
            foreign_code=plain_code(code),
        )

    async def find(
        self, order: Order, at: datetime, deadline: Deadline, *, key: str = ""
    ) -> tuple[str, Told]:
        """What QUERY tells of an order, as received and as read.

        Args:
            key: operation key of the request that asks; none: the hub asks by itself.

        Raises:
            Unavailable: no answer, or one that is malformed or unproved.
            Rejected: a code alone, of which nobody knows that it speaks of the order.
        """
        partner = self._partner
        call = self._question(partner.vocabulary.query_word, order.reference, at)
        headers = self._headers() | ({KEY_HEADER: key} if key else {})
        body = await self._caller.ask(partner.query_url, call, deadline, headers=headers)
        try:
            fields = payplat.read_body(partner.vocabulary, body)
            told = payplat.told_by_query(fields, order.reference, partner)
        except DecodeError as error:
            raise malformed(error) from error
        if payplat.is_refusal(told, partner):
            code = plain_code(told.response_code)
            raise Rejected(
                f"the platform refuses QUERY ({code}); a code for no such order belongs in "
                "unknown_codes",
                documented=False,
                foreign_code=code,
            )
        hashed = partner.vocabulary.query_reply_fields
        if told.claim.value != "pending" and not payplat.is_proved(partner, hashed, fields):
            raise unproved()
        return body.decode(), told

    async def bill(self, reference: str, at: datetime, deadline: Deadline) -> bytes:
        """The platform's receipt as PDF (GET_BILL).

        Raises:
            Rejected: it is not offered, or the platform has none.
            Unavailable: no answer.
        """
        partner = self._partner
        if partner.bill_url is None:
            raise Rejected("no bill_url in hub.yaml", code="unknown_query")
        call = self._question(partner.vocabulary.bill_word, reference, at)
        limit = self._settings.bill_limit_bytes
        try:
            reply = await self._caller.send(
                partner.bill_url, call, deadline, headers=self._headers(), limit_bytes=limit
            )
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        http.check_status(reply)
        if not reply.body.startswith(b"%PDF-"):
            raise Rejected("the platform has no receipt", documented=False)
        return reply.body

    async def probe(self, at: datetime, deadline: Deadline) -> str:
        """Ask for an order that does not exist; any code shows that the platform is there."""
        try:
            _, told = await self.find(Order("HUBPROBE", "", {}), at, deadline)
        except Rejected as error:
            return f"QUERY answered {error.foreign_code}"
        return f"QUERY answered {plain_code(told.response_code)}"

    def _question(self, word: str, reference: str, at: datetime) -> Mapping[str, Any]:
        partner = self._partner
        fields = {
            payplat.KIND: word,
            "PhienBan": partner.version,
            "MaDoiTac": partner.partner_code,
            payplat.REFERENCE: reference,
            "ThoiGianGD": write_stamp(at),
        }
        return payplat.signed(partner, partner.vocabulary.query_fields, fields)

    def _headers(self) -> dict[str, str]:
        token = self._partner.bearer_token
        return {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}
