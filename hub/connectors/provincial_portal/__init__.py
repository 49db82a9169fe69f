"""A provincial portal or platform (LGSP): dossiers and steps as bare arrays, both directions."""

from hub.connector import Connector, Operation, Repetition
from hub.connectors.provincial_portal.client import PlatformClient
from hub.connectors.provincial_portal.decode import FORMS, decode, message, order_key
from hub.connectors.provincial_portal.encode import encode
from hub.connectors.provincial_portal.endpoints import endpoints
from hub.connectors.provincial_portal.settings import ProvincialPortalSettings
from hub.connectors.provincial_portal.simulator import simulator
from hub.wire.dvcqg.lgsp import DOCUMENT_SERVICE, TRACES_SERVICE
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE

# A dossier sent again is an update with the same content. A step sent again is the same row, which
# the platform either says it has or keeps twice: shown twice, and nothing else.
CONNECTOR = Connector(
    kind="provincial_portal",
    title_vi="Cổng dịch vụ công cấp tỉnh, nền tảng LGSP",
    title_en="Provincial portal and platform (LGSP)",
    settings=ProvincialPortalSettings,
    operations={
        DOSSIER_SERVICE: Operation(DOSSIER_SERVICE, Repetition.HARMLESS),
        PROGRESS_SERVICE: Operation(PROGRESS_SERVICE, Repetition.HARMLESS, group_count=10),
        DOCUMENT_SERVICE: Operation(DOCUMENT_SERVICE, Repetition.HARMLESS),
        TRACES_SERVICE: Operation(TRACES_SERVICE, Repetition.HARMLESS, group_count=10),
    },
    forms=FORMS,
    decode=decode,
    order_key=order_key,
    message=message,
    encode=encode,
    client=PlatformClient,
    endpoints=endpoints,
    simulator=simulator,
)
