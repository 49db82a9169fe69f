"""`hub demo` for real: Kafka, PostgreSQL, portal and hub as processes, figures read back."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import psycopg
import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient

from hub.demo import ground, scenario
from hub.demo.place import PLACES
from hub.demo.scenario import Shares
from tests.broker import Addresses
from tests.rules.tree import ROOT

SECONDS = 200
EVERYBODY = ("--online-payment-share", "1", "--post-share", "1")
pytestmark = pytest.mark.timeout(420)


class Demo:
    """A folder to run demos in, and the servers they use."""

    def __init__(self, folder: Path, addresses: Addresses) -> None:
        self.folder = folder
        self.files = folder / ".hub" / "demo"
        self.addresses = addresses
        given = {"HUB_KAFKA": addresses.kafka, "HUB_POSTGRES": addresses.postgres}
        self._environment = {**os.environ, **given}

    @contextmanager
    def started(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        """A demo that runs; killed at the end if it still does."""
        command = [sys.executable, "-m", "hub", "demo", *options]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as demo:
            try:
                yield demo
            finally:
                demo.kill()

    def run(self, *options: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a whole run."""
        with self.started(*options) as demo:
            out, err = demo.communicate(timeout=SECONDS)
        return demo.returncode, out, err

    def type(self, *lines: str) -> str:
        """What these lines print, typed into a shell in the folder."""
        typed = [f'hub() {{ "{sys.executable}" -m hub "$@"; }}', *lines]
        ended = subprocess.run(
            ["bash", "-c", "\n".join(typed)],
            cwd=self.folder,
            env={n: v for n, v in os.environ.items() if n not in ("HUB_KAFKA", "HUB_POSTGRES")},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        return ended.stdout + ended.stderr

    @property
    def settings(self) -> dict[str, Any]:
        """The hub.yaml of the last run."""
        loaded: dict[str, Any] = yaml.safe_load((self.files / "hub.yaml").read_text("utf-8"))
        return loaded

    @property
    def name(self) -> str:
        """Name of the last run at Kafka and PostgreSQL."""
        prefix: str = self.settings["kafka"]["prefix"]
        return prefix.removesuffix(".")

    def processes(self) -> list[list[str]]:
        """Command lines of all that still runs out of this folder."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            arguments = process.info["cmdline"] or []
            if any(str(self.folder) in argument for argument in arguments):
                found.append(arguments)
        return found

    def databases(self) -> set[str]:
        """Names of the demo's databases at the server."""
        with psycopg.connect(self.addresses.postgres) as connection:
            rows = connection.execute("SELECT datname FROM pg_database").fetchall()
        return {name for (name,) in rows if name.startswith("demo_")}

    async def topics(self, name: str) -> set[str]:
        """The topics of a run that exist."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.addresses.kafka)
        await admin.start()
        try:
            return {topic for topic in await admin.list_topics() if topic.startswith(name)}
        finally:
            await admin.close()


@pytest.fixture
def demo(tmp_path: Path, addresses: Addresses) -> Iterator[Demo]:
    here = Demo(tmp_path, addresses)
    yield here
    made = here.files / "made.json"
    for name in json.loads(made.read_text("utf-8")) if made.exists() else ():
        asyncio.run(ground.remove(name, addresses.kafka, addresses.postgres))


def lines_until(process: subprocess.Popen[str], pattern: str, *, error: bool) -> list[str]:
    """Lines of a stream up to the one that the pattern finds."""
    stream = process.stderr if error else process.stdout
    assert stream is not None
    seen: list[str] = []
    for line in stream:
        seen.append(line)
        if re.search(pattern, line):
            return seen
    raise AssertionError(f"{pattern} never came; last: {seen[-5:]}")


def practise(demo: Demo, exported: str) -> None:
    """Type what docs/runbook/practice.md says, and see what it promises."""
    page = (ROOT / "docs" / "runbook" / "practice.md").read_text("utf-8")
    start, refuse, send, see, early, mend, rest = re.findall(r"```sh\n(.*?)```", page, re.S)
    assert start == "make demo KEEP=1\n"
    demo.type(exported, refuse, send)
    until_typed(demo, exported, "hub held list --json", '"waiting_count": 2')
    seen = demo.type(exported, see)
    assert "undocumented_refusal" in seen
    used = re.search(r"rounds used: (\d+) of 12; next at ", seen)  # the hub tries too, by itself
    assert used
    assert "1 behind it wait for it" in seen
    tried = demo.type(exported, early)
    again = r"act 1: parked again, undocumented_refusal: .*\nrounds used: (\d+) of 12; "
    assert (told := re.match(again, tried))
    assert int(told[1]) > int(used[1])
    mended = demo.type(exported, mend)
    assert "act 2: delivered\n" in mended
    assert '"statuses":["2"' in mended
    until_typed(demo, exported, "hub held list", "nothing is held")
    holds = "curl -s $PORTAL/_control/dossiers/$DOSSIER"
    assert json.loads(demo.type(exported, holds))["statuses"] == ["2", "4"]
    rested = demo.type(exported, rest)
    assert "practice: maintenance" in rested
    assert "dossiers-to-national-portal goes on" in rested


def until_typed(demo: Demo, exported: str, line: str, wanted: str) -> None:
    """Type a line until it prints what is wanted."""
    end = time.monotonic() + SECONDS
    while wanted not in (found := demo.type(exported, line)):
        assert time.monotonic() < end, found


def test_the_hub_the_portal_and_the_ward_agree_and_nothing_is_left_running(demo: Demo) -> None:
    code, out, err = demo.run("--dossiers", "60", *EVERYBODY, "--json")
    assert code == 0, err
    report = json.loads(out)
    ward = scenario.invent(60, using=Shares(payment=1, post=1))
    beside = report["counterparts"]["Payments and parcels"]
    assert (
        len(ward.paying) == beside["payments paid"]["found"] == beside["receipts issued"]["found"]
    )
    assert len(ward.posted) == beside["parcels delivered"]["found"]
    assert min(len(ward.paying), len(ward.posted)) > 2
    for found in (report["dossiers"], report["national_portal"]["holds"]["figures"]):
        assert found.items() >= asdict(ward.expected).items()
    portal = report["national_portal"]
    assert portal["delivered"] == sum(len(call.items) for call in ward.calls)
    assert (portal["parked"], portal["dead"], portal["holds"]["older_steps"]) == (0, 0, 0)
    assert report["calls"] == len(ward.calls)
    assert report["disagreements"] == []
    assert demo.processes() == []
    assert list(demo.files.glob("*.pid")) == []
    told = "".join(file.read_text("utf-8") for file in demo.files.glob("*.log")) + out + err
    assert any(
        dossier.code in told for dossier in ward.dossiers
    )  # under load some are only counted
    for dossier in ward.dossiers:
        person = dossier.person
        assert not any(each in told for each in (person.name, person.id_number, person.email))


def test_faults_of_the_portal_change_no_figure(demo: Demo) -> None:
    code, out, err = demo.run("--dossiers", "60", *EVERYBODY, "--faults", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["dossiers"].items() >= asdict(scenario.invent(60).expected).items()
    assert report["disagreements"] == []
    assert report["national_portal"]["retried"] > 0
    assert report["national_portal"]["dead"] == 0


def test_a_citys_documents_are_signed_and_answered_and_its_petitions_end(demo: Demo) -> None:
    few = ("--dossiers", "6", "--document-count", "6", "--petition-count", "6")
    code, out, err = demo.run("--place", "thanh-hoa", *few, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["disagreements"] == []
    assert report["counterparts"]["Payments and parcels"]["payments paid"]["found"] == 3
    day = report["counterparts"]["Documents and petitions of the day"]
    assert [day[what]["found"] for what in ("documents at the axis", "validly signed ones")] == [
        6
    ] * 2
    assert day["document.status_changed in the timeline"]["found"] == 12
    assert day["petitions answered, once"]["found"] == 5
    assert day["complaints redirected, once"]["found"] == 1
    assert "documents sent 6 of 6" in err
    assert demo.processes() == []


def test_188_units_send_at_once_and_each_has_its_dossier_at_the_portal(demo: Demo) -> None:
    code, out, err = demo.run("--place", "hung-yen", "--dossiers", "188", "--json")
    assert code == 0, err
    report = json.loads(out)
    province = scenario.invent(188, place=PLACES["hung-yen"])
    assert report["dossiers"].items() >= asdict(province.expected).items()
    assert report["disagreements"] == []
    portal = report["national_portal"]
    assert portal["delivered"] == sum(len(call.items) for call in province.calls)
    assert (portal["parked"], portal["dead"], portal["holds"]["older_steps"]) == (0, 0, 0)
    calls = map(json.loads, (demo.files / "portal-calls.jsonl").read_text("utf-8").splitlines())
    subjects = {call["subject"] for call in calls if call["ok"] and call["subject"]}
    assert len(subjects) == 188
    assert {each.partition("-")[0] for each in subjects} == set(PLACES["hung-yen"].units)
    assert demo.processes() == []


async def test_a_kept_demo_says_where_it_is_and_its_command_works_until_ctrl_c(demo: Demo) -> None:
    with demo.started("--dossiers", "5", "--keep") as running:
        page = await asyncio.to_thread(lines_until, running, "practice.md", error=False)
        exported = next(line.strip() for line in page if " HUB_CONFIG=" in line)
        command = next(line.strip() for line in page if line.startswith("  hub show dossier"))
        shown = await asyncio.to_thread(demo.type, f"{exported}\n{command}")
        assert "dossier.returned" in shown
        await asyncio.to_thread(practise, demo, exported)
        ready = re.search(r"http://\S+/readyz", "".join(page))
        assert ready is not None
        async with aiohttp.ClientSession() as session, session.get(ready[0]) as answer:
            assert answer.status == 200
        second = await asyncio.to_thread(demo.run, "--dossiers", "1")
        assert second[0] == 1
        assert "Another demo runs" in second[2]
        running.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(running.wait, SECONDS) == 0
    assert demo.processes() == []
    first = demo.name
    assert first in demo.databases()
    assert await demo.topics(first)
    code, _, err = await asyncio.to_thread(demo.run, "--dossiers", "1")
    assert code == 0, err
    assert first not in demo.databases()
    assert not await demo.topics(first)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_stops_everything(demo: Demo, number: signal.Signals) -> None:
    with demo.started("--dossiers", "50", "--speed", "5") as running:
        lines_until(running, "sent", error=True)
        assert demo.processes()
        running.send_signal(number)
        assert running.wait(SECONDS) == 130
    assert demo.processes() == []


def test_a_hub_that_dies_ends_the_demo_with_its_last_words(demo: Demo) -> None:
    with demo.started("--dossiers", "50", "--speed", "5") as running:
        lines_until(running, "sent", error=True)
        os.kill(int((demo.files / "hub.pid").read_text("utf-8").split()[0]), signal.SIGKILL)
        _, err = running.communicate(timeout=SECONDS)
    assert running.returncode == 1
    assert "hub has ended by itself" in err
    assert str(demo.files / "hub.log") in err
    assert demo.processes() == []


def test_what_a_killed_demo_left_running_is_ended_by_the_next(demo: Demo) -> None:
    with demo.started("--dossiers", "50", "--speed", "5") as running:
        lines_until(running, "sent", error=True)
        running.kill()
        running.wait(SECONDS)
    assert demo.processes()
    code, _, err = demo.run("--dossiers", "1")
    assert code == 0, err
    assert demo.processes() == []


def test_half_of_the_addresses_is_refused(demo: Demo) -> None:
    given = {"HUB_KAFKA": demo.addresses.kafka}
    others = {name: value for name, value in os.environ.items() if name != "HUB_POSTGRES"}
    command = [sys.executable, "-m", "hub", "demo", "--dossiers", "1"]
    ended = subprocess.run(
        command, cwd=demo.folder, env=others | given, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert "give both, or none" in ended.stderr
