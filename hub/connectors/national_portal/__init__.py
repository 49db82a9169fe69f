"""The national public service portal (Cổng dịch vụ công quốc gia): dossiers and their progress."""

from hub.connector import Connector, Operation, Repetition
from hub.connectors.national_portal.client import PortalClient
from hub.connectors.national_portal.encode import encode
from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.connectors.national_portal.simulator import simulator
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE

# A dossier sent again is an update with the same content; a progress row sent again is the same
# row. Both are harmless.
CONNECTOR = Connector(
    kind="national_portal",
    title_vi="Cổng Dịch vụ công quốc gia",
    title_en="National Public Service Portal",
    settings=NationalPortalSettings,
    operations={
        DOSSIER_SERVICE: Operation(DOSSIER_SERVICE, Repetition.HARMLESS),
        PROGRESS_SERVICE: Operation(PROGRESS_SERVICE, Repetition.HARMLESS, group_count=10),
    },
    forms=("session",),
    encode=encode,
    client=PortalClient,
    simulator=simulator,
)
