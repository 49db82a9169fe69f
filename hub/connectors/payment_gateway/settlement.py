"""The gateway's daily file against what the hub holds; pure.

No gateway publishes the form of this file. The hub reads a delimited text with a heading row;
names of columns, delimiter, encoding and the unit of the amount are settings.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from hub.connectors.payment_gateway.settings import Settlement
from hub.connectors.payment_gateway.told import REFERENCE, SHORT, Order
from hub.errors import DecodeError
from hub.schemas.payment import DifferenceKind

COLUMNS_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One payment of the file.

    Attributes:
        reference: of an order; `` where the file has what no order of the hub is called.
    """

    reference: str
    transaction: str
    amount_vnd: int


def read_rows(body: bytes, form: Settlement) -> list[Row]:
    """The payments of a file; rows whose status is another are left out.

    Raises:
        DecodeError: another encoding, no such column, a row that is no payment (with its number),
            or more rows than the limit (`too_large`).
    """
    encoding = "utf-8-sig" if form.encoding == "utf-8" else form.encoding
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        raise DecodeError("not in the encoding of the settings") from error
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter, strict=True)
    try:
        return list(_rows(lines, form))
    except csv.Error as error:
        raise DecodeError("not a delimited text", path=f"/{lines.line_num}") from error


def _rows(lines: Iterator[list[str]], form: Settlement) -> Iterator[Row]:
    names = [name.strip() for name in next(lines, [])]
    columns = form.columns
    wanted = [columns.reference, columns.transaction, columns.amount]
    wanted += [columns.status] if columns.status else []
    if len(names) > COLUMNS_LIMIT or any(names.count(name) != 1 for name in wanted):
        raise DecodeError("each column of the settings must stand once in the heading", path="/1")
    places = [names.index(name) for name in wanted]
    count = 0
    for number, line in enumerate(lines, start=2):
        if not any(field.strip() for field in line):
            continue
        count += 1
        if count > form.rows_limit_count:
            raise DecodeError("more rows than the limit", code="too_large")
        if len(line) != len(names):
            raise DecodeError("another number of columns than the heading", path=f"/{number}")
        values = [line[place].strip() for place in places]
        if columns.status and values.pop() not in form.paid_values:
            continue
        yield _row(values, form, f"/{number}")


def _row(values: Sequence[str], form: Settlement, path: str) -> Row:
    reference, transaction, amount = values
    if not REFERENCE.fullmatch(reference):
        reference = ""  # nobody knows what is in it, so it is not repeated
    if len(transaction) > SHORT or not transaction.isprintable():
        raise DecodeError("not a transaction", path=f"{path}/transaction")
    if not (amount.isascii() and amount.isdecimal() and len(amount) <= 18):
        raise DecodeError("not a whole amount", path=f"{path}/amount")
    vnd, rest = divmod(int(amount), form.per_vnd_count)
    if rest:
        raise DecodeError("not a whole amount", path=f"{path}/amount")
    return Row(reference, transaction, vnd)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one instance.

    Attributes:
        rows: of the file; `None`: there was no file.
        held: orders that the hub holds as paid on the day, by reference.
        others: further orders that the file names.
        file: where the file's bytes are kept.
    """

    instance: str
    profile: str
    day: date
    rows: Sequence[Row] | None
    held: Mapping[str, Order]
    others: Mapping[str, Order]
    file: str = ""

    @property
    def subject(self) -> str:
        """Subject of `payment.reconciled`."""
        return f"reconciliation/{self.instance}/{self.day.isoformat()}"


def compare(day: Day, limit: int) -> dict[str, Any]:
    """What `payment.reconciled` says of a day, JSON-able.

    Args:
        day: the file and what is held.
        limit: most differences that are listed.
    """
    differences = list(_differences(day))
    rows = day.rows or ()
    return {
        "subject": day.subject,
        "instance": day.instance,
        "profile": day.profile,
        "day": day.day.isoformat(),
        "file_found": day.rows is not None,
        "file_count": len(rows),
        "file_vnd": sum(row.amount_vnd for row in rows),
        "hub_count": len(day.held),
        "hub_vnd": sum(order.amount_vnd for order in day.held.values()),
        "difference_count": len(differences),
        "differences": differences[:limit],
        "file": day.file,
    }


def _differences(day: Day) -> Iterator[dict[str, Any]]:
    if day.rows is None:
        return
    seen = Counter(row.reference for row in day.rows)
    for row in day.rows:
        order = day.held.get(row.reference) or day.others.get(row.reference)
        kind = _disagreement(row, order)
        if row.reference and seen[row.reference] > 1:
            kind = DifferenceKind.TWICE_IN_FILE
        if kind is not None:
            yield _told(kind, row.reference, row, order)
    for reference, order in day.held.items():
        if reference not in seen:
            yield _told(DifferenceKind.MISSING_IN_FILE, reference, None, order)


def _disagreement(row: Row, order: Order | None) -> DifferenceKind | None:
    if order is None or not order.paid:
        return DifferenceKind.MISSING_IN_HUB
    if order.amount_vnd != row.amount_vnd:
        return DifferenceKind.AMOUNT
    if order.facts.get("transaction", "") != row.transaction:
        return DifferenceKind.TRANSACTION
    return None


def _told(
    kind: DifferenceKind, reference: str, row: Row | None, order: Order | None
) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": kind.value, "payment_id": reference}
    if order is not None:
        told |= {"code": order.subject, "hub_amount_vnd": order.amount_vnd}
    if row is not None:
        told |= {"transaction": row.transaction, "file_amount_vnd": row.amount_vnd}
    return told
