"""The deployment of a run: its hub.yaml is one that the hub takes, and holds no secret."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hub.connector import discover
from hub.demo.cast import KINDS, MOUNT
from hub.demo.deployment import FAULTS, ROUTE, Deployment, History
from hub.demo.place import HUNG_YEN, PHUC_LOI, PLACES, THANH_HOA, Place
from hub.settings import load_settings
from hub.simulation import load_script

SERVER = "postgresql://somebody:a-password@127.0.0.1:5432/postgres"


def planned(folder: Path, *, faults: bool = False, place: Place = PHUC_LOI) -> Deployment:
    return Deployment.plan(folder, "127.0.0.1:9092", SERVER, faults=faults, place=place)


def test_the_hub_takes_the_written_settings(tmp_path: Path) -> None:
    deployment = planned(tmp_path)
    deployment.write()
    settings = load_settings(deployment.config, {})
    assert settings.kafka.prefix == f"{deployment.name}."
    assert settings.postgres.url.get_secret_value() == deployment.postgres
    assert deployment.postgres.endswith(f"/{deployment.name}")
    assert set(settings.connectors) == {"national_portal", *KINDS}
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
    assert len(secrets) == 8
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


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_hub_takes_what_is_written_for_every_place(tmp_path: Path, place: Place) -> None:
    deployment = planned(tmp_path, faults=True, place=place)
    deployment.write()
    settings = load_settings(deployment.config, {})
    assert set(settings.units) == set(place.units)
    assert set(settings.connectors) >= {"one_stop", *(c.kind for c in deployment.counterparts())}


def test_the_bank_calls_where_the_hub_listens(tmp_path: Path) -> None:
    deployment = planned(tmp_path)
    parts = {each.kind: each for each in deployment.counterparts()}
    url = parts["payment_gateway"].options["account"]["callback_url"]
    default = discover()["payment_gateway"].settings.model_fields["callback_endpoint"].default
    assert url == f"{deployment.gateway_url}{MOUNT}{default}"


def test_a_city_signs_with_a_key_of_its_own(tmp_path: Path) -> None:
    one, other = (planned(tmp_path, place=THANH_HOA) for _ in range(2))
    assert one.signer is not None
    assert other.signer is not None
    assert one.signer.certificate != other.signer.certificate
    one.write()
    assert one.signer.key not in one.config.read_text("utf-8") + one.cast.read_text("utf-8")
    assert stat.S_IMODE((tmp_path / "signing.secret").stat().st_mode) == 0o600
    assert planned(tmp_path).signer is None
    assert planned(tmp_path, place=HUNG_YEN).counterparts() == []
