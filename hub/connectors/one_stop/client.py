"""The outgoing side: pushes to products, and what products fetch themselves laid on the shelf.

A reply is read by its body (`error_code`, or `MaLoi` of the payment form), because products answer
HTTP 200 with a refusal; a success needs HTTP 2xx as well. The table of codes is in the README.
Texts of errors carry codes and operation names only.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson

from hub import http
from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.one_stop.decode_post import ORDER_ALIAS
from hub.connectors.one_stop.payments import Payments
from hub.connectors.one_stop.settings import OneStopSettings, Product
from hub.connectors.one_stop.shelf import Shelf
from hub.connectors.one_stop.wire import (
    CONFIRM,
    HANDOVER_RESULT_SERVICE,
    HANDOVER_SERVICE,
    NOTHING,
    PACKAGE,
    PAYMENT_LINK,
    RECEIPT,
    TRACKING,
)
from hub.errors import EncodeError, Misconfigured, Rejected, Unavailable, UnknownOutcome
from hub.wire.dvcqg.filed import ADDRESSES, BLOB
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE

KEY_HEADER = "X-Operation-Key"
POST_SHELF, OFFICE_SHELF = "one_stop.out.post", "one_stop.out.document"
NOT_TOLD = "not_told"

PATH_OF = {
    DOSSIER_SERVICE: "dossier_path",
    PROGRESS_SERVICE: "dossier_path",
    HANDOVER_SERVICE: "handover_path",
    HANDOVER_RESULT_SERVICE: "handover_path",
    PAYMENT_LINK: "link_path",
    CONFIRM: "confirm_path",
    RECEIPT: "receipt_path",
}
"""Which path of a product takes which push."""

WAITED_FOR = (HANDOVER_SERVICE, HANDOVER_RESULT_SERVICE)
"""What is not dropped for want of a path: another agency waits for it."""


class ProductClient:
    """Client of one connector instance; see `hub.connector.Client`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: keeps what products fetch, and the references that they know.
    """

    def __init__(self, name: str, settings: OneStopSettings, ground: Ground) -> None:
        self.name = name
        self._settings = settings
        self._ground = ground
        self._rows = Shelf(ground, POST_SHELF, name)
        self._packages = Shelf(ground, OFFICE_SHELF, name)
        self._payments = Payments(ground)
        self._http: aiohttp.ClientSession | None = None

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        deadline = http.Deadline(timeout_seconds)
        code = ""
        for request in requests:
            code = await self._tell(request, deadline)
        return Reply(foreign_code=code)

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        return Asked(Answer.UNKNOWN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Rejected("products answer no questions", code="unknown_query")

    async def probe(self) -> str:
        """Any answer of a product's address says that it can be reached; nothing is sent to it."""
        if not self._settings.products:
            return "no product is told anything"
        limits = http.CallLimits(10, self._settings.reply_bytes)
        for product in self._settings.products.values():
            try:
                await http.get(self._session(), product.base_url, headers={}, limits=limits)
            except UnknownOutcome as error:
                raise Unavailable(str(error), code=error.code) from error
        return f"{len(self._settings.products)} products can be reached"

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _tell(self, request: Request, deadline: http.Deadline) -> str:
        """Tell one thing; the product's code, or what became of it where nothing is pushed."""
        message = request.message
        if message.operation == NOTHING:
            return NOT_TOLD
        name = message.headers["product"]
        product = self._settings.products.get(name)
        if product is None:
            raise Unavailable("no product of this unit in hub.yaml", code="no_account")
        body: dict[str, Any] = orjson.loads(message.body)
        subject = request.event.subject
        match message.operation:
            case str(operation) if operation == TRACKING:
                row = await self._with_own_order(subject, body)
                await self._rows.put(name, request.operation_key, subject, orjson.dumps(row))
                return "kept"
            case str(operation) if operation == PACKAGE:
                await self._packages.put(name, request.operation_key, subject, message.body)
                return "kept"
            case str(operation) if operation == PAYMENT_LINK:
                body = await self._payments.linked(subject, body)
            case str(operation) if operation == CONFIRM and product.payment_secret is not None:
                secret = product.payment_secret.get_secret_value()
                body = await self._payments.decided(subject, body, secret)
            case str(operation) if operation == RECEIPT:
                body = await self._payments.receipted(body)
            case str(operation) if operation == DOSSIER_SERVICE:
                await self._put_files_in(body["data"])
        path = getattr(product, PATH_OF[message.operation])
        if path is not None:
            return await self._push(request, product, body, deadline)
        if message.operation in WAITED_FOR:
            raise Unavailable("the product's handover_path is not set", code="no_account")
        return "kept"

    async def _with_own_order(self, subject: str, row: dict[str, Any]) -> dict[str, Any]:
        """The row under the order number that the product knows."""
        mine = await self._ground.aliases(ORDER_ALIAS, subject=subject)
        numbers = [each.facts.get("order_number", "") for each in mine]
        known = row["OrderNumber"] in numbers or not numbers
        return row if known else {**row, "OrderNumber": numbers[-1]}

    async def _put_files_in(self, dossier: dict[str, Any]) -> None:
        """Give files that the hub keeps to the product, inside the dossier, as the portal does.

        Raises:
            EncodeError: together they are larger than the limit.
        """
        left = self._settings.files_limit_bytes
        for name, address in ADDRESSES.items():
            for number, file in enumerate(dossier.get(name) or ()):
                place = file.get(address) if isinstance(file, dict) else None
                if not isinstance(place, str) or not place.startswith(BLOB):
                    continue
                content = await self._ground.fetch(place.removeprefix(BLOB))
                left -= len(content)
                if left < 0:
                    path = f"/{name}/{number}"
                    raise EncodeError("the files are too large", path=path, code="too_large")
                del file[address]
                file["Base64"] = b64encode(content).decode()

    async def _push(
        self, request: Request, product: Product, body: Mapping[str, Any], deadline: http.Deadline
    ) -> str:
        operation = request.message.operation
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            KEY_HEADER: request.operation_key,
        }
        if request.message.traceparent:
            headers["traceparent"] = request.message.traceparent
        if product.authorization is not None:
            headers["Authorization"] = product.authorization.get_secret_value()
        reply = await http.post(
            self._session(),
            product.base_url + getattr(product, PATH_OF[operation]),
            body=orjson.dumps(body),
            headers=headers,
            limits=http.CallLimits(deadline.left(), self._settings.reply_bytes),
        )
        return self._understood(reply, operation)

    def _understood(self, reply: http.HttpReply, operation: str) -> str:
        """The code of a success.

        Raises:
            Rejected, Unavailable, Misconfigured, UnknownOutcome: any other answer.
        """
        settings = self._settings
        field = "MaLoi" if operation == CONFIRM else "error_code"
        readable = reply.status not in (401, 403, 429) and reply.status < 500
        fields = http.json_object(reply.body) if readable else None
        if fields is None or field not in fields:
            self._check_status(reply)
            raise UnknownOutcome(f"{operation}: the reply is malformed", code="malformed_reply")
        code = http.short_code(fields[field])
        if code in settings.success_codes:
            self._check_status(reply)
            return code
        if code in settings.duplicate_codes and operation != CONFIRM:
            return code
        raise Rejected(
            f"the product refuses {operation} ({field} {code})",
            documented=code in settings.final_codes,
            foreign_code=code,
        )

    def _check_status(self, reply: http.HttpReply) -> None:
        """What an HTTP status means; one product among several does not stop the others."""
        try:
            http.check_status(reply)
        except Misconfigured as error:
            if len(self._settings.products) == 1:
                raise
            raise Unavailable(str(error), code=error.code) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = http.outgoing_session(connections_count=self._settings.connections_count)
        return self._http
