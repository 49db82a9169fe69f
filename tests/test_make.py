"""`make` explains itself, and says plainly what a machine lacks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROMISED = {
    *("help", "setup", "demo", "test", "connector", "model", "check", "clean", "lock"),
    *("bench", "crash", "faults", "soak"),
}


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **environment},
    )


def test_make_alone_lists_every_promised_target() -> None:
    shown = run("make").stdout
    assert set(re.findall(r"^  make (\w+)", shown, re.MULTILINE)) >= PROMISED


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (["demo", "KEEP=1", "ARGS=--faults"], ".venv/bin/hub demo --keep --faults"),
        (["model", "EXAMPLES=7"], "MODEL_EXAMPLES=7 .venv/bin/python -m pytest"),
        (["test", "ARGS=tests/test_make.py"], ".venv/bin/python -m pytest tests/test_make.py"),
    ],
)
def test_arguments_reach_the_command(call: list[str], expected: str) -> None:
    planned = run("make", "-n", *call).stdout
    assert expected in re.sub(r" +", " ", planned)


def test_one_command_tries_one_connector_and_asks_for_its_name() -> None:
    planned = run("make", "-n", "connector", "NAME=petitions").stdout
    assert '-k "petitions or test_house_rules"' in planned
    assert "tests/connectors tests/test_house_rules.py" in planned
    refused = run("make", "-n", "connector")
    assert refused.returncode != 0
    assert "NAME=... is missing" in refused.stderr


def test_a_connector_that_nobody_would_find_is_named_by_the_file_that_is_missing() -> None:
    refused = run("make", "-n", "connector", "NAME=e_recipt")
    assert refused.returncode != 0
    told = "hub/connectors/e_recipt/__init__.py is missing: it binds CONNECTOR"
    assert told in refused.stderr


def fake_python(folder: Path, body: str) -> str:
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return str(program)


def test_an_old_python_is_refused_with_the_version_that_is_needed(tmp_path: Path) -> None:
    old = fake_python(tmp_path, "exit 1")
    refused = run("sh", "deploy/venv.sh", str(tmp_path / "venv"), PYTHON=old)
    assert refused.returncode != 0
    assert "needs Python 3.11 or later" in refused.stderr
    assert not (tmp_path / "venv").exists()


def test_a_missing_venv_module_is_refused_with_the_package_that_has_it(tmp_path: Path) -> None:
    # New enough, but `python -m venv` fails as it does on a bare Debian.
    bare = fake_python(tmp_path, '[ "$1" = -m ] && echo "ensurepip is not available" && exit 1; :')
    refused = run("sh", "deploy/venv.sh", str(tmp_path / "venv"), PYTHON=bare, TMPDIR=str(tmp_path))
    assert refused.returncode != 0
    assert "ensurepip is not available" in refused.stderr
    assert "apt-get install python3-venv" in refused.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    ("shell", "script"), [("sh", "deploy/venv.sh"), ("bash", ".ci/run")], ids=["venv", "ci"]
)
def test_the_scripts_are_well_formed(shell: str, script: str) -> None:
    assert run(shell, "-n", script).returncode == 0


def test_locks_name_hashes_and_no_address() -> None:
    for lock in ("requirements.lock", "deploy/runtime.lock"):
        text = (ROOT / lock).read_text("utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "index-url" not in text
