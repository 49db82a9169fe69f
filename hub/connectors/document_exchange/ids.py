"""Ids of organisations: which are read as which, and which is written to whom; pure.

Two sources: what is agreed with partners (settings), and what the axis lists (`code` beside
`code102` and `oldCode` in its answer to `getAgenciesListQD20`). What is agreed wins. A listed id
says nothing if it is still in use by another organisation, or if several claim it, as may be after
units were merged: then it stays as it stands, because a wrong office is worse than an old id.

Source of the forms: domain notes 1.7, 2.1.2.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.connectors.document_exchange.settings import DocumentExchangeSettings

CODE, OLD_CODES = "code", ("code102", "oldCode")
ORGAN_ID = re.compile(r"[!-~]{1,64}")
OLD_FORM = re.compile(r"\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}", re.ASCII)
ELEMENT_TEXT = re.compile(r">\s*([^\s<>&]{1,64})\s*<")


@dataclass(frozen=True, slots=True)
class Listed:
    """What the axis lists.

    Attributes:
        new: another id of an organisation -> the one in use.
        old: the id in use -> the one of the old form, where there is just one.
    """

    new: Mapping[str, str] = field(default_factory=dict)
    old: Mapping[str, str] = field(default_factory=dict)

    def within(self, edxml: str, receiver: str) -> dict[str, str]:
        """Those of `new` that a package and its listing name: decode needs nothing else then."""
        texts = [*ELEMENT_TEXT.findall(edxml), receiver]
        return {text: self.new[text] for text in dict.fromkeys(texts) if text in self.new}


NOTHING = Listed()


def listed(rows: Sequence[Mapping[str, Any]]) -> Listed:
    """What a list of the axis says; rows without usable ids say nothing."""
    told = [(_id(row, CODE), [_id(row, name) for name in OLD_CODES]) for row in rows]
    in_use = {code for code, _ in told}
    claims: dict[str, set[str]] = defaultdict(set)
    forms: dict[str, set[str]] = defaultdict(set)
    for code, others in told:
        usable = [each for each in others if code and each and each not in in_use]
        for each in usable:
            claims[each].add(code)
        forms[code].update([each for each in usable if OLD_FORM.fullmatch(each)][:1])
    new = {other: min(codes) for other, codes in claims.items() if len(codes) == 1}
    old = {code: min(olds) for code, olds in forms.items() if len(olds) == 1}
    return Listed(new, {code: other for code, other in old.items() if other in new})


@dataclass(frozen=True, slots=True)
class Ids:
    """What is agreed, and what the axis lists."""

    settings: DocumentExchangeSettings
    listed: Listed = NOTHING

    def id_of(self, wire_id: str) -> str:
        """An organisation id as on the wire -> the hub's form."""
        agreed = self.settings
        if wire_id in agreed.new_ids or wire_id in agreed.partners or wire_id in agreed.units:
            return agreed.id_of(wire_id)
        return agreed.id_of(self.listed.new.get(wire_id, wire_id))

    def wire_id(self, organ_id: str, reader: str) -> str:
        """An organisation id in the form that `reader` reads."""
        agreed = self.settings
        if not agreed.partner(reader).write_old_id:
            return organ_id
        old = agreed.partner(organ_id).old_id or self.listed.old.get(organ_id, "")
        return old if old and self.id_of(old) == organ_id else organ_id


def _id(row: Mapping[str, Any], name: str) -> str:
    told = row.get(name)
    return told if isinstance(told, str) and ORGAN_ID.fullmatch(told) else ""
