"""Payment gateways (cổng thanh toán): VNPAY, and the national payment platform with its twins."""

from hub.connector import Connector, Operation, Repetition
from hub.connectors.payment_gateway.client import PaymentClient
from hub.connectors.payment_gateway.decode import FORMS, decode, message, order_key
from hub.connectors.payment_gateway.encode import encode
from hub.connectors.payment_gateway.endpoints import endpoints
from hub.connectors.payment_gateway.payplat import INIT
from hub.connectors.payment_gateway.payplat import QUERY as PLATFORM_QUERY
from hub.connectors.payment_gateway.poll import PaymentPoller
from hub.connectors.payment_gateway.settings import PaymentGatewaySettings
from hub.connectors.payment_gateway.simulator import simulator
from hub.connectors.payment_gateway.vnpay import PAY, QUERY, REFUND

REFUND_SETTLE_SECONDS = 600
"""A refund that QueryDR does not show so long after it was sent has not been taken."""

# A link moves no money, and its reference is the same when it is asked for again: a link whose
# answer was lost is known to nobody who could pay under it. Questions have no effect. A refund
# sent twice may be paid twice, so QueryDR is asked before it is sent again.
CONNECTOR = Connector(
    kind="payment_gateway",
    title_vi="Cổng thanh toán",
    title_en="Payment gateway",
    settings=PaymentGatewaySettings,
    operations={
        PAY: Operation(PAY, Repetition.HARMLESS),
        QUERY: Operation(QUERY, Repetition.HARMLESS),
        REFUND: Operation(REFUND, Repetition.ASKABLE, settle_seconds=REFUND_SETTLE_SECONDS),
        INIT: Operation(INIT, Repetition.HARMLESS),
        PLATFORM_QUERY: Operation(PLATFORM_QUERY, Repetition.HARMLESS),
    },
    forms=FORMS,
    decode=decode,
    order_key=order_key,
    message=message,
    encode=encode,
    client=PaymentClient,
    poller=PaymentPoller,
    endpoints=endpoints,
    simulator=simulator,
)
