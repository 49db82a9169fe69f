"""Recount: the figures folded again from events, one by one, without PostgreSQL. Pure.

It must come to what the recorder's rows come to, as long as every event of the dossiers is still
there and the calendar is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from hub.answering import PetitionStanding, Vote, advance_petition, petition_of, vote_of
from hub.deadline import Rules
from hub.event import Event
from hub.quality import Period, Quality, Tally, quality_of, tally_of
from hub.schemas.petition import PetitionEvent
from hub.standing import RULES, Standing, advance

Counted = tuple[Tally, Quality]


class Recount:
    """Where dossiers and petitions stand, and the votes, after the events it was given in order.

    Args:
        rules: how deadlines move.
    """

    def __init__(self, rules: Rules = RULES) -> None:
        self.standings: dict[str, Standing] = {}
        self.pakn: dict[str, PetitionStanding] = {}
        self.votes: dict[str, Vote] = {}
        self._rules = rules

    def take(self, event: Event) -> None:
        """One more event; of a partition in order, partitions in any."""
        standing = advance(self.standings.get(event.subject), event, self._rules)
        if standing is not None:
            self.standings[event.subject] = standing
        if isinstance(event.data, PetitionEvent):
            name = petition_of(event.data)
            petition = advance_petition(self.pakn.get(name), event)
            if petition is not None:
                self.pakn[name] = petition
        vote = vote_of(event)
        if vote is not None:
            self.votes.setdefault(vote.vote, vote)

    def figures(self, unit: str | None, period: Period) -> Counted:
        """What one unit, or all together, have to show in a month."""
        standings = [each for each in self.standings.values() if unit in (None, each.unit)]
        pakn = [each for each in self.pakn.values() if unit in (None, each.unit)]
        votes = [each for each in self.votes.values() if unit in (None, each.unit)]
        return tally_of(standings, period), quality_of(standings, pakn, votes, period)


def differences(counted: Counted, recounted: Counted) -> Mapping[str, tuple[int, int]]:
    """Every figure in which two counts differ, by name."""
    first, second = ({**asdict(tally), **asdict(rest)} for tally, rest in (counted, recounted))
    return {name: (count, second[name]) for name, count in first.items() if count != second[name]}
