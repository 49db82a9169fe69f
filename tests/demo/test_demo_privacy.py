"""What a demo with misbehaving counterparts writes down of its people: nothing."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from urllib.parse import quote

import aiohttp
import psycopg
import pytest
from psycopg import sql

from hub.demo import scenario
from hub.demo.people import Person
from hub.demo.scenario import Shares
from tests.demo.test_demo import EVERYBODY, SECONDS, Demo, demo, lines_until

__all__ = ["demo"]

pytestmark = pytest.mark.timeout(420)

COUNT = 15
STORY = ("Nguyễn Văn Mẫu", "Trần Minh Giả", "Số 2 phố Mẫu", "nguyen.van.mau@thu.example")
STORY_NUMBERS = ("099090000001", "0900000001")


def personal() -> set[str]:
    """What nobody may find: names, numbers and addresses of everyone in the demo."""
    people: list[Person] = [
        each.person for each in scenario.invent(COUNT, using=Shares(payment=1, post=1)).dossiers
    ]
    told = {text for each in people for text in (each.name, each.id_number, each.phone, each.email)}
    return told | {*STORY, *STORY_NUMBERS}


def leaks(text: str, secrets: set[str]) -> set[str]:
    """Which of the secrets a text holds, also as JSON or an address writes them."""
    forms = ((each, {each, json.dumps(each)[1:-1], quote(each)}) for each in secrets)
    return {each for each, written in forms if any(form in text for form in written)}


def rows(url: str, database: str) -> Iterator[str]:
    """Every row of the hub's database as JSON, without columns of bytes."""
    columns = (
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type <> 'bytea'"
    )
    with psycopg.connect(url, dbname=database) as connection:
        tables: dict[str, list[str]] = {}
        for table, column in connection.execute(columns):
            tables.setdefault(table, []).append(column)
        for table, names in tables.items():
            wanted = sql.SQL(", ").join(map(sql.Identifier, names))
            query = sql.SQL("SELECT row_to_json(r)::text FROM (SELECT {} FROM {}) AS r")
            for (row,) in connection.execute(query.format(wanted, sql.Identifier(table))):
                yield f"{table} {row}"


@pytest.mark.parametrize("written", ["x {} y", '{{"a": {!a}}}'])
def test_what_is_looked_for_would_be_found(written: str) -> None:
    secrets = personal()
    assert len(secrets) > COUNT * 3
    name = STORY[0]
    assert leaks(written.format(name), secrets) == {name}
    assert leaks(f"/a?b={quote(name)}", secrets) == {name}
    assert leaks("message_handled H26.19.12-230103-0001", secrets) == set()


async def test_no_person_is_found_in_a_log_a_metric_or_the_text_of_an_error(demo: Demo) -> None:
    secrets = personal()
    with demo.started("--dossiers", str(COUNT), "--faults", *EVERYBODY, "--keep") as running:
        page = await asyncio.to_thread(lines_until, running, "_control/dossiers", error=False)
        ready = re.search(r"http://\S+/readyz", "".join(page))
        assert ready is not None
        url = ready[0].removesuffix("readyz") + "metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            metrics = await answer.text()
        running.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(running.wait, SECONDS) == 0
    logs = {file.name: file.read_text("utf-8") for file in demo.files.glob("*.log")}
    told = "\n".join(rows(demo.addresses.postgres, demo.name))
    assert "message_handled" in logs["hub.log"]
    assert '"level":"warning"' in logs["hub.log"], "something went wrong, and was told"
    assert "hub_polls_total" in metrics
    assert "timeline {" in told
    found = {name: leaks(text, secrets) for name, text in logs.items()}
    found |= {"metrics": leaks(metrics, secrets), "store": leaks(told, secrets)}
    assert {name: each for name, each in found.items() if each} == {}
