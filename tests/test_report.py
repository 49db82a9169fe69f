"""`hub report`: a month's figures as people and programs read them, and recomputed from Kafka."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from msgspec import structs
from typer.testing import CliRunner, Result

from hub.__main__ import commands
from hub.event import Event
from hub.kafka import Kafka, partition_of
from hub.message import Position
from hub.outbound import EVENTS_TOPIC
from hub.quality import NOT_GIVEN
from hub.schemas.dossier import (
    KIND_OF_STATUS,
    Applicant,
    Channel,
    Dossier,
    DossierEvent,
    DossierStatus,
    Procedure,
)
from hub.schemas.petition import Satisfaction, SurveyVoted
from hub.settings import KafkaSettings
from hub.store.recording import Recording, record
from hub.worktime import VIETNAM
from tests import broker
from tests.store.rows import on

UNIT, OTHER = "000.15.28.H22", "000.16.28.H22"
PARTITIONS = 2


def at(day: int) -> datetime:
    return datetime(2023, 5, day, 9, tzinfo=VIETNAM)


def dossier(code: str, status: DossierStatus, day: int, unit: str = UNIT) -> Event:
    whole = Dossier(
        procedure=Procedure(code="1.001193"),
        applicant=Applicant(name="Nguyễn Văn Mẫu"),
        channel=Channel.ONLINE,
        received_at=at(2),
        due_at=at(8),
    )
    data = DossierEvent(code=code, unit=unit, status=status, dossier=whole)
    source = f"/connectors/toy/{unit}"
    return Event(KIND_OF_STATUS[status], source, code, at(day), data, "k", f"{code}/{day}")


EVENTS = [
    dossier("H1", DossierStatus.RECEIVED, 2),
    dossier("H1", DossierStatus.DONE, 5),
    dossier("H2", DossierStatus.RECEIVED, 2),
    dossier("H2", DossierStatus.SUPPLEMENT, 3),
    dossier("H3", DossierStatus.RECEIVED, 4, OTHER),
    Event(
        "survey.voted",
        f"/connectors/toy/{UNIT}",
        UNIT,
        at(9),
        SurveyVoted(vote_id="1", unit=UNIT, vote=Satisfaction.SATISFIED),
        "k",
        "v1",
    ),
]


def placed(events: list[Event]) -> list[Event]:
    """The events with the positions that Kafka gives them."""
    ends = dict.fromkeys(range(PARTITIONS), 0)
    found = []
    for event in events:
        partition = partition_of(event.subject.encode(), PARTITIONS)
        position = Position(EVENTS_TOPIC, partition, ends[partition])
        ends[partition] += 1
        found.append(structs.replace(event, position=position))
    return found


@pytest.fixture
def hub(migrated: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Types `hub report`, where `EVENTS` are recorded."""
    monkeypatch.chdir(tmp_path)
    for name in ("HUB_CONFIG", "HUB_KAFKA"):
        monkeypatch.delenv(name, raising=False)
    on(migrated, lambda store: record(store, Recording([], placed(EVENTS), {})))

    def run(*words: str) -> Result:
        env = {"HUB_POSTGRES": migrated, "COLUMNS": "200"}
        return CliRunner().invoke(commands(["report", "check"]), ["report", *words], env=env)

    return run


def test_the_table_has_a_row_for_each_unit_and_says_what_is_missing(
    hub: Callable[..., Result],
) -> None:
    found = hub("--month", "2023-05")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    [dossiers, rates] = [line.split() for line in lines if line.startswith(UNIT)]
    #                    received carried solved early on_time late open overdue paused …
    assert dossiers[1:] == ["2", "0", "1", "1", "0", "0", "0", "0", "1", "0", "0"]
    assert rates[1:4] == ["100.00", "%", "(1/1)"]
    assert sum(line.startswith("(tất cả / all)") for line in lines) == 2
    for name in NOT_GIVEN:
        assert any(line.startswith(name) for line in lines)
    assert "Nguyễn" not in found.stdout


def test_the_json_has_every_count_and_rate(hub: Callable[..., Result]) -> None:
    document = json.loads(hub("--month", "2023-05", "--json").stdout)
    assert (document["first"], document["last"]) == ("2023-05-01", "2023-05-31")
    assert document["total"]["dossiers"]["received"] == 3
    assert document["units"][OTHER]["dossiers"]["overdue"] == 1
    mine = document["units"][UNIT]
    assert mine["counts"]["satisfied"] == 1
    assert mine["rates"]["on_time"] == {"count": 1, "of": 1, "share": 1.0}
    assert mine["rates"]["online_payment"] == {"count": 0, "of": 0, "share": None}
    assert document["not_given"] == dict(NOT_GIVEN)
    alone = json.loads(hub("--month", "2023-05", "--json", "--unit", UNIT).stdout)
    assert list(alone["units"]) == [UNIT]
    assert alone["total"]["dossiers"] == mine["dossiers"]
    empty = json.loads(hub("--month", "2022-05", "--json").stdout)
    assert empty["units"] == {}


def test_what_is_no_month_is_refused(hub: Callable[..., Result]) -> None:
    found = hub("--month", "05/2023")
    assert found.exit_code == 2
    assert "2023-05" in found.output


def test_a_recomputation_needs_to_know_where_kafka_is(hub: Callable[..., Result]) -> None:
    found = hub("--month", "2023-05", "--recompute")
    assert found.exit_code == 1
    assert "hub.yaml" in found.output


def test_a_recomputation_from_kafka_agrees_or_says_where_not(
    hub: Callable[..., Result],
    addresses: broker.Addresses,
    namespace: str,
    migrated: str,
    tmp_path: Path,
) -> None:
    kafka_settings = {
        "bootstrap_servers": addresses.kafka,
        "prefix": namespace,
        "partitions_count": PARTITIONS,
    }

    async def send(events: list[Event]) -> None:
        async with Kafka(KafkaSettings(**kafka_settings)) as kafka:
            await kafka.create_topics({EVENTS_TOPIC: PARTITIONS}, {})
            producer = await kafka.producer()
            await producer.send_all(EVENTS_TOPIC, [event.to_record() for event in events])
            await producer.close()

    document = {
        "version": 1,
        "kafka": kafka_settings,
        "postgres": {"url": "${env:HUB_POSTGRES}"},
        "blobs": {"url": "file://blobs"},
        "units": {UNIT: {"name": "UBND phường Phúc Lợi"}},
    }
    file = tmp_path / "hub.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    words = ("--month", "2023-05", "--recompute", "--config", str(file))

    asyncio.run(send(EVENTS))
    same = hub(*words)
    assert same.exit_code == 0, same.output
    assert "recomputed from events: the same" in same.stdout
    assert "UBND phường Phúc Lợi" in same.stdout

    asyncio.run(send([dossier("H9", DossierStatus.RECEIVED, 9)]))  # the recorder lags behind
    different = hub(*words, "--json")
    assert different.exit_code == 1
    differing = json.loads(different.stdout)["recomputed"]["differing"]
    assert differing[UNIT]["received"] == {"recorded": 2, "recomputed": 3}
    assert OTHER not in differing
    assert "DIFFERENT" in hub(*words).stdout
