"""From the body of a call to the Messages that Kafka gets: split, checked, all or none.

A call is taken whole or refused whole. The reply has one `error_code` for the whole array, so a
half-taken call could not be told: the product would resend what was taken, or believe that what
was refused is safe. The refusal names every faulty item by its path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from hub.connector import Refusal
from hub.connectors.one_stop.replies import (
    FIELD_RULES,
    MALFORMED,
    REFUSED_TOGETHER,
    TOO_LARGE,
    UNKNOWN_OPERATION,
    Refused,
)
from hub.connectors.one_stop.settings import OneStopSettings
from hub.errors import DecodeError
from hub.message import Message
from hub.wire.dvcqg.codes import FLAG_OF_TEXT
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE
from hub.wire.dvcqg.reading import dossier_of, progress_of
from hub.wire.dvcqg.rules import (
    DOSSIER_CODE,
    MANDATORY_2020,
    MANDATORY_2023,
    Fault,
    dossier_faults,
    progress_faults,
)
from hub.wire.json_text import strict_tree

FAULTS_SHOWN_COUNT = 20
"""Faults that a reply spells out; a person mends those first."""

MANDATORY = {2020: MANDATORY_2020, 2023: MANDATORY_2023}


@dataclass(frozen=True, slots=True)
class Sending:
    """The items of one call.

    Attributes:
        operation: the wire's own name (`DongBoHoSoMC`).
        unit: organisation id of the proved sender.
        updating: `True`, `False`, or `` if the sender said nothing.
        path: where the array stands, put before the paths of faults.
        trees: the items, parsed.
        slices: the items, exactly as they were sent.
    """

    operation: str
    unit: str
    updating: str
    path: str
    trees: list[Any]
    slices: list[bytes]


class ItemsRefused(Refused):
    """A call whose items break rules.

    Args:
        sending: the call.
        faults: of each item, empty for one that is right.
    """

    def __init__(self, sending: Sending, faults: list[list[Fault]]) -> None:
        every = [fault for each in faults for fault in each]
        super().__init__(FIELD_RULES, _told(every), unit=sending.unit)
        self._sending = sending
        self._faults = faults

    def refusals(self, connector: str) -> Iterator[Refusal]:
        """One for each item, also for those that were right."""
        for tree, faults in zip(self._sending.trees, self._faults, strict=True):
            reason = FIELD_RULES if faults else REFUSED_TOGETHER
            yield Refusal(
                connector=connector,
                unit=self._sending.unit,
                operation=self._sending.operation,
                code=reason.code,
                text=f"{reason.text}: {_told(faults)}" if faults else reason.text,
                subject=_subject(tree),
            )


def read_object(body: bytes) -> dict[str, Any]:
    """The envelope of a session call.

    Raises:
        Refused: `malformed`.
    """
    tree = _strict(body)
    if not isinstance(tree, dict):
        raise Refused(MALFORMED, "phải là một đối tượng JSON")
    return tree


def session_sending(body: bytes, envelope: Mapping[str, Any], unit: str) -> Sending:
    """The items of a session call.

    Args:
        body: the whole call.
        envelope: the same, parsed.
        unit: the session's unit.

    Raises:
        Refused: `malformed`.
    """
    trees = _items(envelope.get("data"), "/data")
    slices = msgspec.json.decode(body, type=dict[str, msgspec.Raw])["data"]
    return Sending(
        operation=envelope["service"],
        unit=unit,
        updating=_updating(envelope.get("isUpdating")),
        path="/data",
        trees=trees,
        slices=_split(bytes(slices)),
    )


def array_sending(body: bytes, *, operation: str, unit: str, updating: str | None) -> Sending:
    """The items of a call in the provincial form: a bare array.

    Raises:
        Refused: `malformed`.
    """
    return Sending(
        operation=operation,
        unit=unit,
        updating=_updating(updating),
        path="",
        trees=_items(_strict(body), ""),
        slices=_split(body),
    )


def messages_of(sending: Sending, connector: str, settings: OneStopSettings) -> list[Message]:
    """One Message for each item, in the order of the array.

    Raises:
        Refused: `too_large` (too many items), `unknown_operation`.
        ItemsRefused: an item breaks a rule.
    """
    if len(sending.trees) > settings.items_limit_count:
        limit = f"tối đa {settings.items_limit_count} bản ghi mỗi lần"
        raise Refused(TOO_LARGE, limit, unit=sending.unit)
    faults = [
        _faults(sending, number, settings.fields_of_year) for number in range(len(sending.trees))
    ]
    if any(faults):
        raise ItemsRefused(sending, faults)
    headers = {"unit": sending.unit, "form": "item"}
    if sending.updating:
        headers["is_updating"] = sending.updating
    return [
        Message(
            connector=connector,
            operation=sending.operation,
            body=body,
            key=str(tree["MaHoSo"]),
            headers=headers,
        )
        for tree, body in zip(sending.trees, sending.slices, strict=True)
    ]


def _strict(body: bytes) -> Any:
    try:
        return strict_tree(body)
    except DecodeError as error:
        raise Refused(MALFORMED, str(error)) from error


def _items(tree: Any, path: str) -> list[Any]:
    if not isinstance(tree, list) or not tree:
        raise Refused(MALFORMED, f"{path or '/'}: phải là mảng có ít nhất một bản ghi")
    return tree


def _split(array: bytes) -> list[bytes]:
    """The exact bytes of each item."""
    return [bytes(item) for item in msgspec.json.decode(array, type=list[msgspec.Raw])]


def _updating(value: object) -> str:
    if value is None or value == "":
        return ""
    flag = FLAG_OF_TEXT.get(value) if isinstance(value, str | bool) else None
    if flag is None:
        raise Refused(MALFORMED, "/isUpdating: phải là True hoặc False")
    return str(flag)


def _faults(sending: Sending, number: int, year: int) -> list[Fault]:
    path = f"{sending.path}/{number}"
    try:
        if sending.operation == DOSSIER_SERVICE:
            wire = dossier_of(sending.trees[number], path)
            return dossier_faults(wire, path, mandatory=MANDATORY[year])
        if sending.operation == PROGRESS_SERVICE:
            return progress_faults(progress_of(sending.trees[number], path), path)
    except DecodeError as error:
        return [Fault(error.path, "wrong_type", "sai kiểu dữ liệu")]
    raise Refused(UNKNOWN_OPERATION, unit=sending.unit)


def _told(faults: list[Fault]) -> str:
    shown = "; ".join(f"{fault.path} {fault.text}" for fault in faults[:FAULTS_SHOWN_COUNT])
    more = len(faults) - FAULTS_SHOWN_COUNT
    return f"{shown}; và {more} lỗi khác" if more > 0 else shown


def _subject(tree: Any) -> str:
    code = tree.get("MaHoSo") if isinstance(tree, dict) else None
    return code if isinstance(code, str) and DOSSIER_CODE.fullmatch(code) else ""
