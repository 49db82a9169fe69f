"""The demo's ward: figures recomputed from what is sent, codes, terms, order, repeatability."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from hub.demo import scenario, ward
from hub.demo.place import PHUC_LOI, THANH_HOA
from hub.demo.scenario import Figures, Scenario, Shares
from hub.wire.dvcqg.reading import dossier_of, progress_of
from hub.wire.dvcqg.rules import dossier_faults, progress_faults
from hub.worktime import VIETNAM_CALENDAR, WORKING_DAY

LEGAL = {  # domain notes 3.5
    "2": {"4", "5", "6", "7", "8", "9"},
    "4": {"4", "5", "6", "7", "8", "9"},
    "5": {"2", "4", "7", "8"},
    "9": {"4", "10"},
}


@pytest.fixture(scope="module")
def eight_months() -> Scenario:
    return scenario.invent()


def forms(played: Scenario) -> Iterator[Any]:
    for call in played.calls:
        if call.service == "DongBoHoSoMC":
            yield from call.items


def steps(played: Scenario) -> Iterator[Any]:
    for call in played.calls:
        if call.service == "CapNhatTienDoHoSoMC":
            yield from call.items


def counted(played: Scenario) -> Figures:
    """The figures, read from the last form of each dossier by calendar date (domain notes 8.5)."""
    last = {form["MaHoSo"]: form for form in forms(played)}
    classes: Counter[str] = Counter()
    for form in last.values():
        done, due = form["NgayKetThucXuLy"][:8], form["NgayHenTra"][:8]
        classes[
            "open" if not done else "early" if done < due else "on" if done == due else "late"
        ] += 1
    solved = len(last) - classes["open"]
    return Figures(
        len(last), solved, classes["early"], classes["on"], classes["late"], classes["open"]
    )


def test_the_published_figures_come_out(eight_months: Scenario) -> None:
    found = counted(eight_months)
    assert (found.received, found.solved, found.open, found.late) == (2452, 2451, 1, 0)
    assert found.early / found.solved > 0.97
    assert found == eight_months.expected


@pytest.mark.parametrize("count", [1, 2, 7, 60, 500, 4000, 9808])
def test_the_figures_scale_with_exact_accounting(count: int) -> None:
    played = scenario.invent(count)
    found = counted(played)
    assert found == played.expected
    assert found.received == count == found.solved + found.open
    assert found.solved == found.early + found.on_time + found.late
    assert found.open == max(1, round(count / 2452))
    assert found.late == 0
    assert found.early > 0.97 * found.solved or found.solved == 0


def test_no_dossier_is_no_scenario() -> None:
    with pytest.raises(ValueError, match="at least one"):
        scenario.invent(0)


def test_the_same_seed_gives_the_same_calls() -> None:
    assert scenario.invent(60).calls == scenario.invent(60).calls
    assert scenario.invent(60, seed=1).calls != scenario.invent(60, seed=2).calls


def test_codes_count_from_one_every_day_without_gap(eight_months: Scenario) -> None:
    numbers: dict[str, list[int]] = {}
    for form in forms(eight_months):
        if form["TrangThaiHoSo"] != "2":
            continue
        match = re.fullmatch(r"(H26\.19\.12)-(\d{6})-(\d{4})", form["MaHoSo"])
        assert match
        assert form["NgayTiepNhan"][2:8] == match[2]
        numbers.setdefault(match[2], []).append(int(match[3]))
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    assert len(numbers) > 150


def test_calls_come_in_time_order(eight_months: Scenario) -> None:
    moments = [call.at for call in eight_months.calls]
    assert moments == sorted(moments)
    assert moments[0].year == moments[-1].year == 2023
    assert moments[-1].month == 8


def test_each_dossier_is_created_once_then_updated_through_legal_statuses(
    eight_months: Scenario,
) -> None:
    by_code: dict[str, list[Any]] = {}
    for call in eight_months.calls:
        assert {item["MaHoSo"] for item in call.items} == {call.code}
        by_code.setdefault(call.code, []).append(call)
    for calls in by_code.values():
        forms_sent = [call for call in calls if call.service == "DongBoHoSoMC"]
        rows = [row for call in calls if call not in forms_sent for row in call.items]
        assert calls[0] is forms_sent[0]
        assert [call.updating for call in forms_sent] == [False] + [True] * (len(forms_sent) - 1)
        assert (rows[0]["TrangThai"], rows[0]["NoiDungXuLy"]) == ("2", "Tiếp nhận hồ sơ")
        for before, after in pairwise(rows):
            assert after["TrangThai"] in LEGAL[before["TrangThai"]]
            assert before["ThoiDiemXuLy"] <= after["ThoiDiemXuLy"]
        for form_call, steps_call in pairwise(calls):
            if form_call.service == steps_call.service == "DongBoHoSoMC":
                pytest.fail("a form is followed by the step that it tells")
            if form_call.service == "DongBoHoSoMC":
                told = form_call.items[0]["TrangThaiHoSo"]
                assert told == steps_call.items[0]["TrangThai"]


def test_every_dossier_but_the_open_one_ends_returned(eight_months: Scenario) -> None:
    last = {row["MaHoSo"]: row["TrangThai"] for row in steps(eight_months)}
    assert Counter(last.values()) == {"10": 2451, "4": 1}


def test_appointments_are_of_the_unshortened_term_and_work_of_the_shortened(
    eight_months: Scenario,
) -> None:
    terms = {
        "2.000815": (1, 0),
        "2.000884": (1, 0),
        "1.000656": (1, 0),
        "1.004873": (3, 1),
        "1.000689": (5, 3),
        "1.004859": (5, 3),
    }
    seen = Counter[str]()
    for form in forms(eight_months):
        if form["TrangThaiHoSo"] != "10":
            continue
        seen[form["MaTTHC"]] += 1
        statutory, shortened = terms[form["MaTTHC"]]
        rounds = form["DanhSachHoSoBoSung"]
        start = instant(rounds[0]["NgayTiepNhanBoSung"] if rounds else form["NgayTiepNhan"])
        due, done = instant(form["NgayHenTra"]), instant(form["NgayKetThucXuLy"])
        assert due == VIETNAM_CALENDAR.add(start, statutory * WORKING_DAY)
        if shortened:
            assert done <= VIETNAM_CALENDAR.add(start, shortened * WORKING_DAY)
        else:
            in_time = done.date() == start.date()
            assert in_time or (start.hour >= 15 and done.date() == due.date() and done < due)
    assert set(seen) == set(terms)
    assert seen.most_common(1)[0][0] == "2.000815"


def instant(text: str) -> datetime:
    return datetime.strptime(f"{text}+0700", "%Y%m%d%H%M%S%z")


def test_the_desk_works_only_when_it_is_open(eight_months: Scenario) -> None:
    for row in steps(eight_months):
        moment = instant(row["ThoiDiemXuLy"])
        assert VIETNAM_CALENDAR.next_instant(moment) == moment


def test_nothing_is_sent_before_it_happens(eight_months: Scenario) -> None:
    for call in eight_months.calls:
        now = call.at.strftime("%Y%m%d%H%M%S")
        for item in call.items:
            happened = {"NgayNopHoSo", "NgayTiepNhan", "NgayKetThucXuLy", "NgayTra", "ThoiDiemXuLy"}
            assert all(item[name] <= now for name in happened & item.keys())


def test_all_ways_of_filing_returning_and_asking_occur(eight_months: Scenario) -> None:
    last = {form["MaHoSo"]: form for form in forms(eight_months)}.values()
    assert {form["KenhThucHien"] for form in last} == {"1", "2"}
    assert {form["HinhThuc"] for form in last} == {"0", "1"}
    assert sum(bool(form["DanhSachHoSoBoSung"]) for form in last) > 10
    assert {form["DuocThanhToanTrucTuyen"] for form in last} == {"0", "1", "3"}


def test_the_portals_field_rules_find_nothing(eight_months: Scenario) -> None:
    for form in forms(eight_months):
        wire = dossier_of(form)
        assert dossier_faults(wire) == []
        assert not wire.__pydantic_extra__
    for row in steps(eight_months):
        wire_step = progress_of(row)
        assert progress_faults(wire_step) == []
        assert not wire_step.__pydantic_extra__


def test_a_call_carries_at_most_ten_steps(eight_months: Scenario) -> None:
    assert max(len(call.items) for call in eight_months.calls) <= 10


def test_fees_follow_the_number_of_copies(eight_months: Scenario) -> None:
    for dossier in eight_months.dossiers:
        assert dossier.fee_vnd == dossier.copies * dossier.course.procedure.fee_vnd
    copies = [
        dossier.copies
        for dossier in eight_months.dossiers
        if dossier.course.procedure is ward.CERTIFIED_COPY
    ]
    assert min(copies) == 1
    assert max(copies) > 5


def test_shares_decide_who_pays_online_and_whom_the_post_serves(eight_months: Scenario) -> None:
    online = [one for one in eight_months.dossiers if one.course.is_online]
    assert len(eight_months.paying) == round(0.5 * sum(one.fee_vnd > 0 for one in online))
    assert all(one.course.is_online and one.fee_vnd for one in eight_months.paying.values())
    assert 0.2 < len(eight_months.posted) / len(online) < 0.4
    assert all(one.course.is_online for one in eight_months.posted.values())
    nobody = scenario.invent(300, using=Shares(payment=0, post=0))
    assert (len(nobody.paying), len(nobody.posted)) == (0, 0)
    everybody = scenario.invent(300, using=Shares(payment=1, post=1))
    solved = [one for one in everybody.dossiers if one.course.finished_at]
    assert len(everybody.paying) == sum(
        one.course.is_online and one.fee_vnd > 0 for one in everybody.dossiers
    )
    assert set(everybody.posted) == {one.code for one in solved if one.course.is_online}
    for played in (nobody, everybody):
        assert counted(played) == played.expected


def test_how_many_pay_changes_nothing_else() -> None:
    few, many = (scenario.invent(200, using=Shares(payment=share)) for share in (0.1, 0.9))
    assert [one.course for one in few.dossiers] == [one.course for one in many.dossiers]
    assert set(few.paying) != set(many.paying)


def test_only_what_is_paid_is_told_as_paid_online(eight_months: Scenario) -> None:
    for form in forms(eight_months):
        is_paid = form["MaHoSo"] in eight_months.paying and form["TrangThaiHoSo"] != "2"
        assert (form["DuocThanhToanTrucTuyen"] == "1") == is_paid


def test_a_citys_day_is_a_250th_of_its_year() -> None:
    played = scenario.invent(place=THANH_HOA)
    assert counted(played) == played.expected
    assert (played.expected.received, played.expected.late) == (116, 0)
    assert {one.course.received_at.date() for one in played.dossiers} == {THANH_HOA.first_day}
    assert all(one.course.is_online for one in played.dossiers)
    assert {one.code.partition("-")[0] for one in played.dossiers} == set(THANH_HOA.units)
    assert len(played.paying) > 50
    assert played.posted == {}
    assert THANH_HOA.traffic is not None
    assert THANH_HOA.traffic.documents == 430


def test_a_city_may_be_less_busy() -> None:
    busy = THANH_HOA.busy(5, None).traffic
    assert busy is not None
    assert (busy.documents, busy.petitions) == (5, 12)
    assert PHUC_LOI.busy(5, 5) == PHUC_LOI


def test_nobody_in_it_can_exist(eight_months: Scenario) -> None:
    for form in forms(eight_months):
        assert re.fullmatch(r"099\d{9}", form["SoGiayToChuHoSo"])
        assert form["SoGiayToChuHoSo"] == form["DinhDanhCHS"][0]["SoDinhDanh"]
        assert form["Email"].endswith(".example")
        assert form["SoDienThoai"].startswith("0900000")
