"""Code lists of the format, both ways.

A code that is not listed means `unknown`; the caller keeps its text and writes it back.
"""

from __future__ import annotations

from hub.schemas.dossier import ApplicantKind, Channel, DossierStatus, ReturnWay

STATUS_OF_CODE: dict[str, DossierStatus] = {
    "1": DossierStatus.NEW,
    "2": DossierStatus.RECEIVED,
    "3": DossierStatus.REFUSED,
    "4": DossierStatus.PROCESSING,
    "5": DossierStatus.SUPPLEMENT,
    "6": DossierStatus.FINANCE,
    "7": DossierStatus.WITHDRAWN,
    "8": DossierStatus.STOPPED,
    "9": DossierStatus.DONE,
    "10": DossierStatus.RETURNED,
}
"""`TrangThaiHoSo` and `TrangThai`; 0 (transient) and 11 (filed at the portal) stay unknown."""

STATUS_OF_WORD: dict[str, DossierStatus] = {
    "receiving": DossierStatus.NEW,
    "new": DossierStatus.RECEIVED,
    "denied": DossierStatus.REFUSED,
    "processing": DossierStatus.PROCESSING,
    "waiting": DossierStatus.SUPPLEMENT,
    "paying": DossierStatus.FINANCE,
    "cancelled": DossierStatus.WITHDRAWN,
    "unresolved": DossierStatus.STOPPED,
    "releasing": DossierStatus.DONE,
    "done": DossierStatus.RETURNED,
}
"""Words that adapters use for the codes; `interoperating` and `posting` (code 0) stay unknown."""

CHANNEL_OF_CODE: dict[str, Channel] = {
    "1": Channel.DESK,
    "2": Channel.ONLINE,
    "3": Channel.POST,
}
"""`KenhThucHien`."""

APPLICANT_OF_CODE: dict[str, ApplicantKind] = {
    "1": ApplicantKind.CITIZEN,
    "2": ApplicantKind.BUSINESS,
    "3": ApplicantKind.STATE_BODY,
    "4": ApplicantKind.OTHER,
}
"""`LoaiDoiTuong`."""

RETURN_OF_CODE: dict[str, ReturnWay] = {"0": ReturnWay.DESK, "1": ReturnWay.POST}
"""`HinhThuc`."""

CODE_OF_STATUS = {status: code for code, status in STATUS_OF_CODE.items()}
CODE_OF_CHANNEL = {channel: code for code, channel in CHANNEL_OF_CODE.items()}
CODE_OF_APPLICANT = {kind: code for code, kind in APPLICANT_OF_CODE.items()}
CODE_OF_RETURN = {way: code for code, way in RETURN_OF_CODE.items()}

FLAG_OF_TEXT: dict[str | int, bool] = {
    "1": True,
    "0": False,
    "true": True,
    "false": False,
    "True": True,
    "False": False,
    "TRUE": True,
    "FALSE": False,
    True: True,
    False: False,
}
"""Every spelling of a boolean that products send."""

_STATUS = STATUS_OF_CODE | STATUS_OF_WORD


def read_status(code: str | None) -> DossierStatus:
    """The status that a code or a word names; `unknown` for anything else."""
    return _STATUS.get(code or "", DossierStatus.UNKNOWN)


def write_status(status: DossierStatus, code: str) -> str:
    """The code of a status; for `unknown` what was on the wire."""
    return CODE_OF_STATUS.get(status, code)
