"""Settings of a one-stop connector: who may send, and at which addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from hub.connector import ConnectorSettings

Path = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._~-]+)+$")]
UnitId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Account(BaseModel):
    """What one unit's product signs in with."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    username: str = Field(min_length=1, description="User name of the product's login.")
    password: SecretStr = Field(min_length=1, description="Password of the product's login.")
    lgsp_unit: UnitId | None = Field(
        None, description="MaDinhDanhDV of the provincial form; the unit's own id if left out."
    )
    lgsp_token: SecretStr | None = Field(
        None, description="Value of the token header of the provincial form; none: not offered."
    )


class OneStopSettings(ConnectorSettings):
    """One one-stop product, or several that share an address."""

    accounts: dict[UnitId, Account] = Field(
        min_length=1, description="Accounts by organisation id of the unit (madonvi)."
    )
    dstcode: str = Field(
        min_length=1, description="Destination member that products name in the header dstcode."
    )
    session_secret: SecretStr = Field(
        min_length=16, description="Signs sessions; the same for every gateway process."
    )
    session_seconds: float = Field(3600, gt=0, description="How long a session is valid.")
    auth_endpoint: Path = Field("/auth", description="Path of the session login.")
    integration_endpoint: Path = Field("/integration", description="Path of integration calls.")
    share_endpoint: Path = Field("/share", description="Path of share (catalogue) calls.")
    lgsp_endpoint: Path = Field(
        "/SynsTTHCC", description="Path of the provincial form, before the name of the operation."
    )
    lgsp_header: str = Field(
        "Authorization",
        pattern=r"^[A-Za-z0-9-]+$",
        description="Header that carries the token of the provincial form.",
    )
    reads_from: str | None = Field(
        None, description="Connector instance that answers look-ups; none: they are refused."
    )
    fields_of_year: Literal[2020, 2023] = Field(
        2023, description="Year of the interface whose mandatory fields are asked for."
    )
    body_limit_bytes: int = Field(5_000_000, ge=1, description="Largest body of one call.")
    items_limit_count: int = Field(500, ge=1, description="Most items in one call.")

    @model_validator(mode="after")
    def _tells_accounts_and_paths_apart(self) -> Self:
        _refuse_twice("username", (account.username for account in self.accounts.values()))
        _refuse_twice("lgsp_unit", (a.lgsp_unit or unit for unit, a in self.accounts.items()))
        _refuse_twice(
            "endpoint",
            (
                self.auth_endpoint,
                self.integration_endpoint,
                self.share_endpoint,
                self.lgsp_endpoint,
            ),
        )
        return self


def _refuse_twice(name: str, values: Iterable[str]) -> None:
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise ValueError(f"each {name} must be different")
