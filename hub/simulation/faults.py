"""The fault script: what goes wrong at a simulator, for which calls, and when.

A script is YAML (or JSON):

    seed: 7
    faults:
      - {fault: slow, seconds: 0.02}
      - {fault: "429", operation: DongBoHoSoMC, share: 0.05, retry_after_seconds: 2}
      - {fault: 5xx, status: 503, until_seconds: 2, repeat_seconds: 30}
      - {fault: refuse, subject_share: 0.05, error_code: "99"}
      - {fault: timeout_after_success, next_calls: 1}

`slow` adds to whatever else happens; of the other faults the first that matches is played.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hub.errors import ConfigError

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]


class Fault(BaseModel):
    """Which calls a fault meets; all conditions must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    operation: str = Field("*", description="Operations it meets; `*` and `?` allowed.")
    subject: str = Field("*", description="Subjects it meets; `*` and `?` allowed.")
    subject_share: Share = Field(
        1, description="Share of subjects, always the same ones; calls about none are in no share."
    )
    share: Share = Field(1, description="Share of the calls that meet the other conditions.")
    next_calls: int | None = Field(None, ge=1, description="Only so many calls, then never.")
    from_seconds: Seconds = Field(0, description="Start, counted from when the script began.")
    until_seconds: Seconds | None = Field(None, description="End on the same clock.")
    repeat_seconds: float | None = Field(None, gt=0, description="The clock starts anew after it.")


class Slow(Fault):
    """The call takes effect at once; its answer comes later."""

    fault: Literal["slow"]
    seconds: Seconds = Field(description="Wait before the answer.")


class TooManyRequests(Fault):
    """HTTP 429 without effect."""

    fault: Literal["429"]
    retry_after_seconds: Seconds = Field(1, description="What Retry-After asks for.")
    retry_after_form: Literal["seconds", "date", "none"] = Field(
        "seconds", description="How Retry-After says it."
    )


class ServerError(Fault):
    """An HTTP 5xx answer without effect."""

    fault: Literal["5xx"]
    status: int = Field(500, ge=500, le=599, description="HTTP status.")
    retry_after_seconds: Seconds | None = Field(None, description="Retry-After, if any.")


class ExpiredSession(Fault):
    """The caller's session ends just before this call."""

    fault: Literal["expired_session"]


class TimeoutAfterSuccess(Fault):
    """The call takes effect and is never answered."""

    fault: Literal["timeout_after_success"]
    then: Literal["silence", "cut"] = Field(
        "silence", description="silence: until the caller leaves; cut: break off in the answer."
    )


class TimeoutWithoutEffect(Fault):
    """The call is lost: no effect, no answer."""

    fault: Literal["timeout_without_effect"]
    then: Literal["silence", "cut"] = Field(
        "silence", description="silence: until the caller leaves; cut: break off in the answer."
    )


class Malformed(Fault):
    """The answer is HTTP 200 with a body that is not of the documented form."""

    fault: Literal["malformed"]
    body: str = Field('{"error_code":', description="What is answered.")
    effect: bool = Field(True, description="Whether the call takes effect.")


class Refuse(Fault):
    """A business refusal without effect, in the system's own form."""

    fault: Literal["refuse"]
    error_code: str = Field("99", description="The system's code.")
    message: str = Field("Từ chối theo kịch bản", description="The system's text.")


class Duplicate(Fault):
    """Answered (or sent, where the simulator is the sender) as if it happened twice."""

    fault: Literal["duplicate"]


AnyFault = Annotated[
    Slow
    | TooManyRequests
    | ServerError
    | ExpiredSession
    | TimeoutAfterSuccess
    | TimeoutWithoutEffect
    | Malformed
    | Refuse
    | Duplicate,
    Field(discriminator="fault"),
]


class FaultScript(BaseModel):
    """All faults of a run; the same seed and the same calls give the same faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    seed: int = Field(1, description="Seed of every random choice.")
    faults: tuple[AnyFault, ...] = Field((), description="In order of precedence.")

    @model_validator(mode="before")
    @classmethod
    def _name_as_text(cls, script: Any) -> Any:
        """YAML reads an unquoted 429 as a number."""
        if isinstance(script, dict) and isinstance(script.get("faults"), list):
            named = [
                {**fault, "fault": str(fault["fault"])}
                if isinstance(fault, dict) and "fault" in fault
                else fault
                for fault in script["faults"]
            ]
            return {**script, "faults": named}
        return script


def read_script(text: str | bytes) -> FaultScript:
    """The fault script of a YAML or JSON text; an empty text has no faults.

    Raises:
        ConfigError: not YAML, or the path and kind of the first fault in it.
    """
    try:
        return FaultScript.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise ConfigError("the fault script is not YAML") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = "".join(f"/{step}" for step in first["loc"])
        raise ConfigError(f"fault script {path}: {first['msg']}") from error


def load_script(path: Path | None) -> FaultScript:
    """The fault script of a file; none: no faults.

    Raises:
        ConfigError: the file cannot be read, or `read_script` refuses it.
    """
    if path is None:
        return FaultScript()
    try:
        return read_script(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read the fault script {path}: {error.strerror}") from error
