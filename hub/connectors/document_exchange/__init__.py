"""The document axis (Trục liên thông văn bản quốc gia): edXML packages over VXP."""

from hub.connector import Connector, Operation, Repetition
from hub.connectors.document_exchange.client import AxisClient
from hub.connectors.document_exchange.decode import FORMS, decode, message, order_key
from hub.connectors.document_exchange.encode import SEND_DOCUMENT, SEND_STATUS, encode
from hub.connectors.document_exchange.poll import AxisPoller
from hub.connectors.document_exchange.settings import DocumentExchangeSettings
from hub.connectors.document_exchange.simulator import simulator

# The axis gives a document that comes again a new docId, and its receiver registers it twice: it
# is looked for among what was sent before. A status that comes again is the same by document,
# code and time.
CONNECTOR = Connector(
    kind="document_exchange",
    title_vi="Trục liên thông văn bản quốc gia",
    title_en="National document exchange axis",
    settings=DocumentExchangeSettings,
    operations={
        SEND_DOCUMENT: Operation(SEND_DOCUMENT, Repetition.ASKABLE, settle_seconds=60),
        SEND_STATUS: Operation(SEND_STATUS, Repetition.HARMLESS),
    },
    forms=FORMS,
    decode=decode,
    order_key=order_key,
    message=message,
    encode=encode,
    client=AxisClient,
    poller=AxisPoller,
    simulator=simulator,
)
