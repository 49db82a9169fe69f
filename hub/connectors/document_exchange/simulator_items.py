"""What the simulated axis holds and lists: calls as received, packages, organisations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers

from hub.connectors.document_exchange import simulator_door as door
from hub.connectors.document_exchange.simulator_packages import Seen, look_at
from hub.simulation import Call, Item
from hub.wire.edxml import models


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as received."""

    path: str
    headers: Headers
    body: bytes

    @property
    def logical(self) -> Mapping[str, str]:
        """Its logical headers.

        Products acknowledge with `docid`; the kit's `docId` is that of an earlier call then.
        """
        said = door.logical_headers(self.headers)
        if self.path == models.UPDATE_STATUS and "docid" in said:
            said["docId"] = said["docid"]
        return said

    def call(self) -> Call:
        """What is logged."""
        said = self.logical
        kind = said.get("messagetype", models.DOCUMENT)
        subject = said.get("docId", "")
        if self.path == models.SEND:
            subject = look_at(self.body, kind).document_id
        name = f"{self.path.removeprefix('/')} {kind}"
        name = name if self.path == models.SEND else self.path.removeprefix("/")
        key = self.headers.get("x-operation-key", "")
        return Call(name, (Item(key, subject, None, self.body),))


@dataclass
class Listed:
    """A package in the axis's hands, for one receiver."""

    doc_id: str
    kind: str
    sender: str
    to: str
    body: bytes
    seen: Seen
    created: str
    status: str = "initial"
    updated: str = ""

    def row(self) -> dict[str, str]:
        """As `getReceivedEdocList` says it."""
        return {
            "docId": self.doc_id,
            "serviceType": models.SERVICE_TYPE,
            "messageType": self.kind,
            "created_time": self.created,
            "updated_time": self.updated or self.created,
            "from": self.sender,
            "to": self.to,
            "status": self.status,
            "status_desc": "",
        }

    def sent_row(self) -> dict[str, str]:
        """As `getSentEdocList` says it."""
        return {
            "serviceType": models.SERVICE_TYPE,
            "receiverDocId": self.doc_id,
            "toCode": self.to,
            "receiveStatus": self.status,
            "receiveStatusDesc": "",
            "title": self.seen.title,
            "messageType": self.kind,
            "notation": self.seen.notation,
            "receivedTime": self.updated,
            "sentTime": self.created,
            "sendStatus": "done",
            "sendStatusDesc": "",
            "senderDocId": self.doc_id,
            "fromCode": self.sender,
        }


UNIT = {
    "version": "1",
    "centerCode": "",
    "deleted": "false",
    "modifyDate": "2026/01/01 00:00:00",
    "isAgency": "true",
}
"""What the list of units says of each besides; the kit takes no flag but `true` for one."""


def agencies(
    systems: Iterable[Mapping[str, Any]], registered: Mapping[str, Mapping[str, str]], path: str
) -> list[dict[str, Any]]:
    """Every organisation, in the form of the list that was asked for.

    Args:
        systems: with `organs`, and `old_ids` of those that had one.
        registered: what a client added, by id.
        path: of the call.
    """
    rows = [
        _agency(organ, each.get("old_ids", {}).get(organ, ""))
        for each in systems
        for organ in each["organs"]
    ]
    rows += [{**_agency(code, ""), **row} for code, row in registered.items()]
    return [row | UNIT for row in rows] if path == models.UNITS else rows


def _agency(organ: str, old_id: str) -> dict[str, Any]:
    return {
        "id": organ,
        "pid": organ.rpartition(".")[0],
        "code": organ,
        "name": f"Cơ quan {organ}",
        "mail": "",
        "oldCode": old_id,
        "code102": old_id,
    }
