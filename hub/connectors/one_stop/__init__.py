"""One-stop products (phần mềm một cửa): they send dossiers as they send them to the portal."""

from __future__ import annotations

from hub.connector import Connector
from hub.connectors.one_stop.decode import FORMS, decode, message, order_key
from hub.connectors.one_stop.endpoints import endpoints
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.simulator import simulator

CONNECTOR = Connector(
    kind="one_stop",
    title_vi="Phần mềm một cửa",
    title_en="One-stop product",
    settings=OneStopSettings,
    forms=FORMS,
    decode=decode,
    order_key=order_key,
    message=message,
    endpoints=endpoints,
    simulator=simulator,
)
