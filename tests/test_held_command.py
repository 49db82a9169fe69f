"""What `hub held` says of an act is what came of it; on the real PostgreSQL."""

from __future__ import annotations

import ast
import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hub.__main__ import commands
from hub.commands.held import UNDOCUMENTED_CODES
from hub.held import Act, Changes, Claim, Command, HeldMessage, HeldState, Settlement
from hub.message import Position
from hub.outcome import Outcome, Stage, State
from hub.store import Store
from hub.store.aftermath import Replayed
from hub.store.held import PostgresHeldStore
from hub.store.recording import Recording, record
from tests.rules.tree import ROOT, parsed
from tests.store.rows import ROUTE, on, queue

CODE = "000.00.01.H26-230301-0001"
HEAD = f"{CODE}/7"
NEXT = datetime(2026, 11, 26, 8, 0, 30, tzinfo=UTC).timestamp()
FOREVER = 600
ON = (ROUTE, CODE, "--reason", "portal mended")
DOCUMENT = """
version: 1
kafka: {bootstrap_servers: "127.0.0.1:9"}
postgres: {url: "postgresql://unused"}
blobs: {url: "file:///tmp/unused"}
units: {H1: {name: "UBND phường Mẫu"}}
connectors:
  national_portal:
    base_url: "http://127.0.0.1:9"
    auth_path: /auth
    integration_path: /integration
    share_path: /share
    dstcode: "VN:GOV:000.00.00.G22:dvcqg"
    accounts: {H1: {username: u, password: "${env:PORTAL_PASSWORD}"}}
routes:
  dossiers:
    to: national_portal
    kinds: ["dossier.*"]
    when: 'source.startsWith("/connectors/national_portal/")'  # what the standard route leaves out
"""

Owner = Callable[[PostgresHeldStore, Claim, Command, HeldMessage], Awaitable[None]]


@pytest.fixture
def hub(migrated: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[..., Result]:
    """Types a command."""
    monkeypatch.chdir(tmp_path)
    for name in ("HUB_CONFIG", "HUB_KAFKA"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> Result:
        env = {"HUB_POSTGRES": migrated, "PORTAL_PASSWORD": "invented"}
        return CliRunner().invoke(commands(["held"]), ["held", *words], env=env)

    return run


def held(url: str, **head: Any) -> None:
    """A queue of a head and one behind it."""

    async def park(store: Store) -> None:
        rows = PostgresHeldStore(store)
        claim = await rows.claim(ROUTE, 0, "owner", FOREVER)
        assert claim is not None
        await rows.write(claim, queue(CODE, 7, 8, **head))

    on(url, park)


@contextmanager
def owned(url: str, obey: Owner) -> Iterator[None]:
    """A worker that owns the partition and does this with every act."""
    stop = threading.Event()

    async def serve(store: Store) -> None:
        rows = PostgresHeldStore(store)
        claim = await rows.claim(ROUTE, 0, "owner", FOREVER)
        assert claim is not None
        while not stop.is_set():
            for command in await rows.commands([claim]):
                head = (await rows.heads(ROUTE, [command.subject], 1))[command.subject][0]
                done = {command.id: f"done: {command.act} of {head.event_id}"}
                again = queue(CODE, 7, 8, next_try_at=NEXT).subjects
                await rows.write(claim, Changes(subjects=again, commands_done=done))
                await obey(rows, claim, command, head)
            await asyncio.sleep(0.02)

    thread = threading.Thread(target=on, args=(url, serve))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def _nothing(*_: object) -> None:
    """The act is done, and its message is not tried."""


async def _settle(
    rows: PostgresHeldStore, claim: Claim, _: Command, head: HeldMessage, keep: Any = None
) -> None:
    gone = Settlement(CODE, head.event_id, head.position.offset + 1, keep)
    await rows.write(claim, Changes(settle=[gone]))


def told(url: str, state: State, offset: int, **values: Any) -> None:
    """The timeline's word on the head."""
    outcome = Outcome(
        *(Stage.DELIVER, ROUTE, state, CODE, datetime.now(UTC)), event_id=HEAD, **values
    )
    position = Position("outcomes", 0, offset)
    on(url, lambda store: record(store, Recording([(position, outcome)], [], {})))


def ended(url: str, state: State, keep: HeldState | None = None) -> Owner:
    """The head is gone from its queue, kept aside or not; the timeline says in which state."""

    async def obey(
        rows: PostgresHeldStore, claim: Claim, command: Command, head: HeldMessage
    ) -> None:
        await _settle(rows, claim, command, head, keep)
        await asyncio.to_thread(told, url, state, 2)

    return obey


def failed(dead: bool = False, **head: Any) -> Owner:
    """The destination refuses once more."""

    async def obey(
        rows: PostgresHeldStore, claim: Claim, command: Command, row: HeldMessage
    ) -> None:
        [again] = queue(CODE, 7, 8, next_try_at=None if dead else NEXT, dead=dead, **head).subjects
        state = HeldState.DEAD if dead else HeldState.WAITING
        changed = Changes(
            subjects=[replace(again, round_count=1)], mark=[replace(row, state=state)]
        )
        await rows.write(claim, changed)

    return obey


def test_a_replay_that_arrives_says_delivered(hub: Any, migrated: str) -> None:
    held(migrated)
    told(migrated, State.DEAD, 1, reason="rejected")  # of an earlier try
    with owned(migrated, ended(migrated, State.DELIVERED)):
        found = hub("replay", *ON)
    assert (found.exit_code, found.stdout) == (0, "act 1: delivered\n"), found.output


def test_a_replay_that_fails_again_says_why_and_when_the_next_try_is(
    hub: Any, migrated: str
) -> None:
    held(migrated)
    with owned(migrated, failed(reason="undocumented_refusal", text="HTTP 418")):
        found = hub("replay", *ON)
    assert found.exit_code == 1
    assert found.stdout == (
        "act 1: parked again, undocumented_refusal: HTTP 418\n"
        "rounds used: 1; next at 26/11/2026 15:00:30\n"
    )


def test_a_replay_that_dies_again_says_so(hub: Any, migrated: str) -> None:
    held(migrated, dead=True)
    with owned(migrated, failed(dead=True, reason="rejected", text="E1")):
        found = hub("replay", *ON)
    assert found.exit_code == 1
    assert found.stdout.startswith("act 1: dead again, rejected: E1\n")


def test_a_replay_whose_head_is_set_aside_says_so(hub: Any, migrated: str) -> None:
    held(migrated)
    with owned(migrated, ended(migrated, State.DEAD, keep=HeldState.ASIDE)):
        found = hub("replay", *ON)
    assert (found.exit_code, found.stdout) == (1, "act 1: dead again, set aside\n")


def test_a_replay_that_is_not_tried_in_time_is_queued_and_not_done(hub: Any, migrated: str) -> None:
    held(migrated)
    with owned(migrated, _nothing):
        found = hub("replay", *ON, "--wait-seconds", "2")
    assert found.exit_code == 2
    assert found.stdout == ""
    assert "act 1: queued; nothing is known of a try within 2 s" in found.stderr
    assert f"hub held show {ROUTE} {CODE}" in found.stderr


def test_what_the_timeline_said_before_is_not_what_the_replay_came_to(migrated: str) -> None:
    held(migrated, dead=True)
    told(migrated, State.DEAD, 1, reason="rejected")

    async def replay(store: Store) -> list[State | None]:
        message = Replayed(store, ROUTE, CODE, HEAD)
        await message.remember()
        rows = PostgresHeldStore(store)
        claim = await rows.claim(ROUTE, 0, "owner", FOREVER)
        assert claim is not None
        [head] = (await rows.heads(ROUTE, [CODE], 1))[CODE]
        await _settle(rows, claim, Command(1, ROUTE, 0, CODE, Act.REPLAY), head)
        unknown = await message.aftermath(0)
        await asyncio.to_thread(told, migrated, State.DEAD, 2, reason="rejected")  # told late
        late = await message.aftermath(0)
        await asyncio.to_thread(told, migrated, State.DELIVERED, 3)
        return [unknown.state, late.state, (await message.aftermath(0)).state]

    assert on(migrated, replay) == [None, None, State.DELIVERED]


def test_a_skip_says_how_many_go_on_without_it(hub: Any, migrated: str) -> None:
    held(migrated)
    with owned(migrated, _settle):
        found = hub("skip", *ON)
    assert found.exit_code == 0
    assert "1 behind it wait for it: after a skip or release they go on without it" in found.stderr
    assert found.stdout == f"act 1: skipped: {HEAD}\n"


def test_what_is_skipped_is_said_before_it_is_done(hub: Any, migrated: str) -> None:
    held(migrated, reason="unavailable", next_try_at=NEXT)
    with owned(migrated, _settle):
        found = hub("skip", *ON)
    assert found.stderr.startswith(f"the head is {HEAD}, parked since ")
    assert ": unavailable" in found.stderr
    assert "the hub would try it again by itself; rounds used: 0, without limit; next at " in (
        found.stderr
    )


@pytest.mark.parametrize(
    ("reason", "rounds"),
    [
        ("undocumented_refusal", "rounds used: 3 of 12; next at 26/11/2026 15:00:30"),
        ("unavailable", "rounds used: 3, without limit; next at 26/11/2026 15:00:30"),
    ],
)
def test_the_round_of_a_parked_head_is_shown(
    hub: Any, migrated: str, tmp_path: Any, reason: str, rounds: str
) -> None:
    held(migrated, reason=reason, next_try_at=NEXT)

    async def third(store: Store) -> None:
        rows = PostgresHeldStore(store)
        claim = await rows.claim(ROUTE, 0, "owner", FOREVER)
        assert claim is not None
        [subject] = queue(CODE, 7, 8, reason=reason, next_try_at=NEXT).subjects
        await rows.write(claim, Changes(subjects=[replace(subject, round_count=3)]))

    on(migrated, third)
    (tmp_path / "hub.yaml").write_text(DOCUMENT, "utf-8")
    shown = hub("show", ROUTE, CODE).stdout
    assert f"{rounds}\n1 behind it wait for it" in shown


def test_a_route_that_is_not_there_is_answered_with_those_that_are(hub: Any, tmp_path: Any) -> None:
    (tmp_path / "hub.yaml").write_text(DOCUMENT, "utf-8")
    for words in (
        ["replay", "nonesuch", CODE, "--reason", "x"],
        ["show", "nonesuch", CODE],
        ["list", "--route", "nonesuch"],
    ):
        found = hub(*words)
        assert found.exit_code == 1
        assert found.stderr.startswith("no_such_route: no route nonesuch; there are: ")
        assert "dossiers-to-national-portal" in found.stderr


def test_empty_lists_say_that_nothing_is_held(hub: Any) -> None:
    for words in (["list"], ["list", "--state", "aside"]):
        assert hub(*words).stdout == "nothing is held\n"


def test_every_undocumented_refusal_with_a_code_of_its_own_has_its_rounds_shown() -> None:
    found = set()
    for path in (ROOT / "hub").rglob("*.py"):
        for node in ast.walk(parsed(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Rejected":
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                if given.get("documented", "True") != "True" and "code" in given:
                    found.add(ast.literal_eval(given["code"]))
    assert found == UNDOCUMENTED_CODES - {"undocumented_refusal"}
