"""The page that a kept demo ends with, and the papers of its story."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.demo.cast import KINDS
from hub.demo.pages import addresses_page
from hub.demo.papers import LASTS, appointment, received_before
from hub.demo.place import HUNG_YEN, PHUC_LOI
from hub.demo.practice import write_practice
from hub.worktime import VIETNAM
from tests.demo.test_deployment import planned


def test_every_counterpart_has_its_address_and_one_line_names_the_hub(tmp_path: Path) -> None:
    deployment = planned(tmp_path)
    page = addresses_page(deployment, "H1-1", "H1-2")
    for kind in KINDS:
        assert f"{kind}, simulated" in page
        assert f"{deployment.url_of(kind)}/_control/state" in page
    [exported] = [line for line in page.splitlines() if line.strip().startswith("export ")]
    assert f"HUB_CONFIG={deployment.config} " in exported
    assert f"PRODUCT={deployment.url_of('one_stop')} DOSSIER=H1-2" in exported
    assert "--config" not in page


def test_what_to_export_makes_the_command_known(tmp_path: Path) -> None:
    page = addresses_page(planned(tmp_path), "H1-1", "H1-2")
    [exported] = [line for line in page.splitlines() if line.strip().startswith("export ")]
    script = f"{exported.strip()}; command -v hub"
    done = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True)
    assert done.stdout.strip() == str(Path(sys.executable).with_name("hub"))


def test_a_place_without_a_product_has_nothing_to_practise_on(tmp_path: Path) -> None:
    page = addresses_page(planned(tmp_path, place=HUNG_YEN), "H1-1", "")
    assert "DOSSIER" not in page
    assert "practice" not in page


@pytest.mark.parametrize(
    "now", ["2026-11-26T08:10", "2026-11-26T23:59", "2026-11-29T12:00", "2026-02-21T09:00"]
)
def test_the_story_and_the_practice_lie_in_the_past(now: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=VIETNAM)
    received = received_before(moment)
    assert moment - timedelta(days=15) < received <= moment - LASTS


@pytest.mark.parametrize("now", ["2026-12-30T16:00", "2027-01-04T08:00", "2031-02-28T23:59"])
def test_the_story_is_told_in_a_year_without_a_table_too(now: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=VIETNAM)
    received = received_before(moment)
    assert moment - timedelta(days=15) < received <= moment - LASTS
    assert timedelta(days=3) <= appointment(received) - received < timedelta(days=15)
    assert appointment(received).weekday() < 5


def test_the_practice_dossier_has_two_calls_and_the_unit_s_code(tmp_path: Path) -> None:
    code = write_practice(planned(tmp_path))
    unit = next(iter(PHUC_LOI.units))
    assert code.startswith(f"{unit}-")
    calls = [json.loads((tmp_path / f"practice-{n}.json").read_text("utf-8")) for n in (1, 2)]
    assert [call["isUpdating"] for call in calls] == [False, True]
    assert [call["data"][0]["TrangThaiHoSo"] for call in calls] == ["2", "4"]
    assert {call["data"][0]["MaHoSo"] for call in calls} == {code}
