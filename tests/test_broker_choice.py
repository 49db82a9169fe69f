"""Where the tests run is decided by rules, and the fixtures keep tests apart."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests import broker
from tests.broker import Addresses, choose

GIVEN = {"HUB_TEST_KAFKA": "kafka:9092", "HUB_TEST_POSTGRES": "postgresql://hub@db/hub"}


def yes() -> bool:
    return True


def no() -> bool:
    return False


def never() -> bool:
    raise AssertionError("nobody should ask for Docker here")


def test_given_addresses_win_and_docker_is_not_asked() -> None:
    assert choose(GIVEN, never) == Addresses("kafka:9092", "postgresql://hub@db/hub")


@pytest.mark.parametrize("left_out", sorted(GIVEN))
def test_half_an_address_is_refused_with_the_name_of_the_other_half(left_out: str) -> None:
    environment = {name: value for name, value in GIVEN.items() if name != left_out}
    with pytest.raises(ValueError, match=f"{left_out} is missing"):
        choose(environment, never)


def test_docker_is_used_where_it_answers() -> None:
    assert choose({}, yes) == "docker"


def test_the_local_pair_is_used_where_docker_does_not_answer() -> None:
    assert choose({}, no) == "local"


@pytest.mark.parametrize("word", ["docker", "local"])
def test_the_environment_can_decide_between_docker_and_local(word: str) -> None:
    assert choose({"HUB_TEST_BROKER": word}, never) == word


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="podman"):
        choose({"HUB_TEST_BROKER": "podman"}, never)


def test_without_a_trace_of_docker_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(broker, "UNIX_SOCKETS", (str(tmp_path / "none.sock"),))
    assert broker.docker_answers() is False


def test_a_docker_address_where_nobody_answers_counts_as_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert broker.docker_answers() is False


def test_each_test_has_an_empty_database_of_its_own(addresses: Addresses, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE mine (id int)")
    with (
        broker.fresh_database(addresses.postgres) as other,
        psycopg.connect(other) as connection,
    ):
        found = connection.execute("SELECT to_regclass('mine')").fetchone()
    assert found == (None,)


def test_a_database_is_dropped_although_somebody_is_connected(addresses: Addresses) -> None:
    with broker.fresh_database(addresses.postgres) as url:
        connection = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()


async def test_the_topics_of_a_test_are_gone_after_it(addresses: Addresses, namespace: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=addresses.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(f"{namespace}in", 2, 1), NewTopic("t-other", 1, 1)])
    producer = AIOKafkaProducer(bootstrap_servers=addresses.kafka, acks="all")
    await producer.start()
    await producer.send_and_wait(f"{namespace}in", b"a dossier")
    await producer.stop()

    await broker.remove_topics(addresses.kafka, namespace)

    left = await admin.list_topics()
    await broker.remove_topics(addresses.kafka, "t-other")
    await admin.close()
    assert f"{namespace}in" not in left
    assert "t-other" in left
