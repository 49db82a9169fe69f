"""The data of every event kind, one file per business noun; importing this registers them all."""

from hub.schemas import document as document
from hub.schemas import dossier as dossier
from hub.schemas import handover as handover
from hub.schemas import payment as payment
from hub.schemas import payment_order as payment_order
from hub.schemas import petition as petition
from hub.schemas import post as post
from hub.schemas import receipt as receipt
from hub.schemas import sla as sla
from hub.schemas import slip as slip
