"""Electronic receipts (biên lai điện tử) at VNPT's services: issue, cancel, replace, look up."""

from hub.connector import Connector, Operation, Repetition
from hub.connectors.e_receipt.client import ReceiptClient
from hub.connectors.e_receipt.decode import FORMS, decode, message, order_key
from hub.connectors.e_receipt.encode import CANCEL, ISSUE, REPLACE, encode
from hub.connectors.e_receipt.settings import EReceiptSettings
from hub.connectors.e_receipt.simulator import simulator

# A receipt is looked up by its key before it is asked for again, and if it appears between the
# two, the system says so (ERR:13). What is being issued shows within seconds.
CONNECTOR = Connector(
    kind="e_receipt",
    title_vi="Biên lai điện tử (VNPT)",
    title_en="Electronic receipts",
    settings=EReceiptSettings,
    operations={
        ISSUE: Operation(ISSUE, Repetition.ASKABLE, settle_seconds=5),
        REPLACE: Operation(REPLACE, Repetition.ASKABLE, settle_seconds=5),
        CANCEL: Operation(CANCEL, Repetition.ASKABLE, settle_seconds=5),
    },
    forms=(*FORMS, "invoice", "key"),
    decode=decode,
    order_key=order_key,
    message=message,
    encode=encode,
    client=ReceiptClient,
    simulator=simulator,
)
