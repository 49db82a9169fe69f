"""`hub sim --cast`: several systems in one process, each with its own port, faults and log."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
import yaml
from typer.testing import CliRunner

from hub.__main__ import commands
from hub.commands.sim import read_cast
from hub.errors import ConfigError
from hub.local.place import choose_ports


async def test_a_cast_is_served_until_it_is_told_to_stop(tmp_path: Path) -> None:
    ports = choose_ports(durable=False)
    (tmp_path / "busy.yaml").write_text('faults: [{fault: "429"}]', "utf-8")
    cast = tmp_path / "cast.yaml"
    portal = {"connector": "national_portal", "port": ports.kafka, "log": "portal.jsonl"}
    post = {"connector": "public_post", "port": ports.controller, "faults": "busy.yaml"}
    cast.write_text(yaml.safe_dump([portal, post]), "utf-8")
    command = [sys.executable, "-m", "hub", "sim", "--cast", str(cast)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = [await asyncio.to_thread(process.stdout.readline) for _ in range(2)]
            assert "National Public Service Portal" in lines[0]
            async with aiohttp.ClientSession() as session:
                for port in (ports.kafka, ports.controller):
                    url = f"http://127.0.0.1:{port}/_control/state"
                    async with session.get(url) as reply:
                        assert reply.status == 200
                async with session.post(f"http://127.0.0.1:{ports.controller}/token") as reply:
                    assert reply.status in (401, 429)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 10) == 0
        finally:
            process.kill()
    assert (tmp_path / "portal.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[{connector: national_portal, port: 0}]", "0.port"),
        ("[{connector: national_portal, port: 8091, prot: 1}]", "prot"),
        ("[", "cannot read"),
    ],
)
def test_a_wrong_cast_says_where(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "cast.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=said):
        read_cast(file)


def test_a_fault_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "none.yaml"
    ended = CliRunner().invoke(commands(["sim"]), ["sim", "national_portal", "--faults", str(file)])
    assert ended.exit_code == 1
    assert ended.stderr == f"cannot read the fault script {file}: No such file or directory\n"


@pytest.mark.parametrize("arguments", [[], ["national_portal", "--cast", "x"]])
def test_one_system_or_a_cast_and_not_both(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hub", "sim", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "--cast" in done.stderr
