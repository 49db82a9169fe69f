"""One-stop products (phần mềm một cửa): the hub plays every counterpart towards them."""

from __future__ import annotations

from hub.connector import Connector, Operation, Repetition
from hub.connectors.one_stop.client import ProductClient
from hub.connectors.one_stop.decode import FORMS, decode, message, order_key
from hub.connectors.one_stop.encode import encode
from hub.connectors.one_stop.endpoints import endpoints
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.simulator import simulator
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
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE

# A dossier that a product has already is answered with error_code 1. A payment is known by its
# reference, a receipt by its number, a row and a package by the operation key: the same again
# changes nothing.
OPERATIONS = {
    **dict.fromkeys(
        (DOSSIER_SERVICE, PROGRESS_SERVICE, HANDOVER_SERVICE, HANDOVER_RESULT_SERVICE),
        Repetition.ANSWERED_AS_DUPLICATE,
    ),
    **dict.fromkeys(
        (CONFIRM, PAYMENT_LINK, RECEIPT, TRACKING, PACKAGE, NOTHING), Repetition.HARMLESS
    ),
}

CONNECTOR = Connector(
    kind="one_stop",
    title_vi="Phần mềm một cửa",
    title_en="One-stop product",
    settings=OneStopSettings,
    operations={name: Operation(name, repetition) for name, repetition in OPERATIONS.items()},
    forms=FORMS,
    decode=decode,
    order_key=order_key,
    message=message,
    encode=encode,
    client=ProductClient,
    delivers=lambda settings: bool(settings.products),
    endpoints=endpoints,
    simulator=simulator,
)
