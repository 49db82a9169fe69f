"""Route: these kinds of event go to that connector, under these terms."""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hub.fields import Count

Seconds = Annotated[float, Field(ge=0)]


class AfterDead(StrEnum):
    """What happens to a subject's followers when its head is dead."""

    HOLD = "hold"
    CONTINUE = "continue"


class Terms(BaseModel):
    """How a route delivers. The defaults are safe; hub.yaml overrides them per route."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    timeout_seconds: Seconds = Field(60, description="Longest wait for one call's answer.")
    attempts_count: Count = Field(3, description="Calls in one go before the lane is parked.")
    wait_initial_seconds: Seconds = Field(0.2, description="Wait before the second call; doubles.")
    wait_max_seconds: Seconds = Field(2, description="Longest wait between calls in one go.")
    patience_seconds: Seconds = Field(
        10, description="Time from a lane's first trouble until it is parked."
    )
    rounds_count: Count = Field(
        12, description="Rounds out of the store before an undocumented refusal is dead."
    )
    round_wait_initial_seconds: Seconds = Field(
        30, description="Wait before a parked subject's first round; doubles."
    )
    round_wait_max_seconds: Seconds = Field(3600, description="Longest wait between rounds.")
    concurrency_count: Count = Field(
        64, description="Subjects delivered side by side, over all workers of the route."
    )
    rate_per_second: float | None = Field(
        None, gt=0, description="Calls a second to this destination over all workers; none: free."
    )
    window_count: Count = Field(
        2000, le=20_000, description="Span of offsets per partition between watermark and head."
    )
    window_bytes: Count = Field(
        8_000_000, description="Bytes of messages kept in memory per partition."
    )
    expires_after_seconds: Seconds | None = Field(
        None, description="An event older than this is dead with reason `expired`; none: never."
    )
    after_dead: AfterDead = Field(
        AfterDead.HOLD, description="hold: followers wait for a person; continue: they flow."
    )
    breaker_subjects_count: Count = Field(
        20, description="Different subjects failing in a row that open the breaker."
    )
    breaker_open_seconds: Seconds = Field(
        5, description="Wait before the breaker's first probe; doubles up to one minute."
    )
    dead_limit_count: Count = Field(100, description="Dead letters in a row that stop the route.")


class Route(BaseModel):
    """These kinds of event go to that connector.

    `kinds` are exact (`dossier.received`) or patterns with `*` (`dossier.*`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}$", description="Consumer group's name.")
    to: str = Field(description="Name of the connector instance that delivers.")
    kinds: tuple[str, ...] = Field(min_length=1, description="Event kinds, `*` allowed.")
    when: str = Field(
        "",
        max_length=1000,
        description="CEL over kind, source, subject, unit, data; only events for which it is true.",
    )
    terms: Terms = Field(default_factory=Terms, description="How it delivers.")
    paused: bool = Field(False, description="Start paused; Kafka keeps the backlog.")

    def takes(self, kind: str) -> bool:
        """Whether the route lists this kind."""
        return any(fnmatchcase(kind, pattern) for pattern in self.kinds)
