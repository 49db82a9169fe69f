"""What the hub tells others about `events` is so: the page, the commands, the AsyncAPI document.

Write the tables of docs/events.md anew:

    python -m tests.test_contract
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from typer.testing import CliRunner, Result

from hub.__main__ import commands
from hub.connector import discover
from hub.contract import HEADERS, asyncapi
from hub.event import KINDS, MEANINGS, Event, schema_of
from hub.kafka import Kafka
from hub.settings import KafkaSettings
from hub.topics import RETENTION_DAYS, topics_of
from tests.broker import Addresses
from tests.engine.toy import event_record, fact
from tests.rules.tree import ROOT
from tests.test_graph import EXAMPLE, environment, example

PAGE = ROOT / "docs" / "events.md"
SPECIFICATION = Path(__file__).parent / "schemas" / "asyncapi-3.0.0.json"
PART = r"(?<=<!-- {}: made by python -m tests\.test_contract -->\n)(.*?)(?=<!-- end -->)"
PYTHON = re.compile(r"```python\n(.*?)```", re.S)


def headers_table() -> str:
    rows = [f"| `{name}` | {text.removesuffix('.')} |" for name, text in HEADERS.items()]
    return "\n".join(["", "| header | |", "|---|---|", *rows, "", ""])


def kinds_table() -> str:
    rows = [f"| `{kind}` | {MEANINGS[kind]} | {KINDS[kind].__name__} |" for kind in sorted(KINDS)]
    return "\n".join(["", "| kind | says | schema |", "|---|---|---|", *rows, "", ""])


TABLES = {"headers": headers_table, "kinds": kinds_table}


@pytest.mark.parametrize("name", TABLES)
def test_the_page_names_every_header_and_every_kind(name: str) -> None:
    found = re.search(PART.format(name), PAGE.read_text(encoding="utf-8"), re.S)
    assert found is not None
    assert found[1] == TABLES[name](), "write it anew: see the text of this module"


def test_the_page_tells_the_retention_in_force() -> None:
    assert f"| retention | {RETENTION_DAYS['events']} days." in PAGE.read_text(encoding="utf-8")


def test_a_record_has_the_headers_that_are_told_and_no_other() -> None:
    _, _, headers = event_record("A", 0)
    assert {name for name, _ in headers} == set(HEADERS) - {"traceparent"}


def events_of_samples() -> Iterator[tuple[Path, Event]]:
    for file in sorted((ROOT / "hub" / "connectors").rglob("*.events.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            document = json.loads(line) if line.strip() else {}
            if "type" in document:
                yield file, Event.from_json(document)


def test_every_event_of_the_samples_is_what_its_schema_says() -> None:
    checks = {kind: Draft202012Validator(schema_of(model)) for kind, model in KINDS.items()}
    seen = set()
    for file, event in events_of_samples():
        _, value, _ = event.to_record()
        faults = [each.json_path for each in checks[event.kind].iter_errors(json.loads(value))]
        assert faults == [], file
        seen.add(event.kind)
    assert len(seen) > 30


# The AsyncAPI document


def document() -> dict[str, Any]:
    return asyncapi(example(), discover())


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_the_schema_of_asyncapi_finds_the_document_valid() -> None:
    check = Draft7Validator(json.loads(SPECIFICATION.read_text(encoding="utf-8")))
    assert [each.json_path for each in check.iter_errors(document())] == []
    broken = document()
    del broken["channels"]["events"]["messages"]["sla.overdue"]["$ref"]
    broken["channels"]["events"]["messages"]["sla.overdue"]["payload"] = 3
    assert not check.is_valid(broken)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    whole = document()
    found = set(references(whole))
    assert len(found) > len(KINDS)
    for reference in found:
        part: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


def test_the_document_has_every_topic_and_every_kind() -> None:
    settings, whole = example(), document()
    topics = topics_of(settings, discover())
    assert {name: each["address"] for name, each in whole["channels"].items()} == {
        name: settings.kafka.prefix + name for name in topics
    }
    assert set(whole["channels"]["events"]["messages"]) == set(KINDS)
    kept = {
        name: each["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] / 86_400_000
        for name, each in whole["channels"].items()
    }
    assert kept == {name: RETENTION_DAYS[name.partition(".")[0]] for name in topics}


def test_an_event_of_each_kind_is_what_the_document_says() -> None:
    """Both schemas of a kind, the document's and that of `hub schemas`, judge alike."""
    whole = document()
    for kind in KINDS:
        payload = whole["components"]["messages"][kind]["payload"]
        check = Draft7Validator({**payload, "components": whole["components"]})
        alone = Draft202012Validator(schema_of(KINDS[kind]))
        assert check.is_valid({}) == alone.is_valid({})
        assert not check.is_valid([])
    told = json.loads(fact("A", 0).to_record()[1])
    payload = whole["components"]["messages"]["dossier.progressed"]["payload"]
    check = Draft7Validator({**payload, "components": whole["components"]})
    assert check.is_valid(told)
    assert not check.is_valid(told | {"status": "unheard"})


# The commands


def typed(*words: str) -> Result:
    return CliRunner().invoke(commands(["topics", "schemas"]), words, env=environment())


def test_topics_prints_the_document_and_no_secret() -> None:
    ended = typed("topics", "--config", str(EXAMPLE))
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout) == document()
    password = example().kafka.security.sasl_password
    assert password is not None
    assert password.get_secret_value() not in ended.stdout


def test_topics_names_what_is_wrong_with_the_settings(tmp_path: Path) -> None:
    ended = typed("topics", "--config", str(tmp_path / "none.yaml"))
    assert ended.exit_code == 1
    assert "none.yaml: it cannot be read" in ended.stderr


def test_schemas_lists_every_kind_with_its_line() -> None:
    lines = typed("schemas").stdout.splitlines()[1:]
    assert [tuple(re.split(r"  +", line, maxsplit=1)) for line in lines] == sorted(MEANINGS.items())


@pytest.mark.parametrize("kind", ["dossier.received", "payment.confirmed"])
def test_schemas_prints_the_schema_of_a_kind(kind: str) -> None:
    ended = typed("schemas", kind)
    assert json.loads(ended.stdout) == schema_of(KINDS[kind])


def test_schemas_suggests_the_nearest_kind() -> None:
    ended = typed("schemas", "dossier.recieved")
    assert ended.exit_code == 1
    assert "did you mean `dossier.received`?" in ended.stderr


# The example


def reader_of_the_page(folder: Path) -> Any:
    [code] = PYTHON.findall(PAGE.read_text(encoding="utf-8"))
    file = folder / "reader.py"
    file.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("reader", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_reader_of_the_page_takes_each_event_once_and_in_order(
    addresses: Addresses, namespace: str, tmp_path: Path
) -> None:
    reader = reader_of_the_page(tmp_path)
    one, two, three = (event_record("A", number, "dossier.received") for number in range(3))
    unknown = event_record("A", 3, "dossier.progressed")
    aborted = event_record("A", 4, "dossier.received")
    settings = KafkaSettings(bootstrap_servers=addresses.kafka, prefix=namespace)
    async with Kafka(settings) as kafka:
        await kafka.create_topics({"events": 1})
        producer = await kafka.producer("told")
        for records in ([one, two], [unknown], [two, three]):
            async with producer.transaction():
                await producer.send_all("events", records)
        with suppress(LookupError):
            async with producer.transaction():
                await producer.send_all("events", [aborted])
                raise LookupError
        async with producer.transaction():
            await producer.send_all("events", [event_record("A", 5, "dossier.finished")])
        await producer.close()

    finished = asyncio.Event()
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE taken (status TEXT, subject TEXT)")
    where = addresses.kafka, f"{namespace}events", f"{namespace}mine", database

    def take(about: dict[str, str], data: dict[str, Any]) -> None:
        row = data["status_code"], about["ce_subject"]
        database.execute("INSERT INTO taken VALUES (?, ?)", row)
        if about["ce_type"] == "dossier.finished":
            finished.set()

    def crash(about: dict[str, str], data: dict[str, Any]) -> None:
        take(about, data)
        if data["status_code"] == "2":
            raise LookupError

    with pytest.raises(LookupError):
        async with asyncio.timeout(60):
            await reader.read(*where, crash)
    reading = asyncio.create_task(reader.read(*where, take))
    async with asyncio.timeout(60):
        await asyncio.wait(
            {reading, waiting := asyncio.create_task(finished.wait())},
            return_when=asyncio.FIRST_COMPLETED,
        )
    waiting.cancel()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    taken = database.execute("SELECT * FROM taken").fetchall()
    database.close()
    assert taken == [("0", "A"), ("1", "A"), ("2", "A"), ("5", "A")]


async def test_the_reader_of_the_page_has_a_user_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = reader_of_the_page(tmp_path)
    assert reader.security() == {}
    monkeypatch.setenv("KAFKA_USER", "office")
    monkeypatch.setenv("KAFKA_PASSWORD", "invented")
    security = reader.security()
    assert (security["sasl_plain_username"], security["sasl_plain_password"]) == (
        "office",
        "invented",
    )
    consumer = reader.AIOKafkaConsumer(
        "events", **security
    )  # it refuses what does not fit together
    await consumer.stop()


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    for part, table in TABLES.items():
        found = re.search(PART.format(part), page, re.S)
        assert found is not None
        page = page[: found.start()] + table() + page[found.end() :]
    PAGE.write_text(page, encoding="utf-8")
