"""Public post (bưu chính công ích): papers picked up at home, results brought home."""

from hub.connector import Connector, Operation, Repetition
from hub.connectors.public_post.client import PostClient
from hub.connectors.public_post.decode import FORMS, decode, message, order_key
from hub.connectors.public_post.encode import CANCEL, DOCUMENT, ORDER, encode
from hub.connectors.public_post.poll import FeedPoller
from hub.connectors.public_post.settings import PublicPostSettings
from hub.connectors.public_post.simulator import simulator

# The post tells a second order under a number (101). That it tells a second registration is known
# of no door, so the hub asks its own memory and the feed first. A cancelled order stays cancelled.
CONNECTOR = Connector(
    kind="public_post",
    title_vi="Bưu chính công ích (Vietnam Post)",
    title_en="Public postal service",
    settings=PublicPostSettings,
    operations={
        ORDER: Operation(ORDER, Repetition.ANSWERED_AS_DUPLICATE),
        DOCUMENT: Operation(DOCUMENT, Repetition.ASKABLE),
        CANCEL: Operation(CANCEL, Repetition.HARMLESS),
    },
    forms=(*FORMS, "order", "document", "cancel"),
    decode=decode,
    order_key=order_key,
    message=message,
    encode=encode,
    client=PostClient,
    poller=FeedPoller,
    simulator=simulator,
)
