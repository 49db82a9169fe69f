"""Doubts: what products are known to make up, seen in a dossier and told; never a reason to refuse.

Not seen in one message: an illegal transition, and a step of status 9 that nobody did for a dossier
without appointment; see `hub.doubting`.

Source: domain notes 3.5 (quality hazards), 3.9 (codes).
"""

from __future__ import annotations

from hub.wire.dvcqg.models import WireDossier

MADE_UP_OWNER = "made_up_owner"
FINISHED_IN_SUPPLEMENT = "finished_in_supplement"
SUBMITTED_AS_RESULT = "submitted_as_result"
RANDOM_CODE = "random_code"

SHORTEST_NUMBER = 6
REPEATED = frozenset(digit * 3 for digit in "0123456789")
FINISHED = "9"


def doubts_of(wire: WireDossier) -> list[str]:
    """What is doubtful about a dossier; empty for nearly all.

    - `made_up_owner`: a number of the owner is one digit over and over, at most the last another
      (`000000001` stands for a missing number).
    - `finished_in_supplement`: finished, while the last round of supplement waits for papers (a
      paused dossier is told as finished).
    - `submitted_as_result`: a result is one of the submitted papers.
    - `random_code`: the code ends in five digits. Units count with four and ministries with six or
      seven; five is what a product makes at random for a dossier that was moved to it.
    """
    found: list[str] = []
    is_made_up = made_up(wire.SoGiayToChuHoSo)
    for each in wire.DinhDanhCHS or ():
        number = each.SoDinhDanh
        if number != wire.SoGiayToChuHoSo and made_up(number):
            is_made_up = True
    if is_made_up:
        found.append(MADE_UP_OWNER)
    if (code := wire.MaHoSo) and code[-6:-5] == "-" and code[-5:].isdecimal():
        found.append(RANDOM_CODE)
    if wire.TrangThaiHoSo == FINISHED and (rounds := wire.DanhSachHoSoBoSung):
        last = rounds[-1]
        if last.NgayBoSung and not last.NgayTiepNhanBoSung:
            found.append(FINISHED_IN_SUPPLEMENT)
    if wire.DanhSachGiayToKetQua and wire.TaiLieuNop:
        submitted = {each.DuongDanTaiTepTin for each in wire.TaiLieuNop} - {None, ""}
        if any(each.DuongDanTepTinKetQua in submitted for each in wire.DanhSachGiayToKetQua):
            found.append(SUBMITTED_AS_RESULT)
    return found


def made_up(number: str | None) -> bool:
    """Whether a number is one digit over and over, at most the last another."""
    if not number or number[:3] not in REPEATED or len(number) < SHORTEST_NUMBER:
        return False
    return number[:-1] == number[0] * (len(number) - 1)
