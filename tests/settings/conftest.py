"""A settings file made of a text, with connectors that only these tests have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.connector import Connector, ConnectorSettings
from hub.fields import OwnUnit, PeerName
from hub.route import Route, Terms
from hub.settings import Finding, HubSettings, SettingsError, load_settings


class ToyAccount(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    username: str = Field(description="User.")
    password: SecretStr = Field(min_length=4, description="Password.")


class ToySettings(ConnectorSettings):
    url: str = Field(description="Address of the toy.")
    timeout_seconds: float = Field(5, gt=0, description="Longest wait.")
    token: SecretStr | None = Field(None, min_length=8, max_length=40, description="Token.")
    accounts: dict[str, ToyAccount] = Field(default_factory=dict, description="Accounts.")
    spare: tuple[ToyAccount, ...] = Field((), description="Spare accounts.")
    shelves: dict[OwnUnit, str] = Field(default_factory=dict, description="Shelf of each unit.")
    asks: PeerName | None = Field(None, description="Who answers.")


def _never(*_: object) -> Any:
    raise AssertionError("the loader makes no client")


TOY = Connector(
    kind="toy",
    title_vi="Đồ chơi",
    title_en="Toy",
    settings=ToySettings,
    client=_never,
)
EAR = Connector(kind="ear", title_vi="Tai", title_en="Ear", settings=ConnectorSettings)
STANDARD = {
    "dossiers-to-toy": Route(
        name="dossiers-to-toy",
        to="toy",
        kinds=("dossier.*",),
        terms=Terms(timeout_seconds=7, attempts_count=2),
    )
}

MINIMAL = """\
version: 1
kafka:
  bootstrap_servers: localhost:9092
postgres:
  url: ${env:PG}
blobs:
  url: file://blobs
connectors:
  toy:
    url: http://toy.example
"""

Load = Callable[..., HubSettings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a text as hub.yaml; environment as a mapping."""

    def act(text: str, environ: Mapping[str, str] | None = None) -> HubSettings:
        file = tmp_path / "hub.yaml"
        file.write_text(text, encoding="utf-8")
        given = {"PG": "postgresql://db.example/hub"} if environ is None else environ
        return load_settings(file, given, connectors={"toy": TOY, "ear": EAR}, routes=STANDARD)

    return act


Findings = Callable[..., list[Finding]]


@pytest.fixture
def findings(load: Load) -> Findings:
    """What is wrong with a text; fails when nothing is."""

    def act(text: str, environ: Mapping[str, str] | None = None) -> list[Finding]:
        with pytest.raises(SettingsError) as caught:
            load(text, environ)
        return list(caught.value.findings)

    return act
