"""The national public service portal (Cổng dịch vụ công quốc gia): dossiers and their progress."""

from hub.connector import Connector, Operation, Repetition
from hub.connectors.national_portal.client import PortalClient
from hub.connectors.national_portal.decode import FORMS, decode, message, order_key
from hub.connectors.national_portal.encode import encode
from hub.connectors.national_portal.endpoints import endpoints
from hub.connectors.national_portal.poll import PortalPoller
from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.connectors.national_portal.simulator import simulator
from hub.wire.dvcqg.models import (
    ANSWER_SERVICE,
    DOSSIER_SERVICE,
    PROGRESS_SERVICE,
    STATE_SERVICE,
)

# A dossier sent again is an update with the same content, a progress row or a state sent again is
# the same one: harmless. What a second answer to a question does is not documented, but the portal
# can be asked which answer it has.
CONNECTOR = Connector(
    kind="national_portal",
    title_vi="Cổng Dịch vụ công quốc gia",
    title_en="National Public Service Portal",
    settings=NationalPortalSettings,
    operations={
        DOSSIER_SERVICE: Operation(DOSSIER_SERVICE, Repetition.HARMLESS),
        PROGRESS_SERVICE: Operation(PROGRESS_SERVICE, Repetition.HARMLESS, group_count=10),
        STATE_SERVICE: Operation(STATE_SERVICE, Repetition.HARMLESS),
        ANSWER_SERVICE: Operation(ANSWER_SERVICE, Repetition.ASKABLE),
    },
    forms=FORMS,
    decode=decode,
    order_key=order_key,
    message=message,
    encode=encode,
    reads_lean=True,
    client=PortalClient,
    poller=PortalPoller,
    endpoints=endpoints,
    simulator=simulator,
)
