"""`hub connector`: what is configured, and whether it answers; against the real simulator."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from typer.testing import CliRunner, Result

from hub.__main__ import commands
from hub.connector import discover
from hub.local.place import choose_ports
from hub.simulation import CallLog, FaultScript

UNIT = "H26.19.12"
SETTINGS = """
version: 1
kafka: {{bootstrap_servers: "127.0.0.1:9"}}
postgres: {{url: "${{file:{folder}/postgres.secret}}"}}
blobs: {{url: "file://{folder}/blobs"}}
units: {{{unit}: {{name: "UBND phường Mẫu"}}}}
connectors:
  national_portal:
    base_url: "{url}"
    auth_path: /auth
    integration_path: /integration
    share_path: /share
    dstcode: "VN:GOV:000.00.00.G22:dvcqg"
    accounts: {{{unit}: {{username: "{unit}", password: "${{file:{folder}/portal.secret}}"}}}}
  one_stop:
    accounts: {{{unit}: {{username: "{unit}", password: "${{file:{folder}/portal.secret}}"}}}}
    dstcode: "VN:GOV:000.00.00.G22:dvcqg"
    session_secret: "${{file:{folder}/session.secret}}"
"""


@pytest.fixture
def portal() -> Iterator[str]:
    """The simulated portal, served by a thread."""
    make = discover()["national_portal"].simulator
    assert make is not None
    port = choose_ports(durable=False).kafka
    app = make(FaultScript(), CallLog())
    config = uvicorn.Config(app, port=port, log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def probe(folder: Path, url: str, *more: str, account: str = "demo") -> Result:
    """Run a command with a hub.yaml whose portal is at `url`; `account` is the password."""
    (folder / "portal.secret").write_text(account)
    (folder / "session.secret").write_text("s" * 32)
    (folder / "postgres.secret").write_text("postgresql://hub@127.0.0.1:9/hub")
    config = folder / "hub.yaml"
    config.write_text(SETTINGS.format(folder=folder, url=url, unit=UNIT), "utf-8")
    return CliRunner().invoke(commands(["connector"]), [*more, "--config", str(config)])


def wait_for(portal: str) -> None:
    host, _, port = portal.removeprefix("http://").partition(":")
    while True:
        with socket.socket() as probing:
            if probing.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.05)


def test_a_portal_that_answers_is_told_in_one_sentence(tmp_path: Path, portal: str) -> None:
    wait_for(portal)
    found = probe(tmp_path, portal, "connector", "probe", "national_portal")
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith("national_portal: signed in for H26.19.12")
    assert found.stdout.count("\n") == 1


def test_a_refused_account_is_told_with_what_helps(tmp_path: Path, portal: str) -> None:
    wait_for(portal)
    found = probe(tmp_path, portal, "connector", "probe", "national_portal", account="wrong")
    assert found.exit_code == 1
    assert found.stderr.startswith("account_refused: ")
    assert len(found.stderr.splitlines()) == 2


def test_a_system_that_is_not_there_is_told_as_json_too(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    found = probe(tmp_path, nowhere, "connector", "probe", "national_portal", "--json")
    assert found.exit_code == 1
    told = json.loads(found.stdout)
    assert (told["ok"], told["connector"]) == (False, "national_portal")


@pytest.mark.parametrize(
    ("name", "text"),
    [("nowhere", "no connector nowhere is configured"), ("one_stop", "only receives")],
)
def test_what_cannot_be_probed_is_refused(tmp_path: Path, name: str, text: str) -> None:
    found = probe(tmp_path, "http://127.0.0.1:9", "connector", "probe", name)
    assert found.exit_code == 1
    assert text in found.stderr


def test_without_a_name_every_connector_that_sends_is_probed(tmp_path: Path, portal: str) -> None:
    wait_for(portal)
    found = probe(tmp_path, portal, "connector", "probe")
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith("national_portal: signed in for H26.19.12")
    assert "one_stop" not in found.stdout  # it only receives here
    away = probe(tmp_path, "http://127.0.0.1:9", "connector", "probe", "--json")
    assert away.exit_code == 1
    assert [(told["connector"], told["ok"]) for told in json.loads(away.stdout)] == [
        ("national_portal", False)
    ]


def test_the_list_tells_who_sends_and_who_receives(tmp_path: Path) -> None:
    found = probe(tmp_path, "http://127.0.0.1:9", "connector", "list", "--json")
    ways = {row["connector"]: row["ways"] for row in json.loads(found.stdout)}
    assert ways == {"national_portal": "receives, sends, asks", "one_stop": "receives"}
