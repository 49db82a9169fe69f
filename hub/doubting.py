"""Doubting: what a dossier's events say together that none of them says alone. Pure.

A sender is not stopped by this: nothing is refused, held or mended, because the table of legal
transitions is the hub's own reading of the statuses. It is told where the dossier stands
(`hub show dossier`).

Told by the recorder, and not where a message is decoded: to judge a transition one must know the
status before, and only the recorder does, who has read the dossier's standing already. decode is
pure, and asking the store for each message would put SQL into the healthy path. So a route cannot
look for these; what one message shows by itself stands in its event (`data.dossier.doubts`).

Source: domain notes 3.5 (legal transitions, quality hazards).
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.schemas.dossier import DossierStatus

ILLEGAL_TRANSITION = "illegal_transition"
MADE_UP_FINISH = "made_up_finish"

_S = DossierStatus
LEGAL: Mapping[str, frozenset[str]] = {
    _S.NEW: frozenset({_S.RECEIVED, _S.REFUSED, _S.SUPPLEMENT, _S.FINANCE, _S.WITHDRAWN}),
    _S.RECEIVED: frozenset(
        {_S.PROCESSING, _S.SUPPLEMENT, _S.FINANCE, _S.WITHDRAWN, _S.STOPPED, _S.DONE}
    ),
    _S.PROCESSING: frozenset({_S.SUPPLEMENT, _S.FINANCE, _S.WITHDRAWN, _S.STOPPED, _S.DONE}),
    _S.SUPPLEMENT: frozenset({_S.RECEIVED, _S.PROCESSING, _S.WITHDRAWN, _S.STOPPED}),
    _S.FINANCE: frozenset({_S.RECEIVED, _S.PROCESSING, _S.WITHDRAWN, _S.STOPPED}),
    _S.STOPPED: frozenset({_S.PROCESSING, _S.DONE, _S.RETURNED}),
    _S.DONE: frozenset({_S.PROCESSING, _S.RETURNED}),
    _S.REFUSED: frozenset(),
    _S.WITHDRAWN: frozenset(),
    _S.RETURNED: frozenset({_S.PROCESSING}),  # reopened
}
"""Status -> those that may follow it. One that is not here (`unknown`) is followed by any."""


def turn_doubts(before: str, now: str, *, untimed_step: bool) -> tuple[str, ...]:
    """What is doubtful about a dossier's going from one status to another.

    - `illegal_transition`: the table does not have it.
    - `made_up_finish`: a step says that it is finished, with nothing between that and its
      reception, and the dossier has no appointment. Products make such a step by themselves. Behind
      a step of processing it looks like the end of any dossier without a term, and is not doubted.

    Args:
        before, now: its statuses; the same is no transition.
        untimed_step: a step alone says so, of a dossier that was told without an appointment.
    """
    if before == now or before not in LEGAL or now not in LEGAL:
        return ()
    found = () if now in LEGAL[before] else (ILLEGAL_TRANSITION,)
    if untimed_step and now == _S.DONE and before in (_S.NEW, _S.RECEIVED):
        return (*found, MADE_UP_FINISH)
    return found
