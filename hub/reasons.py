"""Reasons: what every fixed reason code means, in Vietnamese and English, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence each.

    Attributes:
        vi, en: what happened.
        help_vi, help_en: what helps.
    """

    vi: str
    en: str
    help_vi: str
    help_en: str


@cache
def reasons() -> Mapping[str, Reason]:
    """The catalogue by code."""
    text = files("hub").joinpath("reasons.yaml").read_text(encoding="utf-8")
    return {code: Reason(**entry) for code, entry in yaml.safe_load(text).items()}


def reason_of(code: str) -> Reason:
    """The entry of a code; one that this version does not know says so."""
    unknown = Reason(
        f"Mã {code} chưa có trong danh mục của phiên bản này.",
        f"This version has no entry for the code {code}.",
        "Xem nhật ký.",
        "See the log.",
    )
    return reasons().get(code, unknown)
