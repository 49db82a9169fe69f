"""Pauses, windows, stops, acts, aliases, topics and heartbeats: what people and workers tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import ConfigError, HubError
from hub.event import Alias
from hub.held import Act, Changes, Effect, HeldState, RouteControl, Settlement
from hub.store import Store
from hub.store.acts import Acts, Author
from hub.store.aliases import AliasFilter, find_aliases, put_aliases, resolve_aliases
from hub.store.held import PostgresHeldStore
from hub.store.held_view import HeldFilter, HeldView
from hub.store.routes import add_window, pause, remove_window, resume, windows
from hub.store.timeline import Timeline
from hub.store.topology import record_topics
from tests.store.rows import ROUTE, fetch, message, queue

LAN = Author("lan", "portal is down")
HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


async def test_a_pause_and_a_resume_are_seen_and_kept(
    store: Store, held: PostgresHeldStore
) -> None:
    assert await held.controls() == {}
    await pause(store, "r", LAN)
    paused = (await held.controls())["r"]
    assert paused == RouteControl("r", paused=True, text="portal is down", changed=1)
    await resume(store, "r", Author("minh", "it is back"))
    assert (await held.controls())["r"] == RouteControl("r", changed=2)
    acts = await Acts(store).history("r")
    assert [(a.act, a.actor, a.reason) for a in acts] == [
        ("pause", "lan", "portal is down"),
        ("resume", "minh", "it is back"),
    ]
    assert all(act.done_at for act in acts)


async def test_a_pause_ends_by_itself(store: Store, held: PostgresHeldStore) -> None:
    await pause(store, "r", LAN, until=now() + HOUR)
    assert (await held.controls())["r"].paused
    await pause(store, "r", LAN, until=now() - HOUR)
    assert not (await held.controls())["r"].paused


async def test_a_stopped_route_stays_stopped_until_somebody_resumes_it(
    store: Store, held: PostgresHeldStore
) -> None:
    await held.stop_route("r", "dead_limit", "100 dead letters in a row")
    await pause(store, "r", LAN)
    stopped = (await held.controls())["r"]
    assert (stopped.stopped_reason, stopped.text) == ("dead_limit", "100 dead letters in a row")
    await resume(store, "r", LAN)
    after = (await held.controls())["r"]
    assert not after.stopped_reason
    assert after.changed > stopped.changed


async def test_a_route_is_paused_while_a_window_is_open(
    store: Store, held: PostgresHeldStore
) -> None:
    await add_window(store, "r", now() - 2 * HOUR, now() - HOUR, LAN)
    ahead = await add_window(store, "r", now() + HOUR, now() + 2 * HOUR, LAN)
    assert await held.controls() == {}
    opened = await add_window(store, "r", now() - HOUR, now() + HOUR, LAN)
    assert (await held.controls())["r"] == RouteControl("r", paused=True, text="portal is down")
    assert [window.id for window in await windows(store)] == [opened, ahead]
    await remove_window(store, opened, LAN)
    assert await held.controls() == {}
    with pytest.raises(HubError) as caught:
        await remove_window(store, opened, LAN)
    assert caught.value.code == "no_such_window"
    with pytest.raises(HubError) as caught:
        await add_window(store, "r", now(), now() - HOUR, LAN)
    assert caught.value.code == "window_ends_before_start"


async def test_no_act_goes_without_a_reason(store: Store, held: PostgresHeldStore) -> None:
    silent = Author("lan", "  ")
    for act in (
        pause(store, "r", silent),
        resume(store, "r", silent),
        add_window(store, "r", now(), now() + HOUR, silent),
        Acts(store).request("r", "H1", Act.SKIP, silent),
    ):
        with pytest.raises(HubError) as caught:
            await act
        assert caught.value.code == "reason_missing"
    assert await held.controls() == {}


async def test_an_act_is_refused_where_nothing_is_held(
    store: Store, held: PostgresHeldStore
) -> None:
    claim = await held.claim(ROUTE, 0, "a", 60)
    assert claim is not None
    acts = Acts(store)
    with pytest.raises(HubError, match="does not hold a queue"):
        await acts.request(ROUTE, "H1", Act.REPLAY, LAN)
    await held.write(claim, queue("H1", 1))
    aside = Settlement("H1", "H1/1", 2, keep=HeldState.ASIDE)
    await held.write(claim, Changes(settle=[aside]))
    with pytest.raises(HubError) as caught:
        await acts.request(ROUTE, "H1", Act.REPLAY, LAN)
    assert caught.value.code == "nothing_held"
    await acts.request(ROUTE, "H1", Act.REPLAY, LAN, event_id="H1/1")
    with pytest.raises(HubError, match="H1/2"):
        await acts.request(ROUTE, "H1", Act.REPLAY, LAN, event_id="H1/2")
    [command] = await held.commands([claim])
    assert command.event_id == "H1/1"


async def test_held_things_are_found_by_route_unit_reason_and_state(
    store: Store, held: PostgresHeldStore
) -> None:
    claim = await held.claim(ROUTE, 0, "a", 60)
    assert claim is not None
    await held.write(claim, queue("H1", 1, 2, reason="timeout", unit="A"))
    await held.write(claim, queue("H2", 3, reason="rejected", unit="B", dead=True))
    await held.write(claim, Changes(park=[message("H3", 4, state=HeldState.ASIDE, unit="A")]))
    view = HeldView(store)

    async def subjects(**wanted: object) -> list[str]:
        return [q.subject for q in await view.queues(HeldFilter(**wanted))]  # type: ignore[arg-type]  # words of a filter

    assert await subjects() == ["H2", "H1"]
    assert await subjects(state="parked") == ["H1"]
    assert await subjects(state="dead") == ["H2"]
    assert await subjects(unit="A") == ["H1"]
    assert await subjects(reason="rejected") == ["H2"]
    assert await subjects(route="other") == []
    assert await subjects(limit=1) == ["H2"]
    assert [m.subject for m in await view.aside(HeldFilter(unit="A"))] == ["H3"]
    shown = await view.show(ROUTE, "H1")
    assert shown.head is not None
    assert shown.head.waiting_count == 2
    assert [m.position.offset for m in shown.messages] == [1, 2]
    nothing = await view.show(ROUTE, "nobody")
    assert (nothing.head, nothing.messages, nothing.aside) == (None, [], [])


async def test_a_heartbeat_replaces_the_last_one(store: Store, held: PostgresHeldStore) -> None:
    await held.report("w1", "worker", {"routes": {"r": {"breaker": "open"}}})
    await held.report("w1", "worker", {"routes": {}})
    await held.report("w1", "gateway", {})
    reports = await HeldView(store).workers()
    assert [(r.worker, r.role, r.status) for r in reports] == [
        ("w1", "gateway", {}),
        ("w1", "worker", {"routes": {}}),
    ]
    assert 0 <= reports[0].age_seconds < 60


async def test_effects_remember_the_latest_step_and_what_was_taken(
    store: Store, held: PostgresHeldStore
) -> None:
    claim = await held.claim(ROUTE, 0, "a", 60)
    assert claim is not None
    first = Effect("k", 0, ROUTE, "H1", "started", epoch=claim.epoch)
    await held.begin_effects(claim, [first])
    known = (await held.effects(["k", "unknown"]))["k"]
    assert (known.state, known.step, known.epoch) == ("started", 0, claim.epoch)
    assert abs(known.started_at - now().timestamp()) < 60
    await held.end_effects([Effect("k", 0, "", "", "not_taken", foreign_code="404")])
    second = Effect("k", 1, ROUTE, "H1", "started", epoch=claim.epoch)
    await held.begin_effects(claim, [second])
    assert (await held.effects(["k"]))["k"].step == 1
    await held.end_effects([Effect("k", 0, "", "", "taken")])  # the first answer came late
    known = (await held.effects(["k"]))["k"]
    assert (known.step, known.state) == (0, "taken")
    await held.end_effects([Effect("k", 0, "", "", "unknown")])
    assert (await held.effects(["k"]))["k"].state == "taken"


async def test_a_request_that_has_taken_effect_is_not_begun_again(
    store: Store, held: PostgresHeldStore
) -> None:
    claim = await held.claim(ROUTE, 0, "a", 60)
    assert claim is not None
    await held.begin_effects(claim, [Effect("k", 0, ROUTE, "H1", "started")])
    await held.end_effects([Effect("k", 0, "", "", "taken")])
    other = Effect("other", 0, ROUTE, "H1", "started")
    for step in (0, 1):
        with pytest.raises(HubError) as caught:
            await held.begin_effects(claim, [other, Effect("k", step, ROUTE, "H1", "started")])
        assert caught.value.code == "effect_taken"
    assert await fetch(store, "SELECT operation_key, step FROM effects") == [("k", 0)]


async def test_an_alias_keeps_its_first_subject(store: Store) -> None:
    await put_aliases(store, [Alias("parcel", "EA1", "H1"), Alias("payment", "EA1", "H2")])
    await put_aliases(store, [Alias("parcel", "EA1", "H9"), Alias("parcel", "x\x00", "a\x00b")])
    await put_aliases(store, [])
    wanted = [("parcel", "EA1"), ("payment", "EA1"), ("parcel", "unknown"), ("parcel", "x\x00")]
    found = await resolve_aliases(store, wanted)
    assert {name: alias.subject for name, alias in found.items()} == {
        ("parcel", "EA1"): "H1",
        ("payment", "EA1"): "H2",
        ("parcel", "x\x00"): "a\x00b",
    }
    assert await resolve_aliases(store, []) == {}
    assert sorted(await Timeline(store).subjects_of_alias("EA1")) == ["H1", "H2"]


async def test_facts_of_an_alias_are_merged_and_found_again(store: Store) -> None:
    first = Alias("payment", "P1", "H1", {"amount": "5000", "state": "open"})
    await put_aliases(store, [first, Alias("payment", "P2", "H2", {"state": "open"})])
    await put_aliases(store, [Alias("payment", "P1", "H9", {"state": "paid"})])
    paid = Alias("payment", "P1", "H1", {"amount": "5000", "state": "paid"})
    assert await find_aliases(store, AliasFilter(kind="payment", facts={"state": "paid"})) == [paid]
    assert await find_aliases(store, AliasFilter(kind="payment", subject="H1")) == [paid]
    assert [a.value for a in await find_aliases(store, AliasFilter(kind="payment"))] == ["P2", "P1"]
    assert [a.value for a in await find_aliases(store, AliasFilter(kind="payment", limit=1))] == [
        "P2"
    ]
    assert await find_aliases(store, AliasFilter(kind="payment", older_than_seconds=60)) == []


async def test_a_changed_partition_count_is_refused_by_name(store: Store) -> None:
    await record_topics(store, {"events": 8, "in.one_stop": 8})
    await record_topics(store, {"events": 8})
    with pytest.raises(ConfigError, match="events has 12 partitions, and had 8") as caught:
        await record_topics(store, {"events": 12, "in.one_stop": 8, "in.new": 4})
    assert caught.value.code == "partitions_changed"
    await record_topics(store, {"in.new": 5})  # the refused call has recorded nothing
