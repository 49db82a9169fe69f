"""Every setting of the hub and of every connector keeps the rules, and the rules can refuse."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.settings import HubSettings
from tests.connectors.contract import importable
from tests.rules.settings import faults

SETTINGS: dict[str, type[BaseModel]] = {
    "hub": HubSettings,
    **{kind: connector.settings for kind, connector in importable().items()},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_described_typed_and_carry_their_unit(name: str) -> None:
    assert list(faults(SETTINGS[name])) == []


class Inner(BaseModel):
    """Settings with one fault of each kind."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    silent: str
    wait: float | None = Field(None, description="A wait.")
    both: str | int = Field("", description="A text or a number.")
    base_url: str = Field("http://localhost", description="A place.")
    password: str = Field(description="A secret.")


class Outer(BaseModel):
    """Settings that hold the others, and take every key."""

    right_seconds: float | None = Field(1, description="A wait with its unit.")
    right_url: str | None = Field(None, description="A place without a default.")
    right_password: SecretStr = Field(description="A secret that is one.")
    inner: dict[str, list[Inner]] = Field(description="The others.")


def test_the_rules_name_each_fault_however_deep() -> None:
    assert list(faults(Outer)) == [
        "Outer does not refuse unknown keys",
        "Outer shows its input in errors",
        "Inner.silent has no description",
        "Inner.wait is a number without a unit in its name",
        "Inner.both is a number without a unit in its name",
        "Inner.both has two types",
        "Inner.base_url has a default for a place",
        "Inner.password is a secret without a secret type",
    ]
