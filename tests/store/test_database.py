"""No foreign exception leaves the store, and a server that is back is used again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime

import psycopg
import pytest
from sqlalchemy import text

from hub.errors import ConfigError, HubError, Unavailable
from hub.event import Alias
from hub.held import Act, Changes, Claim, Effect
from hub.store import Store
from hub.store.acts import Acts, Author
from hub.store.aliases import put_aliases, resolve_aliases
from hub.store.figures import figures, route_figures
from hub.store.held import PostgresHeldStore
from hub.store.held_view import HeldFilter, HeldView
from hub.store.migration import migrate
from hub.store.recording import Recording, record, recorded_offsets
from hub.store.routes import add_window, pause, remove_window, resume, windows
from hub.store.timeline import Timeline
from hub.store.topology import record_topics
from tests.store.proxy import proxied

CLAIM = Claim("r", 0, "w", 1, 0.0)
AUTHOR = Author("lan", "a test")
DAY = date(2026, 11, 3)
NOW = datetime(2026, 11, 3, tzinfo=UTC)
EFFECT = Effect("k", 0, "r", "H1", "started")

CALLS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "claim": lambda s: PostgresHeldStore(s).claim("r", 0, "w", 1),
    "renew": lambda s: PostgresHeldStore(s).renew([CLAIM], 1),
    "release": lambda s: PostgresHeldStore(s).release([CLAIM]),
    "members": lambda s: PostgresHeldStore(s).members("w", ["r"], 1),
    "subjects": lambda s: PostgresHeldStore(s).subjects("r", 0),
    "heads": lambda s: PostgresHeldStore(s).heads("r", ["H1"], 1),
    "write": lambda s: PostgresHeldStore(s).write(CLAIM, Changes(forget=["H1"])),
    "commands": lambda s: PostgresHeldStore(s).commands([CLAIM]),
    "effects": lambda s: PostgresHeldStore(s).effects(["k"]),
    "begin_effects": lambda s: PostgresHeldStore(s).begin_effects(CLAIM, [EFFECT]),
    "end_effects": lambda s: PostgresHeldStore(s).end_effects([EFFECT]),
    "controls": lambda s: PostgresHeldStore(s).controls(),
    "stop_route": lambda s: PostgresHeldStore(s).stop_route("r", "dead_limit", ""),
    "report": lambda s: PostgresHeldStore(s).report("w", "worker", {}),
    "request": lambda s: Acts(s).request("r", "H1", Act.SKIP, AUTHOR),
    "wait": lambda s: Acts(s).wait(1, 0),
    "history": lambda s: Acts(s).history("r"),
    "queues": lambda s: HeldView(s).queues(HeldFilter()),
    "aside": lambda s: HeldView(s).aside(HeldFilter()),
    "show": lambda s: HeldView(s).show("r", "H1"),
    "workers": lambda s: HeldView(s).workers(),
    "pause": lambda s: pause(s, "r", AUTHOR),
    "resume": lambda s: resume(s, "r", AUTHOR),
    "add_window": lambda s: add_window(s, "r", NOW, datetime.now(UTC), AUTHOR),
    "remove_window": lambda s: remove_window(s, 1, AUTHOR),
    "windows": lambda s: windows(s),
    "of_subject": lambda s: Timeline(s).of_subject("H1"),
    "of_message": lambda s: Timeline(s).of_message("m"),
    "rejections": lambda s: Timeline(s).rejections("u"),
    "standing": lambda s: Timeline(s).standing("H1"),
    "subjects_of_alias": lambda s: Timeline(s).subjects_of_alias("EA1"),
    "put_aliases": lambda s: put_aliases(s, [Alias("parcel", "EA1", "H1")]),
    "resolve_aliases": lambda s: resolve_aliases(s, [("parcel", "EA1")]),
    "record_topics": lambda s: record_topics(s, {"events": 8}),
    "recorded_offsets": lambda s: recorded_offsets(s),
    "record": lambda s: record(s, Recording([], [], {("events", 0): 1})),
    "figures": lambda s: figures(s, None, DAY, DAY, DAY),
    "route_figures": lambda s: route_figures(s),
}


@pytest.mark.parametrize("name", CALLS)
async def test_every_call_says_store_away_when_nobody_listens(name: str) -> None:
    store = Store.open("postgresql://hub@127.0.0.1:1/hub")
    with pytest.raises(Unavailable) as caught:
        await CALLS[name](store)
    assert caught.value.code == "store_away"
    assert caught.value.__cause__ is not None
    await store.close()


@pytest.mark.parametrize("name", CALLS)
async def test_every_call_asks_for_migrations_on_an_empty_database(
    database: str, name: str
) -> None:
    store = Store.open(database)
    with pytest.raises(Unavailable, match="hub migrate"):
        await CALLS[name](store)
    await store.close()


async def test_a_silent_server_is_away_after_the_limit(migrated: str) -> None:
    async with proxied(migrated) as proxy:
        store = Store.open(proxy.url, pool_size=1, statement_seconds=0.3)
        assert await PostgresHeldStore(store).controls() == {}
        proxy.silence()
        started = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            await PostgresHeldStore(store).controls()
        assert caught.value.code == "store_away"
        assert time.monotonic() - started < 4
        await proxy.mend()
        assert await PostgresHeldStore(store).controls() == {}
        await store.close()


async def test_the_store_is_used_again_when_it_is_back(migrated: str) -> None:
    async with proxied(migrated) as proxy:
        store = Store.open(proxy.url, pool_size=3)
        held = PostgresHeldStore(store)
        await asyncio.gather(*(held.controls() for _ in range(6)))
        await proxy.cut()
        for _ in range(3):
            with pytest.raises(Unavailable):
                await held.claim("r", 0, "w", 9)
        await proxy.mend()
        assert await held.claim("r", 0, "w", 9) is not None
        await store.close()


async def test_one_error_after_a_restart_is_enough(migrated: str) -> None:
    """All pooled connections are broken by a restart: only the first call may notice."""
    store = Store.open(migrated, pool_size=4)
    held = PostgresHeldStore(store)
    await asyncio.gather(*(held.controls() for _ in range(8)))
    with psycopg.connect(migrated, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(Unavailable):
        await held.controls()
    for _ in range(4):
        assert await held.controls() == {}
    await store.close()


async def test_a_statement_over_its_time_is_away_and_the_store_lives_on(
    migrated: str,
) -> None:
    store = Store.open(migrated, pool_size=1, statement_seconds=0.2)
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            async with store.transaction() as connection:
                await connection.execute(text("SELECT pg_sleep(9)"))
        assert "57014" in str(caught.value)
    assert await PostgresHeldStore(store).controls() == {}
    await store.close()


async def test_an_exhausted_pool_is_away_too(migrated: str) -> None:
    store = Store.open(migrated, pool_size=1, statement_seconds=0.2)
    async with store.transaction():
        with pytest.raises(Unavailable):
            await PostgresHeldStore(store).controls()
    await store.close()


async def test_a_statement_that_postgresql_refuses_is_a_fault_of_ours(store: Store) -> None:
    for ask in ("SELECT 1 / 0", "SELEC 1", "INSERT INTO topic VALUES ('x', NULL)"):
        with pytest.raises(HubError) as caught:
            async with store.transaction() as connection:
                await connection.execute(text(ask))
        assert caught.value.code == "store_fault"
        with pytest.raises(HubError) as caught:
            async with store.pipeline() as pipeline:
                await pipeline.ask(ask, {})
        assert caught.value.code == "store_fault"
    assert await recorded_offsets(store) == {}


async def test_an_error_names_no_content(store: Store) -> None:
    with pytest.raises(HubError) as caught:
        async with store.transaction() as connection:
            await connection.execute(text("SELECT CAST(:x AS int)"), {"x": "Nguyễn Văn A"})
    assert "Nguyễn" not in str(caught.value)


async def test_a_server_that_is_silent_from_the_start_is_away_too(migrated: str) -> None:
    async with proxied(migrated) as proxy:
        proxy.silence()
        store = Store.open(proxy.url, pool_size=1, statement_seconds=0.3)
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await PostgresHeldStore(store).controls()
        assert time.monotonic() - started < 8
        await proxy.mend()
        assert await PostgresHeldStore(store).controls() == {}
        await store.close()


async def test_a_cancelled_write_leaves_a_usable_store(migrated: str) -> None:
    store = Store.open(migrated, pool_size=1)
    held = PostgresHeldStore(store)

    async def write() -> None:
        async with store.pipeline() as pipeline:
            await pipeline.run("DELETE FROM topic")
            await (await pipeline.run("SELECT pg_sleep(9)")).fetchall()

    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(write(), 0.1)
        assert await held.controls() == {}
    await store.close()


async def test_a_cancelled_call_leaves_a_usable_store(migrated: str) -> None:
    store = Store.open(migrated, pool_size=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), store.transaction() as connection:
            await connection.execute(text("SELECT pg_sleep(9)"))
    assert await PostgresHeldStore(store).controls() == {}
    await store.close()


def test_an_unreadable_address_is_a_configuration_error_without_its_password() -> None:
    for ask in (Store.open, migrate):
        with pytest.raises(ConfigError) as caught:
            ask("hub:secret@/x:y/z")
        assert "secret" not in str(caught.value)
