"""Limits of time at the edge: a second before they hold and one after; no test waits for either.

`EDGES` names for each setting that bounds time the test that stands at its edge; a connector
without such settings, or with `...timeout_seconds` only, needs no row. Clocks are passed
in. Where a library keeps the time, as for an answer that does not come, the event loop's own time
is virtual.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel

from hub.connectors.national_portal.poll import PortalPoller
from hub.connectors.national_portal.sessions import Sessions
from hub.connectors.payment_gateway.decode import decode
from hub.connectors.provincial_portal.settings import ProvincialPortalSettings
from hub.connectors.provincial_portal.tokens import Tokens as PlatformTokens
from hub.connectors.public_post.tokens import Tokens
from hub.errors import HubError, Misconfigured, Unavailable
from hub.http import HttpReply
from hub.wire.dvcqg.catalogues import PROCEDURES
from hub.wire.dvcqg.dates import VIETNAM
from tests.connectors.broken_server import silence
from tests.connectors.contract import Folder, importable
from tests.connectors.document_examples import axis
from tests.connectors.edges import faults
from tests.connectors.ground import MemoryGround
from tests.connectors.one_stop_door import SETTINGS, SYNC, UNIT, Site, dossier
from tests.connectors.outside import Act, Outside, calls_of, outside
from tests.connectors.payment_examples import fee_due, said_by, till
from tests.connectors.portal_examples import portal
from tests.connectors.post_examples import post
from tests.engine.virtual import clock, run
from tests.rules.settings import named

EDGES = {
    "document_exchange": {
        "organisations_seconds": "test_a_list_of_organisations_is_pulled_again_at_its_age",
        "hold_back_seconds": "test_what_is_held_back_goes_on_after_its_time",
        "fetch_timeout_seconds": "test_a_package_is_waited_for_as_long_as_its_limit_says",
    },
    "national_portal": {
        "login_pause_seconds": ("test_a_refused_account_is_left_alone_as_long_as_its_limit_says"),
        "polls.catalogue_seconds": "test_a_catalogue_is_pulled_again_at_its_age",
        "polls.catalogue_trusted_seconds": (
            "test_a_catalogue_says_that_something_is_unknown_as_long_as_it_is_trusted"
        ),
    },
    "one_stop": {
        "session_seconds": "test_a_session_lives_at_least_as_long_as_its_limit_says",
        "catalogue_trusted_seconds": (
            "test_a_catalogue_that_was_pulled_too_long_ago_doubts_nothing_of_a_product"
        ),
    },
    "payment_gateway": {
        "link_seconds": "test_a_link_is_given_again_until_it_ends",
        "paid_covers_seconds": ("test_a_payment_covers_its_debt_no_shorter_than_its_limit_says"),
        "ask_after_seconds": "test_an_open_payment_is_asked_about_when_it_was_quiet_for_so_long",
        "give_up_seconds": "test_a_payment_is_given_up_after_its_limit",
        "settlement.due_seconds": "test_the_file_is_fetched_only_when_it_is_due",
        "settlement.patience_seconds": "test_a_settlement_file_is_missing_after_its_patience",
    },
    "petitions": {
        "transfer_days_count answer_days_count": "test_terms_end_after_so_many_working_days",
    },
    "provincial_portal": {
        "oauth.life_seconds oauth.renew_before_seconds": (
            "test_a_platforms_token_is_used_until_shortly_before_its_end"
        ),
    },
    "public_post": {
        "oauth.renew_before_seconds": ("test_a_token_is_renewed_before_it_ends_and_asked_for_once"),
        "oauth.pause_seconds": ("test_a_refused_account_is_left_alone_as_long_as_its_limit_says"),
        "feed.overlap_seconds": "test_a_feed_is_looked_at_so_far_back_as_its_overlap_says",
    },
}
PAUSES = {"poll_seconds", "polls.every_seconds", "feed.every_seconds", "keepalive_seconds"}
"""From one look to the next, and of a connection that nobody uses; nothing ends with them."""

LIMIT, OTHERS = 40.0, 400.0
"""Seconds of the limit that is looked at, and of all others."""

Place = tuple[Act, int]
"""An act, and which of its calls."""


@pytest.mark.parametrize("kind", importable())
def test_every_limit_of_time_has_a_test_at_its_edge(kind: str) -> None:
    settings = importable()[kind].settings
    limits = {*named(settings, "_seconds", "days_count")} - PAUSES - {*waited_for(settings)}
    told = list(faults("tests/connectors/test_time_limits.py", kind, EDGES.get(kind, {}), limits))
    if told:
        pytest.fail("\n".join(told), pytrace=False)


def waited_for(settings: type[BaseModel]) -> list[str]:
    """Limits of an answer's time, tried for every connector; no sampled axis lists a package."""
    found = named(settings, "timeout_seconds")
    return [path for path in found if path != "fetch_timeout_seconds"]


def limited(settings: Any, path: str, seconds: float) -> Any:
    """The same settings, with one limit of an answer's time, and all others far away."""
    changes: dict[str, Any] = {}
    first, _, rest = path.partition(".")
    for name, value in settings:
        if name.endswith("timeout_seconds"):
            changes[name] = seconds if name == path else OTHERS
        elif isinstance(value, BaseModel):
            changes[name] = limited(value, rest if name == first else "", seconds)
    return settings.model_copy(update=changes)


async def took(there: Outside, act: Act) -> tuple[float, str]:
    """Seconds of an act, and what came of it."""
    begun, said = clock(), "success"
    try:
        await act(there)
    except HubError as error:
        said = f"{type(error).__name__} {error.code}"
    return clock() - begun, said


def acts_of(there: Outside) -> list[Act]:
    """Everything that a client and a poller do."""
    acts: list[Act] = [Outside.probe] if there.connector.client else []
    acts += [Outside.poll] if there.connector.poller else []
    for request in there.requests():
        acts += [lambda t, r=request: t.deliver(r), lambda t, r=request: t.ask(r)]
    return acts


async def places(there: Outside, acts: list[Act]) -> AsyncIterator[tuple[Place, float]]:
    """Each call of each act, and how long the act takes while that call and later ones hang."""
    for act in acts:
        for number in range(await calls_of(there, act)):
            await there.reset()
            there.server.plan(silence, from_call=number)
            yield (act, number), (await took(there, act))[0]


def looked_at(folder: Folder, look: Callable[[Outside], Awaitable[None]]) -> None:
    """Look at a folder and its profiles, in virtual time."""

    async def main() -> None:
        for each in (folder, *folder.profiles):
            async with outside(each) as there:
                await look(there)

    run(main(), real_seconds=0.02)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (kind, path)
        for kind, connector in importable().items()
        for path in waited_for(connector.settings)
    ],
)
def test_an_answer_is_waited_for_as_long_as_its_limit_says(kind: str, path: str) -> None:
    seen: list[str] = []

    async def look(outer: Outside) -> None:
        settings = limited(outer.settings, path, LIMIT)
        there = replace(outer, settings=settings, timeout_seconds=OTHERS)
        async for (act, number), seconds in places(there, acts_of(there)):
            if seconds > LIMIT + 1:
                assert seconds == pytest.approx(OTHERS, abs=1), "another limit holds here"
                continue
            assert seconds == pytest.approx(LIMIT, abs=1)
            seen.append(path)
            await at_the_edge(there, act, number)

    looked_at(Folder.of(importable()[kind]), look)
    if not seen:
        pytest.fail(f"{kind}: no call is bounded by the setting {path}", pytrace=False)


async def at_the_edge(there: Outside, act: Act, number: int) -> None:
    """An answer a second before the limit counts, and one a second after it comes too late."""
    said = []
    for seconds in (0.0, LIMIT - 1, LIMIT + 1):
        await there.reset()
        there.server.delay(seconds, call=number)
        said.append((await took(there, act))[1])
    assert said[0] == said[1]
    assert said[0] != said[2]


@pytest.mark.parametrize("kind", [kind for kind, each in importable().items() if each.client])
def test_a_delivery_takes_no_longer_than_its_route_allows(kind: str) -> None:
    async def look(outer: Outside) -> None:
        there = replace(outer, settings=limited(outer.settings, "", OTHERS), timeout_seconds=LIMIT)
        acts = [act for act in acts_of(there) if act not in (Outside.probe, Outside.poll)]
        async for (act, number), seconds in places(there, acts):
            assert seconds == pytest.approx(LIMIT, abs=1), number
            await at_the_edge(there, act, number)

    looked_at(Folder.of(importable()[kind]), look)


# Clocks of connectors


@pytest.mark.parametrize("over", [-1, 1])
def test_a_package_is_waited_for_as_long_as_its_limit_says(over: int) -> None:
    async def main() -> None:
        async with axis(fetch_timeout_seconds=LIMIT, query_timeout_seconds=OTHERS) as here:
            await here.act(do="document")
            slow = {"fault": "slow", "operation": "getEdoc", "seconds": LIMIT + over}
            await here.play(slow)
            begun = clock()
            if over < 0:
                assert len((await here.poller.poll("")).messages) == 1
                return
            with pytest.raises(Unavailable) as caught:
                await here.poller.poll("")
            assert caught.value.code == "timeout"
            assert clock() - begun == pytest.approx(LIMIT, abs=1)

    run(main(), real_seconds=0.1)


@pytest.mark.parametrize("seconds", [0.5, 1, 3600])
async def test_a_session_lives_at_least_as_long_as_its_limit_says(seconds: float) -> None:
    site = Site(SETTINGS.model_copy(update={"session_seconds": seconds}))
    site.now += 0.6
    begun, session = site.now, await site.login()
    site.now = begun + seconds - 0.01
    assert (await site.call(SYNC, session=session, data=[dossier()]))["error_code"] == "0"
    site.now = begun + seconds + 1
    await site.call(SYNC, session=session, data=[dossier()])
    assert site.codes() == ["session_expired"]


async def _refused() -> tuple[str, float]:
    raise Misconfigured("no", code="account_refused")


async def _pause(get: Callable[[], Awaitable[Any]]) -> str:
    try:
        await get()
    except HubError as error:
        return f"{getattr(error, 'retry_after_seconds', None):g}"
    return "success"


@pytest.mark.parametrize("system", ["portal", "post"])
async def test_a_refused_account_is_left_alone_as_long_as_its_limit_says(system: str) -> None:
    now, asked = [0.0], []

    async def login(*_: str) -> Any:
        asked.append(now[0])
        return await _refused()

    if system == "portal":
        sessions = Sessions(login, pause_seconds=30, clock=lambda: now[0])
        told = partial(_pause, partial(sessions.get, UNIT))
    else:
        tokens = Tokens(login, renew_before_seconds=60, pause_seconds=30, clock=lambda: now[0])
        told = partial(_pause, tokens.get)
    said = []
    for now[0] in (0.0, 29.0, 30.0, 31.0):
        said.append(await told())
    assert said == ["30", "1", "30", "29"]
    assert asked == [0.0, 30.0]


@pytest.mark.parametrize(
    ("told", "life", "before", "last"),
    [
        ("3600", 40, 60, 3540),
        ("", 100, 60, 50),
        ("", 3600, 60, 3540),
        ("100", 40, 60, 50),
        ("-1", 200, 60, 140),
        ("nan", 200, 60, 140),
        ("inf", 200, 0, 200),
    ],
)
async def test_a_platforms_token_is_used_until_shortly_before_its_end(
    told: str, life: float, before: float, last: float
) -> None:
    oauth = {"consumer_key": "k", "consumer_secret": "s"}
    oauth |= {"life_seconds": life, "renew_before_seconds": before}
    settings = ProvincialPortalSettings.model_validate(
        {"base_url": "http://a", "accounts": {"H1": {}}, "oauth": oauth}
    )
    now, asked = [0.0], []

    async def fetch(_: str) -> HttpReply:
        asked.append(now[0])
        said = f'{{"access_token": "t", "expires_in": "{told}"}}'
        return HttpReply(200, {}, said.encode())

    tokens = PlatformTokens(settings, fetch, clock=lambda: now[0])
    for now[0] in (0.0, last - 1, last):
        await tokens.get()
    assert asked == [0.0, last]


@pytest.mark.parametrize(("seconds", "asked"), [(0.5, 9), (1, 9), (1.5, 8), (2, 8)])
async def test_a_feed_is_looked_at_so_far_back_as_its_overlap_says(
    seconds: float, asked: int
) -> None:
    async with post(feed={"overlap_seconds": seconds}) as door:
        assert door.poller._behind(f"{10:08x}ffffffffffffffff") == f"{asked:08x}{'0' * 16}"


async def test_a_catalogue_is_pulled_again_at_its_age() -> None:
    polls = {"catalogues": [PROCEDURES], "catalogue_seconds": 100}
    now, pulled = [1000.0], []
    async with portal(polls=polls) as site:
        poller = PortalPoller("p", site.settings, MemoryGround(), clock=lambda: now[0])
        for now[0] in (1000.0, 1099.0, 1100.0):
            await poller.poll("")
            pulled.append(site.operations().count(PROCEDURES))
        await poller.close()
    assert pulled == [1, 1, 2]


# Payments


@pytest.mark.parametrize("over", [-1, 0])
async def test_a_link_is_given_again_until_it_ends(over: int) -> None:
    async with till(link_seconds=100) as site:
        first = await site.link()
        site.later(100 + over)
        again = await site.send(fee_due())
        (message,) = again.messages
        (event,) = decode(message, site.settings)
        same = said_by(event).payment_id == said_by(first).payment_id
        assert same == (over < 0)


PAID_AT = datetime(2026, 1, 5, 23, 59, tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("seconds", "until"),
    [
        (30 * 86400, datetime(2026, 2, 5, tzinfo=VIETNAM)),
        (86400 * 1.5, datetime(2026, 1, 7, 12, tzinfo=VIETNAM)),
        (60, datetime(2026, 1, 6, 0, 1, tzinfo=VIETNAM)),
    ],
)
async def test_a_payment_covers_its_debt_no_shorter_than_its_limit_says(
    seconds: float, until: datetime
) -> None:
    async with till(paid_covers_seconds=seconds) as site:
        site.now = PAID_AT
        await site.pay(await site.link())
        await site.hear()
        for site.now in (PAID_AT + timedelta(seconds=seconds), until - timedelta(seconds=1)):
            assert (await site.send(fee_due())).foreign_code == "paid"
        site.now = until
        assert (await site.send(fee_due())).foreign_code != "paid"


@pytest.mark.parametrize("over", [-1, 0])
async def test_an_open_payment_is_asked_about_when_it_was_quiet_for_so_long(over: int) -> None:
    async with till(ask_after_seconds=100) as site:
        await site.link()
        site.later(100 + over)
        page = await site.poller.poll("")
        assert len(page.receipts) == over + 1


@pytest.mark.parametrize("over", [0, 1])
async def test_a_payment_is_given_up_after_its_limit(over: int) -> None:
    async with till(link_seconds=900, give_up_seconds=1000) as site:
        await site.link()
        site.later(1900 + over)
        events, _ = await site.look()
        assert [event.kind for event in events] == ["payment.failed"] * over


@pytest.mark.parametrize("over", [-1, 0])
async def test_a_settlement_file_is_missing_after_its_patience(over: int) -> None:
    async with till(settlement={"due_seconds": 60, "patience_seconds": 3600}) as site:
        await site.control("PUT", "settlement", {"absent": True})
        site.now = datetime(2026, 1, 6, 1, tzinfo=VIETNAM) + timedelta(seconds=over)
        events, cursor = await site.look("2026-01-04")
        assert len(events) == over + 1
        assert cursor == ("2026-01-04" if over else "2026-01-05")
