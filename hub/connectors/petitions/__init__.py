"""Petitions (phản ánh, kiến nghị) and satisfaction votes, in a contract with swappable names."""

from __future__ import annotations

from hub.connector import Connector, Operation, Repetition
from hub.connectors.petitions import wire
from hub.connectors.petitions.client import PetitionClient
from hub.connectors.petitions.decode import FORMS, decode, message, order_key
from hub.connectors.petitions.encode import encode
from hub.connectors.petitions.endpoints import endpoints
from hub.connectors.petitions.settings import PetitionSettings
from hub.connectors.petitions.simulator import simulator

# The contract's receiver knows the operation key, and answers a repetition with code 01. A system
# that does not would open a second petition or send the citizen a second answer; there is nobody
# to ask, so such a system needs this proved before it is connected.
CONNECTOR = Connector(
    kind="petitions",
    title_vi="Phản ánh, kiến nghị",
    title_en="Petitions",
    settings=PetitionSettings,
    operations={
        name: Operation(name, Repetition.ANSWERED_AS_DUPLICATE)
        for name in (wire.RECEIVED, *wire.DONE_BY_AGENCY)
    },
    forms=FORMS,
    decode=decode,
    order_key=order_key,
    message=message,
    encode=encode,
    client=PetitionClient,
    endpoints=endpoints,
    simulator=simulator,
)
