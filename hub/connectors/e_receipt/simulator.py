"""The receipt system, simulated: three SOAP services over one book of receipts.

It reads the calls by its own parser and answers as the real services do: HTTP 200 with `OK:...`
or `ERR:n`, HTTP 500 with a Fault for a call that it does not understand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.connectors.e_receipt.simulator_book import ReceiptBook
from hub.simulation import (
    Answer,
    Call,
    CallLog,
    FaultScript,
    Inner,
    Item,
    Refuse,
    Simulation,
    json_response,
)

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
NAMESPACE = "http://tempuri.org/"
ACCOUNT = ("Account", "ACpass")
USER = ("userName", "userPass")
ISSUE_FIELDS = (*ACCOUNT, "xmlInvData", "username", "password", "pattern", "serial", "convert")
REPLACE_FIELDS = (
    *(*ACCOUNT, "xmlInvData", "username", "pass", "fkey", "AttachFile", "convert"),
    *("pattern", "serial"),
)
OPERATIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ImportAndPublishInv": ("/PublishService.asmx", ISSUE_FIELDS),
    "ReplaceInvoie": ("/BusinessService.asmx", REPLACE_FIELDS),
    "UnConfirmPaymentFkey": ("/BusinessService.asmx", ("fkey", *USER)),
    "confirmPaymentFkey": ("/BusinessService.asmx", ("fkey", *USER)),
    "cancelInv": ("/BusinessService.asmx", (*ACCOUNT, "fkey", *USER)),
    "listInvByCusFkey": ("/PortalService.asmx", ("key", "fromDate", "toDate", *USER)),
    "getLinkInvFkey": ("/PortalService.asmx", ("fkey", *USER)),
}
"""Operation -> its service, and its parameters in order."""


def simulator(
    faults: FaultScript,
    log: CallLog,
    *,
    account: Mapping[str, str] | None = None,
    numbers_count: int = 9_999_999,
) -> Starlette:
    """The services as an ASGI app.

    Args:
        faults: the fault script to begin with. `refuse` answers `ERR:` and its `error_code`.
        log: where calls are logged.
        account: `account`, `account_password`, `username`, `password`; none: any.
        numbers_count: numbers of each series; then `ERR:6`.
    """
    system = ReceiptSystem(account, numbers_count)
    simulation = Simulation("e_receipt", faults, log, subsystem=system)

    async def service(request: Request) -> Response:
        incoming = Incoming(await request.body(), request.headers, request.url.path)
        item = Item(request.headers.get("x-operation-key", ""), incoming.key, None, incoming.body)
        call = Call(incoming.operation or "unreadable", (item,))
        return await simulation.perform(call, lambda fault: system.answer(incoming, fault))

    async def receipts(_: Request) -> Response:
        told = {key: _told(receipt) for key, receipt in system.book.receipts.items()}
        return json_response(told)

    paths = sorted({path for path, _ in OPERATIONS.values()})
    return Starlette(
        routes=[
            *(Route(path, service, methods=["POST"]) for path in paths),
            Route("/_control/receipts", receipts),
            *simulation.control_routes(),
        ]
    )


def _told(receipt: Any) -> Mapping[str, Any]:
    return {name: getattr(receipt, name) for name in receipt.__slots__}


class Incoming:
    """One call as received; unreadable bytes give no operation.

    Attributes:
        operation: what is asked, `` if it cannot be told.
        sent: its parameters.
        key: key of the receipt that it is about.
    """

    def __init__(self, body: bytes, headers: Mapping[str, str], path: str) -> None:
        self.body = body
        self.path = path
        self.sent: dict[str, str] = {}
        self.operation = ""
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            root = etree.fromstring(body, parser)
        except etree.XMLSyntaxError:
            return
        inside = root.find(f"{{{SOAP}}}Body")
        if inside is None or len(inside) != 1:
            return
        name = etree.QName(inside[0])
        said = headers.get("soapaction", "").strip('"')
        if name.namespace == NAMESPACE and said == f"{NAMESPACE}{name.localname}":
            self.operation = name.localname
            self.sent = {etree.QName(each).localname: each.text or "" for each in inside[0]}

    @property
    def key(self) -> str:
        """The receipt's key: in the document that is sent, else as parameter."""
        _, found, rest = self.sent.get("xmlInvData", "").partition("<key>")
        return (
            rest.partition("</key>")[0]
            if found
            else self.sent.get("fkey", self.sent.get("key", ""))
        )


class ReceiptSystem:
    """What the simulated system knows and how it answers."""

    def __init__(self, account: Mapping[str, str] | None, numbers_count: int) -> None:
        self._account = account
        self._numbers = numbers_count
        self.reset()

    def reset(self) -> None:
        """Forget receipts and counts."""
        self.book = ReceiptBook(self._numbers)
        self._calls: Counter[str] = Counter()

    def state(self) -> Mapping[str, Any]:
        """Counts of receipts, and of calls by operation and end."""
        return {**self.book.counts(), "calls": dict(self._calls)}

    def answer(self, incoming: Incoming, fault: Inner | None) -> Answer:
        """The answer to one call."""
        path, wanted = OPERATIONS.get(incoming.operation, ("", ()))
        if path != incoming.path or tuple(incoming.sent) != wanted:
            return _fault("Client", "Server did not recognize the value of HTTP Header SOAPAction")
        if isinstance(fault, Refuse):
            code = fault.error_code
            if code == "fault":
                return _fault("Server", fault.message)
            text = f"ERR:{code}"
        elif not self._known(incoming.sent):
            text = "ERR:1"
        else:
            text = self._act(incoming.operation)(incoming.sent)
        self._calls[f"{incoming.operation} {text[:6].partition(';')[0]}"] += 1
        return _said(incoming.operation, text)

    def _act(self, operation: str) -> Callable[[Mapping[str, str]], str]:
        book = self.book
        acts: Mapping[str, Callable[[Mapping[str, str]], str]] = {
            "ImportAndPublishInv": book.issue,
            "ReplaceInvoie": book.replace,
            "UnConfirmPaymentFkey": book.unmark,
            "confirmPaymentFkey": book.mark,
            "cancelInv": book.cancel,
            "listInvByCusFkey": book.show,
            "getLinkInvFkey": book.link,
        }
        return acts[operation]

    def _known(self, sent: Mapping[str, str]) -> bool:
        """Whether the accounts that a call names are right."""
        if self._account is None:
            return True
        names = {
            "Account": "account",
            "ACpass": "account_password",
            **dict.fromkeys(("username", "userName"), "username"),
            **dict.fromkeys(("password", "pass", "userPass"), "password"),
        }
        return all(
            sent[name] == self._account[known] for name, known in names.items() if name in sent
        )


def _said(operation: str, text: str) -> Answer:
    """`{operation}Response`; some services write a label of UTF-16 into texts: not here."""
    body = (
        f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{SOAP}"><soap:Body>'
        f'<{operation}Response xmlns="{NAMESPACE}"><{operation}Result>{escape(text)}'
        f"</{operation}Result></{operation}Response></soap:Body></soap:Envelope>"
    )
    taken = not text.startswith("ERR:")
    return Answer(body.encode(), taken, media_type="text/xml")


def _fault(code: str, text: str) -> Answer:
    body = (
        f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body><soap:Fault>'
        f"<faultcode>soap:{code}</faultcode><faultstring>{escape(text)}</faultstring>"
        "</soap:Fault></soap:Body></soap:Envelope>"
    )
    return Answer(body.encode(), False, status=500, media_type="text/xml")
