"""The contract of petitions as JSON: its types, its fields, and how another system may call them.

Source: a proposal of our own (domain notes 7.3); no official interface is published. Therefore
every name can be swapped by settings: `Names` translates a body both ways. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hub.wire.spelling import folded

RECEIVED, TRANSFERRED, ANSWERED, REDIRECTED, RATED, VOTED = (
    "pakn.received",
    "pakn.transferred",
    "pakn.answered",
    "pakn.redirected",
    "pakn.rated",
    "survey.voted",
)
DONE_BY_AGENCY = (
    "pakn.assigned",
    TRANSFERRED,
    ANSWERED,
    "pakn.published",
    "pakn.rejected",
    REDIRECTED,
)
"""What an agency says of a petition."""

SAID_ONCE = ("pakn.answered", "pakn.published")
"""What says nothing new if it is said again in the same words."""

TOLD_BY_SOURCE = (RECEIVED, RATED, VOTED)
"""What a source says."""

PING = "pakn.ping"
"""Asks for nothing but an answer."""

TYPES = (*TOLD_BY_SOURCE, *DONE_BY_AGENCY, PING)

SUBMITTER_FIELDS = ("name", "kind", "idNo", "phone", "email", "address", "anonymous")
ATTACHMENT_FIELDS = ("name", "contentType", "size", "url", "base64")
BLOB = "blob"
"""Inside the hub only: reference of an attachment that the door has put into the blob store."""

FIELDS = (
    *("type", "paknId", "source", "status", "dossierCode", "organTarget", "organTargetName"),
    *(f"submitter.{name}" for name in SUBMITTER_FIELDS),
    *("subject", "content", "category", "procedureCode", "fieldCode", "submittedAt"),
    *("attachments", "transferDueAt", "answerDueAt"),
    *("fromOrgan", "toOrgan", "toOrganName", "officer", "dueAt", "at", "reason", "redirectedTo"),
    *("answer", "answeredBy", "position", "answeredAt", "public", "url"),
    *("voteId", "unit", "month", "vote", "comment"),
)
"""Every field, as a path: a dot leads into an object."""

CATEGORIES = {
    "khieu_nai": "Cơ quan có thẩm quyền giải quyết khiếu nại",
    "to_cao": "Cơ quan có thẩm quyền giải quyết tố cáo",
}
"""Complaints and denunciations, and who is competent: other laws than that of petitions."""

TITLE_WORDS = {
    "đơn khiếu nại": "khieu_nai",
    "khiếu nại": "khieu_nai",
    "đơn tố cáo": "to_cao",
    "tố cáo": "to_cao",
}
"""Words that a title of one begins with, and its category."""

FLAGS = {"1": True, "true": True, "0": False, "false": False}

Vote = Literal["very_satisfied", "satisfied", "not_satisfied"]

VOTES: dict[str, Vote] = {
    "rất hài lòng": "very_satisfied",
    "hài lòng": "satisfied",
    "không hài lòng": "not_satisfied",
}
"""The three votes (domain notes 8.6)."""


def category_redirected(
    category: str, title: str, categories: Mapping[str, str], title_words: Mapping[str, str]
) -> str:
    """The category of a complaint or denunciation; `` for a petition.

    Args:
        category, title: as told.
        categories: those that are not processed.
        title_words: words that a title begins with, and the category they mean.
    """
    told = _bare(category)
    for known in (*categories, *title_words.values()):
        if told and told == _bare(known):
            return known
    plain = folded(title).lstrip(NO_LETTERS)
    return next(
        (found for words, found in title_words.items() if plain.startswith(folded(words))), ""
    )


NO_LETTERS = " \"'“”‘’«»([{.,:;!*#-–—_"
"""What may stand before the first word of a title."""


def _bare(text: str) -> str:
    """A category without diacritics and signs: `Khiếu nại` is `khieu_nai`."""
    parts = unicodedata.normalize("NFD", folded(text).replace("đ", "d"))
    letters = (sign for sign in parts if not unicodedata.combining(sign))
    return "_".join(re.findall("[a-z0-9]+", "".join(letters)))


def truth(value: object) -> bool | None:
    """True or false in any spelling; `None` if it is neither."""
    return FLAGS.get(str(value).strip().lower()) if isinstance(value, str | int) else None


@dataclass(frozen=True)
class Names:
    """How a system calls what the contract calls otherwise; what is not listed keeps its name."""

    fields: Mapping[str, str]
    attachments: Mapping[str, str]
    types: Mapping[str, str]

    def path(self, field: str) -> str:
        """The system's path of a field."""
        return self.fields.get(field, field)

    def type_of(self, told: str) -> str:
        """The contract's name of a type that the system told."""
        return next((own for own, theirs in self.types.items() if theirs == told), told)

    def read(self, tree: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Values by the contract's paths, and what of the tree's first level is unknown."""
        used = {self.path(field).partition(".")[0] for field in FIELDS}
        found = {}
        for field in FIELDS:
            if (value := _at(tree, self.path(field))) is not None:
                found[field] = value
        if isinstance(told := found.get("type"), str):
            found["type"] = self.type_of(told)
        unknown = {name: value for name, value in tree.items() if name not in used}
        for field in FIELDS:
            first, _, inner = self.path(field).partition(".")
            if inner and not isinstance(tree.get(first, {}), Mapping):
                unknown[first] = tree[first]
        return found, unknown

    def read_attachment(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """One attachment by the contract's names; a blob reference stays."""
        found = {name: item.get(self.attachments.get(name, name)) for name in ATTACHMENT_FIELDS}
        found[BLOB] = item.get(BLOB)
        return {name: value for name, value in found.items() if value is not None}

    def write(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The system's body of values by the contract's paths; `None` and `` are left out."""
        tree: dict[str, Any] = {}
        for field, value in values.items():
            if value in (None, ""):
                continue
            if field == "type":
                value = self.types.get(value, value)
            *way, last = self.path(field).split(".")
            place = tree
            for step in way:
                place = place.setdefault(step, {})
            place[last] = value
        return tree

    def write_attachment(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """One attachment as the system calls its fields."""
        return {
            self.attachments.get(name, name): value
            for name, value in values.items()
            if value not in (None, "")
        }


def _at(tree: Mapping[str, Any], path: str) -> Any:
    """What stands at a dotted path; `None` for nothing."""
    found: Any = tree
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found
