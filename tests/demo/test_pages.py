"""What the pages tell people to type can be typed where they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hub.demo.deployment import Deployment
from hub.demo.pages import addresses_page, command_near


def test_the_command_is_named_from_the_project_and_can_be_called(tmp_path: Path) -> None:
    project = Path(sys.executable).parents[2]
    near = command_near(project)
    assert not Path(near).is_absolute()
    assert subprocess.run([near, "--help"], cwd=project, capture_output=True).returncode == 0
    assert command_near(tmp_path) == str(project / near)


def test_what_to_try_is_written_with_the_command_s_path(tmp_path: Path) -> None:
    kafka, postgres = "localhost:9092", "postgresql://localhost/postgres"
    deployment = Deployment.plan(tmp_path, kafka, postgres, faults=False)
    page = addresses_page(deployment, "H26.19.12-261126-9001")
    tried = [line.split() for line in page.splitlines() if " show dossier " in line]
    assert [words[0] for words in tried] == [command_near(Path.cwd())]
