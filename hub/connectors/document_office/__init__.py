"""The document office (quản lý văn bản) of a unit: drafts go there, results are fetched."""

from __future__ import annotations

from hub.connector import Connector, Operation, Repetition
from hub.connectors.document_office import wire
from hub.connectors.document_office.client import OfficeClient
from hub.connectors.document_office.decode import FORMS, decode, message, order_key
from hub.connectors.document_office.encode import encode
from hub.connectors.document_office.poll import OfficePoller
from hub.connectors.document_office.settings import DocumentOfficeSettings
from hub.connectors.document_office.simulator import simulator

# A draft that is handed over twice may be signed and issued twice, under two numbers. No call
# tells whether the office has it. Where the deployment knows that its office notices the same
# IDHoSo (`duplicate_codes`), `ask` says so and the draft is sent again; elsewhere a lost answer
# waits for a person.
CONNECTOR = Connector(
    kind="document_office",
    title_vi="Hệ thống quản lý văn bản",
    title_en="Document office",
    settings=DocumentOfficeSettings,
    operations={wire.SUBMIT: Operation(wire.SUBMIT, Repetition.ASKABLE)},
    forms=FORMS,
    decode=decode,
    order_key=order_key,
    message=message,
    encode=encode,
    client=OfficeClient,
    poller=OfficePoller,
    simulator=simulator,
)
