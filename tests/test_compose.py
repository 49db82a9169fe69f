"""compose.yaml keeps to the Compose specification and brings what `hub local` brings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from hub.local import jars
from hub.local.place import Ports
from hub.local.properties import server_properties
from tests import broker

ROOT = Path(__file__).parents[1]
SCHEMA = Path(__file__).parent / "schemas" / "compose-spec.json"
ROLES = ("gateway", "worker", "recorder")
SIMULATORS = ("one_stop", "national_portal")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    assert isinstance(content, dict)
    return content


def test_it_keeps_to_the_schema_of_the_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(compose)
    ]
    assert errors == []


def test_the_schema_refuses_a_misspelt_key(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    services = {**compose["services"], "kafka": {"imagge": "apache/kafka"}}
    assert not Draft202012Validator(schema).is_valid({**compose, "services": services})


def test_every_role_of_the_hub_waits_for_the_migration_and_both_servers(
    compose: dict[str, Any],
) -> None:
    for role in ROLES:
        service = compose["services"][role]
        assert service["command"] == ["run", "--role", role]
        waits = {name: need["condition"] for name, need in service["depends_on"].items()}
        assert waits == {
            "migrate": "service_completed_successfully",
            "kafka": "service_healthy",
            "postgres": "service_healthy",
        }
    assert compose["services"]["migrate"]["command"] == ["migrate"]


def test_only_the_simulators_need_a_profile(compose: dict[str, Any]) -> None:
    profiled = {name for name, it in compose["services"].items() if it.get("profiles")}
    assert profiled == set(SIMULATORS)


def test_every_lasting_service_has_a_health_check(compose: dict[str, Any]) -> None:
    for name in ("kafka", "postgres", *ROLES):
        check = compose["services"][name]["healthcheck"]
        assert set(check) >= {"test", "interval", "timeout", "retries", "start_period"}


def test_data_lies_in_named_volumes(compose: dict[str, Any]) -> None:
    mounts = {
        mount.split(":")[0]
        for service in compose["services"].values()
        for mount in service.get("volumes", ())
    }
    assert mounts == set(compose["volumes"])


def test_everything_is_published_on_the_loopback_address_only(compose: dict[str, Any]) -> None:
    ports = [port for it in compose["services"].values() for port in it.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_hub_runs_without_rights_and_writes_only_where_it_may(compose: dict[str, Any]) -> None:
    for name in ("migrate", *ROLES, *SIMULATORS):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_kafka_is_the_pinned_version_everywhere(compose: dict[str, Any]) -> None:
    image = f"apache/kafka:{jars.kafka_version()}"
    assert compose["services"]["kafka"]["image"] == image
    assert image == broker.KAFKA_IMAGE
    assert compose["services"]["postgres"]["image"] == broker.POSTGRES_IMAGE


def test_kafka_behaves_as_the_local_one(compose: dict[str, Any]) -> None:
    """Every limit of the local broker is here too; only places and the size of a crash differ."""
    ports = Ports(kafka=1, controller=2, postgres=3, cluster_id="x", durable=True)
    text = server_properties(ports, Path("/data"), {})
    local = dict(line.split("=", 1) for line in text.splitlines())
    environment = compose["services"]["kafka"]["environment"]
    here = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in environment.items()
    }
    for name in ("group.initial.rebalance.delay.ms", "auto.create.topics.enable"):
        assert here[name] == local[name]
    for name, value in local.items():
        if re.search(r"max\.bytes|num\.partitions|topic\.replication|log\.replication", name):
            assert here[name] == value, name


def test_the_image_runs_as_a_user_without_rights_and_installs_by_hash() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    assert re.search(r"^USER hub$", text, re.MULTILINE)
    assert "--require-hashes -r runtime.lock" in text


def test_the_image_has_the_versions_that_the_tests_ran_on() -> None:
    def versions(lock: str) -> dict[str, str]:
        text = (ROOT / lock).read_text("utf-8")
        return dict(re.findall(r"^([a-z0-9][\w.-]*(?:\[[^\]]*\])?)==(\S+)", text, re.MULTILINE))

    image, tests = versions("deploy/runtime.lock"), versions("requirements.lock")
    assert image.items() <= tests.items()
    assert "pytest" not in image
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {re.split(r"[^\w.-]", need)[0] for need in project["dependencies"]}
    assert needed <= image.keys()


def test_docker_compose_reads_it() -> None:
    if shutil.which("docker") is None or not _has_compose():
        pytest.skip("docker compose is not here")
    command = ["docker", "compose", "-f", str(ROOT / "compose.yaml"), "--profile", "sim", "config"]
    read = subprocess.run([*command, "--quiet"], capture_output=True, text=True, cwd=ROOT)
    assert read.returncode == 0, read.stderr


def _has_compose() -> bool:
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=20)
    return asked.returncode == 0
