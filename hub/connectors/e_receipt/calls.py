"""The calls of the receipt system's services: names and order of their parameters; pure.

Source: the parameter lists of the services as products call them. Accounts come in here and
nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.connector import Request
from hub.connectors.e_receipt.encode import CANCEL, ISSUE
from hub.connectors.e_receipt.settings import Collector, EReceiptSettings
from hub.connectors.e_receipt.soap import Parameters

UNCONFIRM, LINK = "UnConfirmPaymentFkey", "getLinkInvFkey"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of one service.

    Attributes:
        path: of the service.
        operation: its name.
        parameters: names and texts, in the service's order.
        key: the operation key, `` for reads.
    """

    path: str
    operation: str
    parameters: Parameters
    key: str = ""


def issuing(request: Request, collector: Collector, settings: EReceiptSettings) -> Call:
    """`ImportAndPublishInv`, or the operation that replaces."""
    message, key = request.message, request.operation_key
    password = collector.password.get_secret_value()
    before = [
        ("Account", collector.account),
        ("ACpass", collector.account_password.get_secret_value()),
        ("xmlInvData", message.body.decode()),
        ("username", collector.username),
    ]
    serial = collector.serial.replace("{yy}", message.headers["issued_on"][2:4])
    series = [("pattern", collector.pattern), ("serial", serial)]
    if message.operation == ISSUE:
        rest = [("password", password), *series, ("convert", "0")]
        return Call(settings.publish_path, ISSUE, [*before, *rest], key)
    replaced = [("fkey", message.headers["replaced_fkey"]), ("AttachFile", "")]
    rest = [("pass", password), *replaced, ("convert", "0"), *series]
    return Call(settings.business_path, settings.replace_operation, [*before, *rest], key)


def cancelling(
    request: Request, collector: Collector, settings: EReceiptSettings
) -> tuple[Call, Call, Call]:
    """Taking the payment mark off, the cancel itself, and putting the mark on again."""
    path, key = settings.business_path, request.operation_key
    fkey = [("fkey", request.message.headers["fkey"]), *_user(collector)]
    account = [
        ("Account", collector.account),
        ("ACpass", collector.account_password.get_secret_value()),
    ]
    return (
        Call(path, UNCONFIRM, fkey, key),
        Call(path, CANCEL, [*account, *fkey], key),
        Call(path, settings.mark_operation, fkey, key),
    )


def looking_up(fkey: str, collector: Collector, settings: EReceiptSettings) -> Call:
    """The configured look-up of a key."""
    names = settings.look_up
    asked = [(names.key_name, fkey), *names.more.items(), *_user(collector)]
    return Call(settings.portal_path, names.operation, asked)


def linking(fkey: str, collector: Collector, settings: EReceiptSettings) -> Call:
    """The link under which the payer sees a receipt."""
    return Call(settings.portal_path, LINK, [("fkey", fkey), *_user(collector)])


def _user(collector: Collector) -> Parameters:
    return [
        ("userName", collector.username),
        ("userPass", collector.password.get_secret_value()),
    ]
