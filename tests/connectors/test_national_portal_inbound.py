"""What the national portal pushes to the unit, over real HTTP, and what is read from it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette

from hub.connectors.national_portal.catalogue import Catalogues
from hub.connectors.national_portal.decode import CODE_ALIAS, decode
from hub.connectors.national_portal.endpoints import endpoints
from hub.connectors.national_portal.settings import NationalPortalSettings
from hub.errors import Unavailable
from hub.event import Alias, Event
from hub.simulation import running
from hub.wire.dvcqg.catalogues import AGENCIES, CATALOGUE, FIELDS, PROCEDURES
from tests.connectors.ground import MemoryGround
from tests.connectors.portal_examples import DOSSIER, UNIT, Portal, portal, portal_settings

NATIONAL = "G22.99-260105-000012"
TOKEN = "ma-truy-cap-cua-cong"
FILED = {**DOSSIER, "MaHoSo": NATIONAL, "NoiNopHoSo": "1", "TrangThaiHoSo": "1"}
STATE = {
    "TrangThai": "7",
    "MaHoSo": NATIONAL,
    "MaHoSoDonVi": "",
    "NoiDung": "Công dân xin rút",
    "NgayXuLy": "20260107030000",
    "TaiLieuXuLy": [],
}


def receiving(**changes: Any) -> NationalPortalSettings:
    """Settings of a unit that receives."""
    own = {"receives": {"token": TOKEN, **changes}}
    return portal_settings("http://portal.example", **own)


@dataclass
class Unit:
    """The unit's address, what stands behind it, and its answers to plain calls."""

    url: str
    settings: NationalPortalSettings
    ground: MemoryGround = field(default_factory=MemoryGround)

    async def hear(self, call: Any, *, token: str = TOKEN) -> dict[str, Any]:
        """The answer to one call: bytes as they are, anything else as JSON."""
        how = {"data": call} if isinstance(call, bytes) else {"json": call}
        headers = {"Authorization": token}
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.url, headers=headers, **how) as reply,
        ):
            assert reply.status == 200
            answer: dict[str, Any] = await reply.json()
            return answer

    def events(self) -> list[Event]:
        """What the accepted messages become."""
        items = [i for message in self.ground.messages for i in decode(message, self.settings)]
        return [item for item in items if isinstance(item, Event)]


@asynccontextmanager
async def unit(**changes: Any) -> AsyncIterator[Unit]:
    """A unit that receives with these settings changed."""
    settings, ground = receiving(**changes), MemoryGround()
    app = Starlette(routes=list(endpoints("national_portal", settings, ground)))
    async with running(app) as address:
        assert settings.receives is not None
        yield Unit(f"{address}{settings.receives.path}", settings, ground)


@pytest.fixture
async def door() -> AsyncIterator[Unit]:
    async with unit() as receiver:
        yield receiver


def call(data: Any, service: Any = "DongBoHoSoMC", **fields: Any) -> dict[str, Any]:
    return {"madonvi": UNIT, "service": service, "data": data, **fields}


async def test_a_pushed_dossier_is_submitted_under_the_portals_code(door: Unit) -> None:
    assert (await door.hear(call(FILED)))["error_code"] == 0
    (message,), (event,) = door.ground.messages, door.events()
    assert (message.key, message.headers["unit"]) == (NATIONAL, UNIT)
    assert (event.kind, event.subject) == ("dossier.submitted", NATIONAL)
    assert event.source == f"/connectors/national_portal/{UNIT}"
    assert [(a.kind, a.value, a.subject) for a in event.aliases] == [
        ("dossier.national_code", NATIONAL, NATIONAL)
    ]


@pytest.mark.parametrize(
    ("code", "kind"), [("", "submitted"), (None, "submitted"), (0, "progressed")]
)
async def test_only_a_dossier_without_a_status_is_new(door: Unit, code: Any, kind: str) -> None:
    await door.hear(call(FILED | {"TrangThaiHoSo": code}))
    (event,) = door.events()
    assert event.kind == f"dossier.{kind}"


async def test_a_refusal_names_the_dossier_only_by_what_is_a_code(door: Unit) -> None:
    for code in (NATIONAL, "Nguyễn Văn Mẫu"):
        await door.hear(call(FILED | {"MaHoSo": code, "TepDonDangKy": "?"}))
    assert [refusal.subject for refusal in door.ground.refusals] == [NATIONAL, ""]


async def test_a_repetition_is_answered_as_already_received(door: Unit) -> None:
    answers = [(await door.hear(call(FILED)))["error_code"] for _ in range(3)]
    assert answers == [0, 1, 1]
    assert len(door.ground.messages) == 1


async def test_a_dossier_that_comes_back_changed_and_changed_again_is_taken_each_time(
    door: Unit,
) -> None:
    changed = FILED | {"GhiChu": "Bổ sung"}
    for item in (FILED, changed, FILED):
        assert (await door.hear(call(item, isUpdating="True")))["error_code"] == 0
    assert [event.data.updating for event in door.events()] == [True] * 3  # type: ignore[attr-defined] # dossier events


@pytest.mark.parametrize("flag", ["1", 1, "true", True, "True"])
async def test_an_update_says_so_in_any_spelling(door: Unit, flag: Any) -> None:
    await door.hear(call(FILED, isUpdating=flag))
    assert [event.data.updating for event in door.events()] == [True]  # type: ignore[attr-defined] # a dossier event


async def test_of_several_dossiers_only_the_new_ones_are_taken(door: Unit) -> None:
    await door.hear(call(FILED))
    other = FILED | {"MaHoSo": "G22.99-260105-000099"}
    assert (await door.hear(call([FILED, other])))["error_code"] == 0
    assert [message.key for message in door.ground.messages] == [NATIONAL, other["MaHoSo"]]


async def test_a_state_finds_its_dossier_by_the_portals_code_however_early(door: Unit) -> None:
    assert (await door.hear(call(STATE, "DongBoTrangThaiHoSo")))["error_code"] == 0
    await door.hear(call(FILED))
    state, filed = door.events()
    assert (state.kind, state.subject, state.about) == (
        "dossier.withdrawn",
        "",
        ("dossier.national_code", NATIONAL),
    )
    assert door.ground.messages[0].key == filed.subject


async def test_order_is_that_of_arrival_whatever_a_12_hour_clock_says(door: Unit) -> None:
    for moment in ("20260107150000", "20260107040000"):
        await door.hear(call(STATE | {"NgayXuLy": moment}, "DongBoTrangThaiHoSo"))
    assert [event.data.step.at.hour for event in door.events()] == [15, 4]  # type: ignore[attr-defined] # dossier events


async def test_a_dossier_known_by_the_units_code_keeps_that_subject(door: Unit) -> None:
    own = "H99.01-260105-0012"
    await door.ground.remember([Alias(CODE_ALIAS, NATIONAL, own)])
    await door.hear(call(FILED))
    (event,) = door.events()
    assert (event.subject, door.ground.messages[0].key) == (own, own)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed"),
        (b"[]", "malformed"),
        (b'{"a":1,"a":2}', "malformed"),
        (call([1]), "malformed"),
        (call(FILED, service="x y"), "malformed"),
        (call(FILED, service=["x"]), "malformed"),
        (call([]), "too_large"),
        (call([FILED] * 3), "too_large"),
        (call(FILED, madonvi="H88"), "wrong_unit"),
        ({"data": FILED}, "wrong_unit"),
        (call({}), "field_rules"),
        (call(FILED | {"MaHoSo": "x" * 101}), "field_rules"),
        (call(FILED | {"TepDonDangKy": "không phải"}), "field_rules"),
        (call(FILED | {"TaiLieuNop": [{"Base64": "AAAA"}] * 3}), "too_large"),
        (call(FILED | {"TepDonDangKy": "A" * 44}), "too_large"),
        (b" " * 5001, "too_large"),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_recorded(body: Any, code: str) -> None:
    limits = {
        "body_limit_bytes": 5000,
        "items_limit_count": 2,
        "files_limit_count": 2,
        "file_limit_bytes": 30,
    }
    async with unit(**limits) as door:
        assert (await door.hear(body))["error_code"] == -1
        assert [refusal.code for refusal in door.ground.refusals] == [code]
        assert not door.ground.messages


async def test_what_just_fits_the_limits_is_taken() -> None:
    content = base64.b64encode(b"x" * 30).decode()
    item = FILED | {"TepDonDangKy": content, "TaiLieuNop": [{"Base64": content}]}
    async with unit(items_limit_count=1, files_limit_count=2, file_limit_bytes=30) as door:
        assert (await door.hear(call([item])))["error_code"] == 0


@pytest.mark.parametrize("token", ["", "Bearer sai", TOKEN.upper()])
async def test_without_the_units_token_nothing_is_read(token: str) -> None:
    async with unit() as door:
        assert (await door.hear(call(FILED), token=token))["error_code"] == -1
        assert [refusal.code for refusal in door.ground.refusals] == ["wrong_credentials"]


async def test_while_kafka_is_away_the_portal_hears_a_failure(door: Unit) -> None:
    door.ground.kafka_is_away = True
    assert (await door.hear(call(FILED)))["error_code"] == -1
    door.ground.kafka_is_away = False
    assert (await door.hear(call(FILED)))["error_code"] == 0


async def test_files_inside_are_kept_and_named_by_reference(door: Unit) -> None:
    one, two = base64.b64encode(b"don").decode(), base64.b64encode(b"the le").decode()
    await door.hear(
        call(
            {
                "MaHoSo": NATIONAL,
                "TenThuongNhan": "Công ty TNHH Mẫu",
                "TenTepDonDangKy": "don.pdf",
                "TepDonDangKy": one,
                "TaiLieuNop": [{"TenTepDinhKem": "the-le.pdf", "Base64": two}],
            }
        )
    )
    (event,) = door.events()
    papers = event.data.dossier.attachments  # type: ignore[attr-defined] # a dossier event
    contents = [door.ground.blobs[paper.url.removeprefix("blob:")] for paper in papers]
    assert contents == [b"don", b"the le"]
    assert [paper.name for paper in papers] == ["don.pdf", "the-le.pdf"]
    assert one not in event.data.model_dump_json()


async def test_a_form_that_is_no_file_takes_no_others_place(door: Unit) -> None:
    papers = [
        {"TenTepDinhKem": f"{number}.pdf", "Base64": base64.b64encode(content).decode()}
        for number, content in enumerate((b"mot", b"hai"))
    ]
    await door.hear(call({"MaHoSo": NATIONAL, "TepDonDangKy": 5, "TaiLieuNop": papers}))
    (event,) = door.events()
    form, *others = event.data.dossier.attachments  # type: ignore[attr-defined] # a dossier event
    contents = [door.ground.blobs[paper.url.removeprefix("blob:")] for paper in others]
    assert (form.url, contents) == ("", [b"mot", b"hai"])


async def test_base64_in_lines_is_read(door: Unit) -> None:
    """Java's MIME encoder and .NET's with line breaks write it so."""
    text = base64.encodebytes(b"x" * 100).decode().replace("\n", "\r\n")
    answer = await door.hear(call({"MaHoSo": NATIONAL, "TepDonDangKy": text}))
    assert (answer["error_code"], list(door.ground.blobs.values())) == (0, [b"x" * 100])


@pytest.mark.parametrize(
    ("policy", "answer", "refusals", "taken"),
    [
        ("accept", 0, [], 1),
        ("warn", 0, ["procedure_unknown"], 1),
        ("refuse", -1, ["procedure_unknown"], 0),
    ],
)
async def test_an_unknown_procedure_is_taken_shown_or_refused(
    policy: str, answer: int, refusals: list[str], taken: int
) -> None:
    async with unit(unknown_procedure=policy) as door:
        await Catalogues("national_portal", door.ground).keep(PROCEDURES, [{"MATTHC": "1.900001"}])
        assert (await door.hear(call(FILED | {"MaTTHC": "9.999999"})))["error_code"] == answer
        assert [refusal.code for refusal in door.ground.refusals] == refusals
        known = FILED | {"MaTTHC": "1.900001.000.00.00.H99", "MaHoSo": "G22.99-260105-000013"}
        assert (await door.hear(call(known)))["error_code"] == 0
        assert len(door.ground.messages) == taken + 1


async def test_without_a_catalogue_every_procedure_is_taken() -> None:
    async with unit(unknown_procedure="refuse") as door:
        assert (await door.hear(call(FILED)))["error_code"] == 0


WARD = {"MADONVI": "H99.01", "TENDONVI": "Ủy ban nhân dân phường Mẫu"}


async def pulled(door: Unit, *, age_seconds: float = 0) -> None:
    """Catalogues of one procedure, one field and one agency, pulled so long ago."""
    catalogues = Catalogues("national_portal", door.ground)
    await catalogues.keep(PROCEDURES, [{"MATTHC": "1.009999"}])
    await catalogues.keep(FIELDS, [{"MALINHVUC": "LV01", "TENLINHVUC": "Hộ tịch"}, {}])
    await catalogues.keep(AGENCIES, [WARD, {"MADONVI": None}])
    for service in (PROCEDURES, FIELDS, AGENCIES):
        known = door.ground.known[CATALOGUE, f"national_portal/{service}"]
        then = {"pulled_at": str(int(known.facts["pulled_at"]) - int(age_seconds))}
        await door.ground.remember([replace(known, facts=then)])


async def doubts_of(door: Unit, **fields: Any) -> tuple[str, ...]:
    """What is doubted of a pushed dossier, which is taken all the same."""
    assert (await door.hear(call(FILED | fields)))["error_code"] == 0
    *_, event = door.events()
    told: tuple[str, ...] = event.data.dossier.doubts  # type: ignore[attr-defined] # a dossier event
    return told


@pytest.mark.parametrize(
    ("fields", "doubts"),
    [
        ({}, ()),
        ({"MaLinhVuc": " LV01 ", "DonViXuLy": "H99.01"}, ()),
        ({"DonViXuLy": "UBND Phường Mẫu"}, ()),
        ({"DonViXuLy": "Uỷ ban  nhân dân phường Mẫu"}, ()),
        ({"MaLinhVuc": "LV77"}, ("unknown_field",)),
        ({"DonViXuLy": "UBND phường Khác"}, ("unknown_agency",)),
        (
            {"MaLinhVuc": "LV77", "DonViXuLy": "Sở Khác", "SoGiayToChuHoSo": "000000001"},
            ("made_up_owner", "unknown_field", "unknown_agency"),
        ),
        ({"MaLinhVuc": "", "DonViXuLy": " "}, ()),
        ({"MaLinhVuc": None, "DonViXuLy": None}, ()),
    ],
)
async def test_a_field_or_agency_that_no_catalogue_has_is_told_as_a_doubt(
    door: Unit, fields: dict[str, Any], doubts: tuple[str, ...]
) -> None:
    await pulled(door)
    assert await doubts_of(door, **{"DonViXuLy": WARD["TENDONVI"], **fields}) == doubts
    assert door.ground.refusals == []


@pytest.mark.parametrize(
    ("age_seconds", "doubts"), [(86_400, ("unknown_field",)), (8 * 86_400, ())]
)
async def test_a_catalogue_that_was_pulled_too_long_ago_doubts_nothing(
    door: Unit, age_seconds: float, doubts: tuple[str, ...]
) -> None:
    await pulled(door, age_seconds=age_seconds)
    assert await doubts_of(door, MaLinhVuc="LV77", DonViXuLy="H99.01") == doubts


async def test_a_catalogue_that_was_pulled_too_long_ago_refuses_nothing_and_knows_the_rest() -> (
    None
):
    async with unit(unknown_procedure="refuse") as door:
        await pulled(door, age_seconds=8 * 86_400)
        assert (await door.hear(call(FILED | {"MaTTHC": "9.999999"})))["error_code"] == 0
        catalogues = Catalogues("national_portal", door.ground)
        assert await catalogues.knows_procedure("1.009999.000.00.00.H99") is True


@pytest.mark.parametrize(("over", "known"), [(0, False), (1, None)])
async def test_a_catalogue_says_that_something_is_unknown_as_long_as_it_is_trusted(
    over: int, known: bool | None
) -> None:
    now, ground = [1000.0], MemoryGround()
    catalogues = Catalogues("p", ground, trusted_seconds=100, clock=lambda: now[0])
    await catalogues.keep(FIELDS, [{"MALINHVUC": "LV01"}])
    now[0] += 100 + over
    assert await catalogues.knows(FIELDS, "LV77") is known
    assert await catalogues.knows(FIELDS, "LV01") is True


async def test_without_a_catalogue_nothing_is_doubted(door: Unit) -> None:
    assert await doubts_of(door, MaLinhVuc="LV77", DonViXuLy="Sở Khác") == ()


async def test_a_catalogue_of_other_columns_doubts_nothing(door: Unit) -> None:
    await Catalogues("national_portal", door.ground).keep(FIELDS, [{"MA": "LV01"}])
    assert await doubts_of(door, MaLinhVuc="LV77") == ()


async def test_a_catalogue_that_cannot_be_read_now_keeps_no_dossier_waiting() -> None:
    class Torn(MemoryGround):
        async def fetch(self, reference: str) -> bytes:
            raise Unavailable("the blob store is away")

    settings = receiving(unknown_procedure="accept")
    ground = Torn()
    async with running(
        Starlette(routes=list(endpoints("national_portal", settings, ground)))
    ) as at:
        assert settings.receives is not None
        door = Unit(f"{at}{settings.receives.path}", settings, ground)
        await pulled(door)
        assert await doubts_of(door, MaLinhVuc="LV77") == ()


async def test_a_pushed_state_is_asked_of_no_catalogue(door: Unit) -> None:
    await pulled(door)
    await door.hear(call(STATE | {"MaLinhVuc": "LV77"}, "DongBoTrangThaiHoSo"))
    assert [message.headers.get("doubts") for message in door.ground.messages] == [None]


@pytest.mark.parametrize(("trusted", "ok"), [(86_400, False), (86_401, True)])
def test_a_catalogue_is_trusted_longer_than_the_time_between_two_pulls(
    trusted: int, ok: bool
) -> None:
    polls = {"polls": {"catalogue_trusted_seconds": trusted}}
    with nullcontext() if ok else pytest.raises(ValidationError, match="must be longer"):
        portal_settings("http://portal.example", **polls)


def test_a_unit_that_does_not_receive_has_no_address() -> None:
    settings = portal_settings("http://portal.example")
    assert list(endpoints("national_portal", settings, MemoryGround())) == []


# The simulated portal pushes


async def submit(site: Portal, door: Unit, **told: Any) -> Any:
    address = f"{site.url}/_control/submit"
    body = {"url": door.url, "token": TOKEN, "call": call(FILED), **told}
    async with aiohttp.ClientSession() as http, http.post(address, json=body) as answer:
        return await answer.json()


async def test_the_simulated_portal_pushes_repeats_and_states_out_of_order(door: Unit) -> None:
    async with portal() as site:
        early = await submit(site, door, call=call(STATE, "DongBoTrangThaiHoSo"))
        repeated = await submit(site, door, times=2)
        await site.play({"fault": "duplicate", "operation": "submit", "next_calls": 1})
        again = await submit(site, door)
        gone = await submit(site, Unit("http://127.0.0.1:9/", door.settings))
        codes = [[reply["error_code"] for reply in each] for each in (early, repeated, again)]
        assert codes == [[0], [0, 1], [1, 1]]
        assert gone == ["ClientConnectorError"]
        assert (await site.look("state"))["pushed"] == 6
        assert [row["ok"] for row in site.log.last()] == [True, True, True, False]


async def test_claims_of_the_sign_on_become_the_applicant_and_stay_out_of_everything_else(
    door: Unit, caplog: pytest.LogCaptureFixture
) -> None:
    claims = {
        "LoaiTaiKhoan": "1",
        "SoDinhDanh": "001099777777",
        "HoVaTen": "Phạm Thị Kín",
        "TechID": "tech-bi-mat",
        "ThuDienTu": "kin@example.vn",
        "IAL": "2",
    }
    item = {k: v for k, v in FILED.items() if k not in ("ChuHoSo", "DinhDanhCHS")}
    await door.hear(call({**item, "ThongTinTaiKhoan": claims}))
    await door.hear(call({**item, "MaHoSo": "", "ThongTinTaiKhoan": claims}))
    (event,) = door.events()
    applicant = event.data.dossier.applicant  # type: ignore[attr-defined] # a dossier event
    assert (applicant.account_id, applicant.name) == ("tech-bi-mat", "Phạm Thị Kín")
    beside = [str(refusal) for refusal in door.ground.refusals]
    beside += [f"{m.key}{m.headers}{m.id}" for m in door.ground.messages]
    beside += [f"{event.natural_key}{event.aliases}{event.subject}", caplog.text]
    secrets = [claims[name] for name in claims if len(claims[name]) > 2]
    assert not [secret for secret in secrets for text in beside if secret in text]


async def test_an_outage_of_the_ground_is_told_without_content(door: Unit) -> None:
    class Away(MemoryGround):
        async def alias(self, kind: str, value: str) -> Alias | None:
            raise Unavailable("PostgreSQL is away")

    away = Away()
    app = Starlette(routes=list(endpoints("national_portal", door.settings, away)))
    async with running(app) as address:
        assert door.settings.receives is not None
        receiver = Unit(f"{address}{door.settings.receives.path}", door.settings, away)
        answer = await receiver.hear(call(FILED))
    assert answer["error_code"] == -1
    assert NATIONAL not in answer["message"]
    assert away.refusals[0].code == "try_again"
