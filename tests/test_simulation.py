"""Fault scripts, the call log, the control endpoint, and `hub sim`."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.commands.sim import read_options
from hub.connector import discover
from hub.errors import ConfigError
from hub.simulation import (
    Answer,
    Call,
    CallLog,
    FaultPlayer,
    FaultScript,
    Inner,
    Item,
    Refuse,
    Simulation,
    Slow,
    load_script,
    read_script,
    running,
)


class Echo:
    """A simulated system that counts what it took."""

    def __init__(self) -> None:
        self.taken = 0

    def state(self) -> Mapping[str, Any]:
        return {"taken": self.taken}

    def reset(self) -> None:
        self.taken = 0

    def act(self, fault: Inner | None) -> Answer:
        if isinstance(fault, Refuse):
            return Answer({"error_code": fault.error_code}, taken=False)
        self.taken += 1
        return Answer({"error_code": "0"}, taken=True)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def echo_app(log: CallLog) -> Starlette:
    echo = Echo()
    simulation = Simulation("echo", FaultScript(), log, subsystem=echo)

    async def act(request: Request) -> Response:
        body = await request.body()
        item = Item("key-1", request.path_params["subject"], 7, body)
        return await simulation.perform(Call("act", [item]), echo.act)

    routes = [Route("/act/{subject}", act, methods=["POST"]), *simulation.control_routes()]
    return Starlette(routes=routes)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CallLog]:
    with CallLog(tmp_path / "calls.jsonl", clock=lambda: 1767602400.123456) as calls:
        yield calls


@pytest.fixture
async def site(log: CallLog) -> AsyncIterator[aiohttp.ClientSession]:
    async with running(echo_app(log)) as url, aiohttp.ClientSession(url) as http:
        yield http


class Got(NamedTuple):
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def call(site: aiohttp.ClientSession, method: str, path: str, **sent: Any) -> Got:
    async with site.request(method, path, **sent) as answer:
        return Got(answer.status, answer.headers, await answer.read())


async def play(site: aiohttp.ClientSession, *faults: dict[str, Any]) -> None:
    got = await call(site, "PUT", "/_control/faults", json={"faults": faults})
    assert got.status == 200


async def test_a_call_is_one_line_in_the_log_file(
    site: aiohttp.ClientSession, tmp_path: Path
) -> None:
    await call(site, "POST", "/act/A", data=b"body")
    assert json.loads((tmp_path / "calls.jsonl").read_text()) == {
        "t": 1767602400.123456,
        "system": "echo",
        "operation": "act",
        "id": "key-1",
        "subject": "A",
        "seq": 7,
        "ok": True,
        "body_sha256": sha256(b"body").hexdigest(),
    }


def test_a_call_with_several_items_is_one_line_each(log: CallLog) -> None:
    log.write("echo", Call("act", [Item("1", "A", 1), Item("2", "A", 2)]), ok=False)
    rows = list(log.last())
    assert [(row["id"], row["seq"], row["ok"]) for row in rows] == [
        ("1", 1, False),
        ("2", 2, False),
    ]


EFFECTS: list[tuple[dict[str, Any], int, int]] = [
    ({"fault": "429"}, 429, 0),
    ({"fault": "5xx", "status": 502}, 502, 0),
    ({"fault": "refuse"}, 200, 0),
    ({"fault": "malformed"}, 200, 1),
    ({"fault": "malformed", "effect": False}, 200, 0),
    ({"fault": "slow", "seconds": 0.01}, 200, 1),
    ({"fault": "expired_session"}, 200, 1),
]


@pytest.mark.parametrize(("fault", "status", "taken"), EFFECTS, ids=lambda value: str(value))
async def test_each_fault_answers_and_takes_effect_as_it_says(
    site: aiohttp.ClientSession, log: CallLog, fault: dict[str, Any], status: int, taken: int
) -> None:
    await play(site, fault)
    assert (await call(site, "POST", "/act/A", data=b"x")).status == status
    assert (await call(site, "GET", "/_control/state")).json == {"taken": taken}
    assert [row["ok"] for row in log.last()] == [bool(taken)]


@pytest.mark.parametrize("then", ["silence", "cut"])
@pytest.mark.parametrize(
    ("fault", "taken"), [("timeout_after_success", 1), ("timeout_without_effect", 0)]
)
async def test_a_time_out_never_answers_whether_it_took_effect_or_not(
    site: aiohttp.ClientSession, fault: str, then: str, taken: int
) -> None:
    await play(site, {"fault": fault, "then": then})
    with pytest.raises((TimeoutError, aiohttp.ClientError)):
        await call(site, "POST", "/act/A", timeout=aiohttp.ClientTimeout(total=0.2))
    assert (await call(site, "GET", "/_control/state")).json == {"taken": taken}


async def test_retry_after_comes_as_seconds_or_as_date_or_not_at_all(
    site: aiohttp.ClientSession,
) -> None:
    await play(
        site,
        {"fault": "429", "retry_after_seconds": 90, "next_calls": 1},
        {"fault": "429", "retry_after_seconds": 90, "retry_after_form": "date", "next_calls": 1},
        {"fault": "429", "retry_after_form": "none"},
    )
    waits = [(await call(site, "POST", "/act/A")).headers.get("Retry-After") for _ in range(3)]
    assert waits[0] == "90"
    assert waits[1] is not None
    assert 80 < parsedate_to_datetime(waits[1]).timestamp() - time.time() < 100
    assert waits[2] is None


async def test_faults_are_read_replaced_and_removed_while_running(
    site: aiohttp.ClientSession,
) -> None:
    script = "seed: 3\nfaults:\n  - {fault: 429, operation: act}\n"
    script += "  - {fault: refuse, error_code: '99'}\n"
    answer = await call(site, "PUT", "/_control/faults", data=script)
    refuse = {"fault": "refuse", "error_code": "99"}
    expected = {"seed": 3, "faults": [{"fault": "429", "operation": "act"}, refuse]}
    assert answer.json == expected
    assert (await call(site, "GET", "/_control/faults")).json == expected
    assert (await call(site, "DELETE", "/_control/faults")).json == {}
    assert (await call(site, "POST", "/act/A")).status == 200


async def test_a_wrong_script_is_refused_and_the_old_one_goes_on(
    site: aiohttp.ClientSession,
) -> None:
    await play(site, {"fault": "429"})
    answer = await call(site, "PUT", "/_control/faults", data="faults: [{fault: slow, second: 1}]")
    assert answer.status == 400
    assert "/faults/0" in answer.json["error"]
    assert (await call(site, "POST", "/act/A")).status == 429


async def test_reset_forgets_what_was_sent_but_not_the_faults(
    site: aiohttp.ClientSession,
) -> None:
    await call(site, "POST", "/act/A")
    await play(site, {"fault": "refuse"})
    assert (await call(site, "POST", "/_control/reset")).status == 204
    assert (await call(site, "GET", "/_control/state")).json == {"taken": 0}
    assert (await call(site, "GET", "/_control/log")).body == b""
    assert (await call(site, "POST", "/act/A")).json == {"error_code": "99"}


async def test_the_log_endpoint_filters_by_subject(site: aiohttp.ClientSession) -> None:
    for subject in ("A", "B", "A"):
        await call(site, "POST", f"/act/{subject}")
    text = (await call(site, "GET", "/_control/log?subject=A")).body
    assert [json.loads(line)["subject"] for line in text.splitlines()] == ["A", "A"]


def test_next_calls_are_counted_only_by_calls_that_meet_the_rest() -> None:
    script = read_script("faults: [{fault: '429', operation: 'Dong*', next_calls: 2}]")
    player = FaultPlayer(script)
    asked = ["DongBo", "TraCuu", "DongBo", "DongBo"]
    assert [player.pick(name, "A").fault is not None for name in asked] == [
        True,
        False,
        True,
        False,
    ]


def test_slowness_adds_up_and_meets_other_faults() -> None:
    slow = "{fault: slow, seconds: 0.5}"
    player = FaultPlayer(read_script(f"faults: [{slow}, {slow}, {{fault: refuse}}, {slow}]"))
    verdict = player.pick("act", "A")
    assert verdict.delay_seconds == 1.0
    assert isinstance(verdict.fault, Refuse)


def test_a_share_of_subjects_is_always_the_same_and_about_right() -> None:
    script = read_script("seed: 5\nfaults: [{fault: refuse, subject_share: 0.05}]")
    subjects = [f"H99.01-260105-{n:04}" for n in range(4000)]

    def met() -> list[str]:
        player = FaultPlayer(script)
        return [one for one in subjects if player.pick("act", one).fault is not None]

    assert met() == met()
    assert 150 < len(met()) < 250


def test_a_call_about_no_subject_is_in_no_share_of_subjects() -> None:
    """A refused login would stop everybody, with one seed in twenty."""
    for seed in range(200):
        player = FaultPlayer(
            read_script(f"seed: {seed}\nfaults: [{{fault: refuse, subject_share: 0.5}}]")
        )
        assert player.pick("login", "").fault is None


def test_a_share_of_calls_repeats_with_the_seed() -> None:
    script = read_script("seed: 5\nfaults: [{fault: refuse, share: 0.3}]")

    def met() -> list[bool]:
        player = FaultPlayer(script)
        return [player.pick("act", "A").fault is not None for _ in range(1000)]

    assert met() == met()
    assert 230 < sum(met()) < 370


def test_a_burst_comes_back_with_its_period() -> None:
    clock = Clock()
    text = "faults: [{fault: 5xx, from_seconds: 1, until_seconds: 2, repeat_seconds: 10}]"
    player = FaultPlayer(read_script(text), clock=clock)
    seen = []
    for clock.now in (0.5, 1.0, 1.9, 2.0, 9.9, 11.5, 12.5):
        seen.append(player.pick("act", "A").fault is not None)
    assert seen == [False, True, True, False, False, True, False]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("faults: [{fault: explode}]", "/faults/0"),
        ("faults: [{fault: slow}]", "/faults/0/slow/seconds"),
        ("faults: [{fault: refuse, share: 2}]", "/faults/0/refuse/share"),
        ("fault: []", "/fault"),
        ("faults: [", "YAML"),
    ],
)
def test_a_wrong_script_names_its_place(text: str, path: str) -> None:
    with pytest.raises(ConfigError, match=path):
        read_script(text)


def test_a_script_file_is_read_and_a_missing_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("faults: [{fault: slow, seconds: 1}]")
    assert load_script(file).faults == (Slow(fault="slow", seconds=1),)
    assert load_script(None).faults == ()
    with pytest.raises(ConfigError, match=r"gone\.yaml"):
        load_script(tmp_path / "gone.yaml")


def test_options_of_a_simulator_are_read_as_yaml_and_unknown_ones_refused() -> None:
    portal = discover()["national_portal"]
    assert read_options(portal, ["session_seconds=5"]) == {"session_seconds": 5}
    for wrong in ("session=5", "session_seconds", "dstcode=[", "log=x"):
        with pytest.raises(ConfigError):
            read_options(portal, [wrong])


def test_every_simulator_runs_without_options_and_answers_its_state(tmp_path: Path) -> None:
    run = "import sys, typer; from hub.commands.sim import sim; typer.run(sim)"
    log = tmp_path / "calls.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", run, "national_portal", "--port", str(port), "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert f":{port}" in process.stdout.readline()
        assert json.loads(_state_when_up(port))["dossiers"] == 0
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    assert log.exists()


def _state_when_up(port: int) -> bytes:
    for _ in range(100):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as http:
                http.sendall(b"GET /_control/state HTTP/1.0\r\n\r\n")
                return b"".join(iter(lambda: http.recv(65536), b"")).partition(b"\r\n\r\n")[2]
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the simulator did not answer")


def test_an_unknown_simulator_is_refused_with_the_known_ones() -> None:
    run = "import typer; from hub.commands.sim import sim; typer.run(sim)"
    done = subprocess.run([sys.executable, "-c", run, "none"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "national_portal" in done.stderr
