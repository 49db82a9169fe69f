"""What the platform's answers mean: spellings, HTTP statuses, and whom a refusal concerns."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from hub.errors import HubError, Misconfigured, Rejected, Unavailable
from hub.simulation import running
from tests.connectors.platform_examples import SEND_TOKEN, Site, platform
from tests.connectors.portal_examples import CODE, UNIT, dossier_event, step_event

SYNC = "DongBoHoSoMC"
OTHER_UNIT = "H99.02"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with platform() as running_platform:
        yield running_platform


async def refused(site: Site, *events: Any) -> HubError:
    with pytest.raises(HubError) as caught:
        await site.deliver(*events)
    return caught.value


async def test_a_dossier_that_is_gone_is_sent_as_new_whatever_the_code_of_the_answer(
    site: Site,
) -> None:
    site.client._known[UNIT, CODE] = None
    gone = {"fault": "refuse", "error_code": "0", "message": "Hồ sơ không tồn tại"}
    await site.play({**gone, "next_calls": 1})
    await site.deliver(dossier_event())
    assert [row["ok"] for row in site.log.last()] == [False, True]


async def test_code_0_with_words_of_a_failure_is_no_success(site: Site) -> None:
    said = {"fault": "refuse", "error_code": "0", "message": "Đồng bộ KHÔNG thành công"}
    await site.play({**said, "next_calls": 1})
    assert isinstance(await refused(site, dossier_event()), Rejected)


@pytest.mark.parametrize("profile", ["adapter", "ministry"])
async def test_of_several_steps_that_exist_in_part_none_is_lost(profile: str) -> None:
    """The platform does not tell which of them it has."""
    async with platform(profile=profile) as site:
        await site.deliver(dossier_event())
        exists = {"fault": "refuse", "error_code": "3", "message": "Đã tồn tại"}
        await site.play({**exists, "next_calls": 1})
        steps = [step_event(NoiDungXuLy=f"Bước #{number}") for number in range(3)]
        assert (await site.deliver(*steps)).foreign_code == "0"
        kept = (await site.look(f"dossiers/{CODE}"))["steps"]
    texts = [row.get("NoiDungXuLy") or row.get("comment") for row in kept]
    assert texts == ["Bước #0", "Bước #1", "Bước #2"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_words_are_understood_in_both_spellings_of_their_letters(
    site: Site, form: Literal["NFC", "NFD"]
) -> None:
    """Of one letter with its marks, or of letter and marks apart; a byte order mark before all."""
    await site.deliver(dossier_event())
    site.client._known.clear()
    said = unicodedata.normalize(form, '{"error_code": "0", "message": "Cập nhật THÀNH CÔNG"}')
    await site.play({"fault": "malformed", "body": f"\ufeff{said}"})
    assert (await site.deliver(step_event())).foreign_code == "0"
    told = {"error_code": "3", "message": unicodedata.normalize(form, "Hồ sơ đã tồn tại")}
    await site.play({"fault": "refuse", **told, "next_calls": 1})
    await site.deliver(dossier_event())
    assert [row["ok"] for row in site.log.last()][-2:] == [False, True]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(200, None), (302, Misconfigured), (403, Misconfigured), (400, Rejected)],
)
async def test_an_http_status_is_no_success_whatever_the_body_says(
    status: int, expected: type[HubError] | None
) -> None:
    async def answer(_: object) -> Response:
        told = b'{"error_code": "0", "message": "th\xc3\xa0nh c\xc3\xb4ng"}'
        return Response(told, status, media_type="application/json")

    route = Route(f"/SynsTTHCC/{SYNC}", answer, methods=["POST"])
    async with running(Starlette(routes=[route])) as url, platform(base_url=url) as site:
        if expected is None:
            await site.deliver(dossier_event())
        else:
            assert type(await refused(site, dossier_event())) is expected


@pytest.mark.parametrize(
    ("body", "status"),
    [("", 401), ('{"fault": {"code": 900901}}', 200), ('{"fault": {"code": 900908}}', 403)],
)
@pytest.mark.parametrize("other", [None, OTHER_UNIT])
async def test_a_units_own_token_that_is_refused_stops_no_other_unit(
    body: str, status: int, other: str | None
) -> None:
    """Where it is the only unit, every message would fail alike."""

    async def answer(_: object) -> Response:
        return Response(body, status, media_type="application/json")

    units = [UNIT] if other is None else [UNIT, other]
    accounts = {unit: {"token": SEND_TOKEN} for unit in units}
    route = Route(f"/SynsTTHCC/{SYNC}", answer, methods=["POST"])
    app = Starlette(routes=[route])
    async with running(app) as url, platform(base_url=url, accounts=accounts) as site:
        error = await refused(site, dossier_event())
    assert error.code == "account_refused"
    assert type(error) is (Misconfigured if other is None else Unavailable)
