"""What people type: a dossier's timeline, held messages, acts, routes; on the real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hub.__main__ import commands
from hub.blobs import HEADER, open_blobs
from hub.commands.raw import Raw, fetch_raw
from hub.commands.show import moment, took
from hub.errors import HubError
from hub.event import Alias, Event
from hub.held import Act, Changes, Claim, HeldState, Settlement
from hub.kafka import Kafka
from hub.message import Message, Position
from hub.outcome import Outcome, Stage, State
from hub.schemas.dossier import Applicant, Dossier, DossierEvent, DossierStatus, Procedure
from hub.settings import HubSettings
from hub.store import Store
from hub.store.aliases import put_aliases
from hub.store.held import PostgresHeldStore
from hub.store.recording import Recording, record
from hub.store.timeline import Entry, in_order
from hub.worktime import VIETNAM
from tests.store.rows import ROUTE, message, on, queue

CODE = "000.00.01.H26-230301-0001"
UNIT = "000.00.01.H26"
AT = datetime(2023, 3, 1, 1, 30, 5, tzinfo=UTC)
NAME = "Nguyễn Văn An"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No hub.yaml of the machine, and no address but the test's."""
    monkeypatch.chdir(tmp_path)
    for name in ("HUB_CONFIG", "HUB_POSTGRES", "HUB_KAFKA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hub(migrated: str) -> Callable[..., Result]:
    """Types a command."""

    def run(*words: str) -> Result:
        return CliRunner().invoke(commands(), list(words), env={"HUB_POSTGRES": migrated})

    return run


def outcome(stage: Stage, state: State, minutes: int, **values: Any) -> Outcome:
    given: dict[str, Any] = {
        "name": "one_stop" if stage is not Stage.DELIVER else ROUTE,
        "subject": CODE,
        "at": AT + timedelta(minutes=minutes),
        "unit": UNIT,
        "message_id": "m-1",
    }
    return Outcome(stage=stage, state=state, **(given | values))


OUTCOMES = [
    outcome(Stage.RECEIVE, State.ACCEPTED, 0, position="in.one_stop/0/5"),
    outcome(Stage.DECODE, State.DECODED, 1, event_id="e-1", kind="dossier.received"),
    outcome(
        Stage.DELIVER,
        State.DELIVERED,
        2,
        event_id="e-1",
        kind="dossier.received",
        position="events/0/3",
        attempts=2,
        duration_ms=1234.0,
    ),
    outcome(Stage.RECEIVE, State.REFUSED, 3, reason="field_rules", text="/NgayNop: thiếu"),
]


def _event(**told: Any) -> Event:
    dossier = Dossier(
        **told,
        procedure=Procedure(code="1.001193", name="Đăng ký khai sinh"),
        applicant=Applicant(name=NAME, id_number="001088012345"),
        received_at=AT,
    )
    data = DossierEvent(code=CODE, unit=UNIT, status=DossierStatus.RECEIVED, dossier=dossier)
    made = Event("dossier.received", f"/connectors/one_stop/{UNIT}", CODE, AT, data, "k", "e-1")
    return Event(
        **{
            **{n: getattr(made, n) for n in made.__struct_fields__},
            "position": Position("events", 0, 3),
        }
    )


@pytest.fixture
def recorded(migrated: str) -> None:
    rows = [(Position("outcomes", 0, n), each) for n, each in enumerate(OUTCOMES)]
    on(migrated, lambda store: record(store, Recording(rows, [_event()], {})))
    on(migrated, lambda store: put_aliases(store, [Alias("parcel", "EA123VN", CODE)]))


async def _parked(store: Store, *, dead: bool = False) -> None:
    held = PostgresHeldStore(store)
    claim = await held.claim(ROUTE, 0, "w", 600)
    assert claim is not None
    await held.write(claim, queue(CODE, 7, 8, reason="timeout", text="no answer", dead=dead))


@pytest.fixture
def owner(migrated: str) -> Iterator[None]:
    """A partition's owner who does what people ask."""
    stop = threading.Event()

    async def serve(store: Store) -> None:
        held = PostgresHeldStore(store)
        claim = await held.claim(ROUTE, 0, "owner", 600)
        assert claim is not None
        while not stop.is_set():
            await _obey(held, claim)
            await asyncio.sleep(0.02)

    thread = threading.Thread(target=on, args=(migrated, serve))
    thread.start()
    yield
    stop.set()
    thread.join()


async def _obey(held: PostgresHeldStore, claim: Claim) -> None:
    for command in await held.commands([claim]):
        heads = await held.heads(ROUTE, [command.subject], 1)
        head = heads[command.subject][0]
        if command.act is Act.RELEASE and head.state is not HeldState.DEAD:
            result = {command.id: "refused: the head is not dead"}
            await held.write(claim, Changes(commands_done=result))
            continue
        settle = [Settlement(command.subject, head.event_id, head.position.offset + 1)]
        done = {command.id: f"done: {command.act} of {head.event_id}"}
        await held.write(
            claim, Changes(settle=settle if command.act is Act.SKIP else (), commands_done=done)
        )


@pytest.mark.usefixtures("recorded")
def test_a_dossiers_timeline_is_printed_in_vietnamese_time(hub: Any) -> None:
    result = hub("show", "dossier", CODE)
    assert result.exit_code == 0, result.output
    assert "Đăng ký khai sinh" in result.output
    lines = result.output.splitlines()
    [accepted] = [line for line in lines if "accepted" in line]
    assert accepted.startswith("01/03/2023 08:30:05")
    [delivered] = [line for line in lines if " delivered " in line and "dossier.received" in line]
    assert delivered.split()[2:] == [
        ROUTE,
        "out",
        "dossier.received",
        "delivered",
        "2",
        "1.2",
        "s",
        "m-1",
    ]
    assert f"now  {ROUTE}: đã giao / delivered" in result.output
    assert "delivered up to events/0/3" in result.output
    assert "thời hạn / deadline: trong hạn / in time" in result.output
    assert NAME not in result.output


def test_what_is_doubtful_about_a_dossier_is_shown(hub: Any, migrated: str) -> None:
    doubted = _event(doubts=("made_up_owner", "unknown_field"))
    on(migrated, lambda store: record(store, Recording([], [doubted], {})))
    assert "nghi vấn / doubts: made_up_owner unknown_field\n" in hub("show", "dossier", CODE).output


@pytest.mark.usefixtures("recorded")
def test_a_dossier_without_doubts_says_nothing_of_them(hub: Any) -> None:
    assert "doubts" not in hub("show", "dossier", CODE).output


@pytest.mark.usefixtures("recorded")
def test_a_parcel_number_finds_the_dossier(hub: Any) -> None:
    result = hub("show", "dossier", "EA123VN", "--json")
    found = json.loads(result.output)
    assert found["subject"] == CODE
    assert found["standing"]["status"] == "received"
    assert [row["state"] for row in found["timeline"]] == [o.state for o in OUTCOMES]
    assert [row["way"] for row in found["timeline"]] == ["in", "in", "out", "in"]
    assert found["now"][0]["situation"] == "delivered"


def test_an_unknown_dossier_is_said_to_be_unknown(hub: Any) -> None:
    result = hub("show", "dossier", "nobody")
    assert result.exit_code == 1
    assert "nothing_known" in result.output


@pytest.mark.usefixtures("recorded")
def test_a_parked_dossier_ends_with_cause_next_try_and_commands(hub: Any, migrated: str) -> None:
    on(migrated, _parked)
    output = hub("show", "dossier", CODE).output
    assert "parked, the hub will try again" in output
    assert "behind it: 1" in output
    assert "Đã gửi nhưng không có trả lời trong thời gian chờ." in output
    assert "Sent, and no answer came in time." in output
    assert f"$ hub held replay {ROUTE} {CODE} --reason …" in output


@pytest.mark.usefixtures("recorded")
def test_a_units_rejections_are_listed(hub: Any) -> None:
    output = hub("rejections", "--unit", UNIT).output
    assert "/NgayNop: thiếu" in output
    assert "field_rules" in output
    assert json.loads(hub("rejections", "--unit", UNIT, "--since", "7d", "--json").output) == []
    assert len(json.loads(hub("rejections", "--unit", UNIT, "--json").output)) == 1
    assert json.loads(hub("rejections", "--unit", "other", "--json").output) == []
    assert "unreadable_time" in hub("rejections", "--unit", UNIT, "--since", "soon").output


def test_a_long_refusal_is_wrapped_under_its_row(hub: Any, migrated: str) -> None:
    paths = "; ".join(f"/data/{n}/NgayTiepNhan: thiếu" for n in range(40))
    refused = outcome(Stage.RECEIVE, State.REFUSED, 3, reason="field_rules", text=paths)
    rows = [(Position("outcomes", 0, 0), refused)]
    on(migrated, lambda store: record(store, Recording(rows, [], {})))
    head, row, *notes = hub("rejections", "--unit", UNIT).output.splitlines()
    assert row.split()[2:] == [CODE, "at", "the", "door", "refused", "field_rules", "m-1"]
    assert len(head) < 130
    assert {len(note) <= 80 and note.startswith("    ") for note in notes} == {True}
    assert " ".join(" ".join(notes).split()) == paths


def test_lists_without_rows_say_so(hub: Any) -> None:
    empty = hub("rejections", "--unit", UNIT, "--since", "7d").output
    assert empty == f"nothing of unit {UNIT} was refused or died since 7d\n"
    assert hub("route", "window", "list").output == "no maintenance window is open or planned\n"
    assert "no route" in hub("route", "list").output


def entry(stage: Stage, milliseconds: int, message: str) -> Entry:
    at = AT + timedelta(milliseconds=milliseconds)
    states = {Stage.RECEIVE: State.ACCEPTED, Stage.DECODE: State.DECODED}
    state = states.get(stage, State.DELIVERED)
    told = Outcome(stage, "x", state, CODE, at, message_id=message)
    return Entry(told, Position("outcomes", 0, milliseconds))


def test_what_came_of_a_message_stands_behind_it_whatever_the_clocks_say() -> None:
    entries = [
        entry(Stage.DELIVER, 10, "m-1"),
        entry(Stage.DECODE, 10, "m-1"),
        entry(Stage.DECODE, 11, "m-2"),
        entry(Stage.RECEIVE, 12, "m-1"),
        entry(Stage.RECEIVE, 13, "m-2"),
        entry(Stage.RECEIVE, 900, "m-1"),  # sent once more
    ]
    found = [(each.outcome.message_id, each.outcome.stage) for each in in_order(entries)]
    assert found == [
        ("m-1", Stage.RECEIVE),
        ("m-1", Stage.DECODE),
        ("m-1", Stage.DELIVER),
        ("m-2", Stage.RECEIVE),
        ("m-2", Stage.DECODE),
        ("m-1", Stage.RECEIVE),
    ]


@pytest.mark.usefixtures("recorded")
def test_a_message_needs_kafkas_address_for_its_body(hub: Any) -> None:
    result = hub("show", "message", "m-1")
    assert result.exit_code == 1
    assert "accepted" in result.output
    assert "--config" in result.output
    assert hub("show", "message", "nobody").exit_code == 1


def test_a_raw_event_is_masked_by_its_model_and_shown_clear_when_asked() -> None:
    _, value, headers = _event().to_record()
    texts = {name: text.decode() for name, text in headers} | {"x-foreign": NAME}
    raw = Raw("events/0/3", texts, value)
    assert NAME not in raw.masked(())
    assert "001088012345" not in raw.masked(())
    assert "N. V. A." in raw.masked(())
    assert CODE in raw.masked(())
    assert NAME in raw.clear()
    assert NAME not in str(raw.headers_to_show())


def test_a_raw_wire_message_shows_its_structure_only() -> None:
    raw = Raw("in.one_stop/0/5", {}, json.dumps({"MaHoSo": CODE, "Ten": NAME}).encode())
    assert json.loads(raw.masked({CODE})) == {"MaHoSo": CODE, "Ten": "•••"}
    assert Raw("x", {"ce_type": "dossier.received"}, b"[1]").masked(()) == '[\n  "•••"\n]'
    assert Raw("x", {"ce_type": "dossier.received"}, b"{").masked(()).startswith("(1 bytes")
    assert Raw("x", {}, note="(gone)").masked(()) == "(gone)"


def test_held_dossiers_are_listed_and_shown_without_their_content(hub: Any, migrated: str) -> None:
    on(migrated, _parked)
    assert CODE in hub("held", "list").output
    assert CODE not in hub("held", "list", "--state", "dead").output
    assert hub("held", "list", "--state", "lost").exit_code == 2
    [row] = json.loads(hub("held", "list", "--json").output)
    assert (row["subject"], row["waiting_count"], row["reason"]) == (CODE, 2, "timeout")
    shown = hub("held", "show", ROUTE, CODE).output
    assert f"{CODE}/7" in shown
    assert "no answer" in shown
    assert "value" not in hub("held", "show", ROUTE, CODE, "--json").output
    assert hub("held", "show", ROUTE, "nobody").exit_code == 1


def test_dead_letters_set_aside_have_a_list_of_their_own(hub: Any, migrated: str) -> None:
    async def park(store: Store) -> None:
        held = PostgresHeldStore(store)
        claim = await held.claim(ROUTE, 0, "w", 600)
        assert claim is not None
        await held.write(claim, Changes(park=[message(CODE, 4, state=HeldState.ASIDE)]))

    on(migrated, park)
    on(migrated, lambda store: record(store, Recording([], [_event()], {})))
    assert "dead letters set aside: 1" in hub("show", "dossier", CODE).output
    assert f"{CODE}/4" in hub("held", "list", "--state", "aside").output
    assert json.loads(hub("held", "list", "--json").output) == []


@pytest.mark.usefixtures("owner")
def test_an_act_waits_for_its_owner_and_prints_the_result(hub: Any, migrated: str) -> None:
    on(migrated, _parked_for_owner)
    refused = hub("held", "release", ROUTE, CODE, "--reason", "x")
    assert refused.exit_code == 1
    assert "refused: the head is not dead" in refused.output
    skipped = hub("held", "skip", ROUTE, CODE, "--reason", "sent by hand", "--actor", "lan")
    assert f"skipped: {CODE}/7" in skipped.output
    history = hub("held", "show", ROUTE, CODE).output
    assert re.search(f"sent by hand +skipped: {CODE}/7", history)
    assert "lan" in history
    assert f"{CODE}/8" in history


async def _parked_for_owner(store: Store) -> None:
    """Rows as the owner of the fixture would have written them."""
    async with store.pipeline() as pipeline:
        rows = await pipeline.run("SELECT epoch FROM ownership WHERE owner = 'owner'")
        found = await rows.fetchall()
    while not found:
        async with store.pipeline() as pipeline:
            rows = await pipeline.run("SELECT epoch FROM ownership WHERE owner = 'owner'")
            found = await rows.fetchall()
        await asyncio.sleep(0.02)
    claim = Claim(ROUTE, 0, "owner", found[0][0], 0)
    await PostgresHeldStore(store).write(claim, queue(CODE, 7, 8, reason="timeout"))


def test_an_act_whose_owner_is_away_stays_asked_for(hub: Any, migrated: str) -> None:
    on(migrated, _parked)
    result = hub("held", "replay", ROUTE, CODE, "--reason", "x", "--wait-seconds", "0")
    assert result.exit_code == 2
    assert "is asked for" in result.output
    assert "waits" in hub("held", "show", ROUTE, CODE).output


def test_an_act_on_nothing_is_refused(hub: Any) -> None:
    result = hub("held", "skip", ROUTE, CODE, "--reason", "x")
    assert result.exit_code == 1
    assert "nothing_held" in result.output
    for act in (
        ("held", "skip", ROUTE, CODE),
        ("route", "pause", ROUTE),
        ("route", "resume", ROUTE),
    ):
        for reason in ((), ("--reason", " ")):
            result = hub(*act, *reason)
            assert result.exit_code == 1
            assert "reason_missing: an act needs a reason: give --reason" in result.output


def test_a_route_is_paused_and_resumed_by_name_and_reason(hub: Any, migrated: str) -> None:
    past = hub("route", "pause", ROUTE, "--reason", "x", "--until", "2020-01-01")
    assert past.exit_code == 1
    assert past.output.startswith("time_has_passed: --until 2020-01-01 has passed")
    assert "paused" not in hub("route", "list").output
    until = ("--until", "2h", "--actor", "lan")
    paused = hub("route", "pause", ROUTE, "--reason", "portal maintenance", *until)
    assert paused.output.startswith(f"{ROUTE} is paused until ")
    on(migrated, lambda store: PostgresHeldStore(store).report("w", "worker", STATUS))
    listed = hub("route", "list").output
    assert "paused" in listed
    assert f"{paused.output.split('until ')[1].strip()}  lan  portal maintenance" in listed
    assert "half_open" in listed
    assert "kafka_away" in listed
    assert hub("route", "resume", ROUTE, "--reason", "done").output == f"{ROUTE} goes on\n"
    again = hub("route", "resume", ROUTE, "--reason", "done").output
    assert again == f"{ROUTE} goes on as before: it was neither paused nor stopped\n"
    assert "portal maintenance" not in hub("route", "list").output
    assert set(json.loads(hub("route", "list", "--json").output)["workers"]) == {ROUTE}


STATUS = {"routes": {ROUTE: {"breaker": "half_open", "closed": {"kafka_away": "no answer"}}}}


def test_a_window_is_planned_shown_and_taken_back(hub: Any) -> None:
    start = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    added = hub("route", "window", "add", ROUTE, "--from", start, "--until", "3h", "--reason", "db")
    assert added.exit_code == 0, added.output
    listed = hub("route", "list").output
    assert "paused" in listed
    number = added.output.split()[1].rstrip(":")
    assert f"{number}  " in hub("route", "window", "list").output
    hub("route", "pause", ROUTE, "--reason", "for good")
    [row] = [r for r in hub("route", "list").output.splitlines() if r.startswith(f"{ROUTE}  ")]
    assert "hub route resume" in row  # the pause lasts longer than the window
    resumed = hub("route", "resume", ROUTE, "--reason", "x")
    assert resumed.exit_code == 1
    assert resumed.output.startswith(
        f"{ROUTE} still rests: its maintenance window {number} is open"
    )
    assert "goes on" not in resumed.output
    assert f"hub route window remove {number} --reason" in resumed.output
    assert "is gone" in hub("route", "window", "remove", number, "--reason", "done early").output
    assert "paused" not in hub("route", "list").output
    assert hub("route", "window", "remove", number, "--reason", "again").exit_code == 1
    wrong = hub("route", "window", "add", ROUTE, "--from", "3h", "--until", "1h", "--reason", "x")
    assert "window_ends_before_start" in wrong.output
    gone = ("--from", "2020-01-01", "--until", "2020-01-02")
    past = hub("route", "window", "add", ROUTE, *gone, "--reason", "x")
    assert "time_has_passed" in past.output


@pytest.mark.usefixtures("recorded")
def test_a_parked_dossier_on_a_resting_route_is_told_what_ends_the_rest(
    hub: Any, migrated: str
) -> None:
    on(migrated, _parked)
    add = ("route", "window", "add", ROUTE, "--reason", "db")
    hub(*add, "--from", "1h", "--until", "2h")
    hub("route", "pause", ROUTE, "--reason", "x")
    assert f"$ hub route resume {ROUTE} --reason …" in hub("show", "dossier", CODE).output
    added = hub(*add, "--from", "2020-01-01", "--until", "2h").output
    number = added.split()[1].rstrip(":")
    shown = hub("show", "dossier", CODE).output
    assert f"$ hub route window remove {number} --reason …" in shown
    assert "hub route resume" not in shown.partition("$")[2]


def test_a_route_that_rests_by_hub_yaml_is_not_said_to_be_open(hub: Any, migrated: str) -> None:
    said = {"routes": {ROUTE: {"breaker": "closed", "closed": {"paused": "by hub.yaml"}}}}
    on(migrated, lambda store: PostgresHeldStore(store).report("w", "worker", said))
    [_, row] = hub("route", "list").output.splitlines()
    assert row.split() == [
        ROUTE,
        "paused",
        "1",
        "closed",
        *["hub", "route", "resume", "by", "hub.yaml"],
    ]


def test_migrating_says_where_the_tables_are(hub: Any) -> None:
    assert "at revision" in hub("migrate").output


def test_a_store_that_is_away_is_told_with_what_helps() -> None:
    runner = CliRunner()
    for words in (["show", "dossier", "H1"], ["migrate"], ["held", "list"], ["route", "list"]):
        result = runner.invoke(
            commands(), [*words, "--postgres", "postgresql://hub@127.0.0.1:1/hub"]
        )
        assert result.exit_code == 1
        assert "store_away" in result.output
        assert "PostgreSQL" in result.output


def test_without_any_address_the_settings_are_asked_for() -> None:
    result = CliRunner().invoke(commands(), ["show", "dossier", "H1"])
    assert result.exit_code == 1
    assert "hub.yaml" in result.output


def test_moments_are_dates_times_and_spans() -> None:
    assert moment("") is None
    assert moment("2023-03-01") == datetime(2023, 3, 1, tzinfo=VIETNAM)
    assert moment("2023-03-01T08:00+00:00") == datetime(2023, 3, 1, 8, tzinfo=UTC)
    past, ahead = moment("90m"), moment("12h", ahead=True)
    assert past is not None
    assert ahead is not None
    assert past < datetime.now(UTC) < ahead
    with pytest.raises(HubError):
        moment("yesterday")


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(3.4, "3 ms"), (1234, "1.2 s"), (600_000, "0:10:00")]
)
def test_durations_read_well(milliseconds: float, text: str) -> None:
    assert took(milliseconds) == text


async def test_raw_messages_are_read_back_from_kafka_and_the_blob_store(
    addresses: Any, namespace: str, tmp_path: Any
) -> None:
    settings = HubSettings.model_validate(
        {
            "version": 1,
            "kafka": {"bootstrap_servers": addresses.kafka, "prefix": namespace},
            "postgres": {"url": "postgresql://unused"},
            "blobs": {"url": f"file://{tmp_path}/blobs", "threshold_bytes": 10},
        }
    )
    wire = Message("one_stop", "DongBoHoSoMC", b'{"Ten":"An"}', id="m-1")
    stored = await open_blobs(settings.blobs).put(wire.body, wire.content_type)
    referred = Message("one_stop", "DongBoHoSoMC", b"", headers={HEADER: str(stored)})
    lost = Message("one_stop", "x", b"", headers={HEADER: str(stored).replace("size=", "size=9")})
    async with Kafka(settings.kafka) as kafka:
        await kafka.create_topics({"in.one_stop": 1})
        producer = await kafka.producer()
        sent = [(b"k", each.body, each.to_record_headers()) for each in (wire, referred, lost)]
        await producer.send_all("in.one_stop", sent)
        await producer.close()
    found = await fetch_raw(settings, [f"in.one_stop/0/{offset}" for offset in (0, 1, 2, 99)])
    assert [raw.clear() for raw in found[:2]] == ['{"Ten":"An"}'] * 2
    assert found[0].headers["hub-id"] == "m-1"
    assert found[2].clear().startswith("(blob_corrupt: ")
    assert found[3].clear() == "(no longer in Kafka)"
