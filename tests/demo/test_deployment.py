"""The deployment of a run: its hub.yaml is one that the hub takes, and holds no secret."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hub.demo.deployment import FAULTS, ROUTE, Deployment, History
from hub.settings import load_settings
from hub.simulation import load_script

SERVER = "postgresql://somebody:a-password@127.0.0.1:5432/postgres"


def planned(folder: Path, *, faults: bool = False) -> Deployment:
    return Deployment.plan(folder, "127.0.0.1:9092", SERVER, faults=faults)


def test_the_hub_takes_the_written_settings(tmp_path: Path) -> None:
    deployment = planned(tmp_path)
    deployment.write()
    settings = load_settings(deployment.config, {})
    assert settings.kafka.prefix == f"{deployment.name}."
    assert settings.postgres.url.get_secret_value() == deployment.postgres
    assert deployment.postgres.endswith(f"/{deployment.name}")
    assert set(settings.connectors) == {"one_stop", "national_portal"}
    assert ROUTE in settings.routes
    assert settings.gateway.port == deployment.gateway


def test_faults_make_the_route_impatient(tmp_path: Path) -> None:
    calm, hasty = planned(tmp_path), planned(tmp_path, faults=True)
    calm.write()
    terms = load_settings(calm.config, {}).routes[ROUTE].terms
    hasty.write()
    impatient = load_settings(hasty.config, {}).routes[ROUTE].terms
    assert impatient.timeout_seconds < terms.timeout_seconds
    assert impatient.round_wait_initial_seconds < terms.round_wait_initial_seconds


def test_secrets_lie_beside_the_settings_for_their_owner_only(tmp_path: Path) -> None:
    deployment = planned(tmp_path)
    deployment.write()
    text = deployment.config.read_text("utf-8")
    assert "a-password" not in text
    assert deployment.password not in text
    secrets = list(tmp_path.glob("*.secret"))
    assert len(secrets) == 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in secrets} == {0o600}


def test_two_runs_have_nothing_in_common(tmp_path: Path) -> None:
    one, other = planned(tmp_path), planned(tmp_path)
    assert one.name != other.name
    assert one.password != other.password
    assert len({one.gateway, one.management, one.portal}) == 3


def test_the_history_survives_rubbish_and_names_only_demos(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.names() == []
    history.write(["demo_1", "demo_2"])
    assert history.names() == ["demo_1", "demo_2"]
    (tmp_path / "made.json").write_text('["postgres", 7, "demo_3"]')
    assert history.names() == ["demo_3"]
    (tmp_path / "made.json").write_text("{")
    assert history.names() == []


@pytest.mark.parametrize("name", ["slow", "429", "5xx", "expired_session", "malformed"])
def test_the_fault_script_plays_this(name: str) -> None:
    assert name in {fault.fault for fault in load_script(FAULTS).faults}


def test_the_fault_script_times_out_after_success_in_both_ways() -> None:
    faults = [each for each in load_script(FAULTS).faults if each.fault == "timeout_after_success"]
    assert {fault.then for fault in faults} == {"silence", "cut"}
