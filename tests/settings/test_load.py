"""What a good settings file becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from hub.connector import discover
from hub.route import Route
from hub.settings import HubSettings, SettingsError, load_settings, settings_file
from hub.settings.references import branches
from hub.settings.routes import standard_routes
from tests.settings.conftest import MINIMAL, Load
from tests.settings.invented import invented

ROOT = Path(__file__).parents[2]


def test_the_example_loads_with_its_environment_set() -> None:
    file = ROOT / "hub.example.yaml"
    settings = load_settings(file, invented(file.read_text(encoding="utf-8")))
    assert {"one_stop", "national_portal"} <= set(settings.connectors)
    assert "dossiers-to-national-portal" in settings.routes


def test_defaults_are_filled_in(load: Load) -> None:
    settings = load(MINIMAL)
    assert settings.kafka.partitions_count == 8
    assert settings.kafka.security.protocol == "plaintext"
    assert settings.log.format == "json"
    assert settings.kind_of("toy") == "toy"


def test_settings_cannot_be_changed(load: Load) -> None:
    settings: Any = load(MINIMAL)
    with pytest.raises(ValidationError, match="frozen"):
        settings.version = 2


def test_an_instance_of_another_name_says_its_kind(load: Load) -> None:
    settings: Any = load(MINIMAL + "  second_toy: {kind: toy, url: y}\n")
    assert settings.kind_of("second_toy") == "toy"
    assert settings.connectors["second_toy"].url == "y"


def test_a_standard_route_is_in_force_when_its_destination_is_configured(load: Load) -> None:
    assert list(load(MINIMAL).routes) == ["dossiers-to-toy"]
    assert load(MINIMAL.partition("connectors:")[0]).routes == {}


def test_terms_are_overridden_field_by_field(load: Load) -> None:
    route = load(
        MINIMAL + "routes: {dossiers-to-toy: {paused: true, terms: {attempts_count: 9}}}\n"
    ).routes["dossiers-to-toy"]
    assert route.paused
    assert route.kinds == ("dossier.*",)
    assert route.terms.attempts_count == 9
    assert route.terms.timeout_seconds == 7


def test_a_deployment_adds_its_own_route(load: Load) -> None:
    text = MINIMAL + "routes: {again: {to: toy, kinds: [petition.received]}}\n"
    assert set(load(text).routes) == {"again", "dossiers-to-toy"}


def test_references_become_their_values(load: Load, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n", encoding="utf-8")
    text = MINIMAL.replace("http://toy.example", "http://${env:HOST}:${env:PORT}/x")
    settings = load(
        text + "    token: ${file:token}\n", {"PG": "postgresql://x", "HOST": "h", "PORT": "1"}
    )
    toy: Any = settings.connectors["toy"]
    assert toy.url == "http://h:1/x"
    assert toy.token.get_secret_value() == "from-a-file"


def test_a_value_that_looks_like_a_reference_is_not_resolved_again(load: Load) -> None:
    text = MINIMAL.replace("http://toy.example", "${env:URL}")
    settings: Any = load(text, {"PG": "postgresql://x", "URL": "a${env:PG}"})
    assert settings.connectors["toy"].url == "a${env:PG}"


def test_the_environment_overrides_addresses_only(load: Load) -> None:
    environ = {"HUB_KAFKA": "k:1", "HUB_POSTGRES": "postgresql://z", "HUB_LOG": "x"}
    settings = load(MINIMAL.replace("${env:PG}", "${env:HUB_POSTGRES}"), environ)
    assert settings.kafka.bootstrap_servers == "k:1"
    assert settings.postgres.url.get_secret_value() == "postgresql://z"
    bare = MINIMAL.replace("kafka:\n  bootstrap_servers: localhost:9092\n", "")
    assert load(bare, {**environ, "PG": "postgresql://p"}).kafka.bootstrap_servers == "k:1"


def test_what_is_overridden_need_not_be_resolvable(load: Load) -> None:
    settings = load(MINIMAL, {"HUB_POSTGRES": "postgresql://${z}"})
    assert settings.postgres.url.get_secret_value() == "postgresql://${z}"


def test_secrets_do_not_show(load: Load) -> None:
    settings = load(MINIMAL, {"PG": "postgresql://u:S3cr3t@db/hub"})
    assert "S3cr3t" not in repr(settings) + settings.model_dump_json()


def test_scalars_mean_what_they_say(load: Load) -> None:
    settings = load(
        MINIMAL + "units:\n  001.10: {name: no}\n  H2: {name: 2023-01-02}\n  '3': {name: 0x1F}\n"
    )
    assert {unit: each.name for unit, each in settings.units.items()} == {
        "001.10": "no",
        "H2": "2023-01-02",
        "3": "0x1F",
    }


def test_the_hash_tells_content_and_not_comments_order_or_secrets(load: Load) -> None:
    first = load(MINIMAL).content_hash
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    head, kafka, rest = re.split(r"(kafka:\n.*\n)", MINIMAL)
    assert load(f"# a comment\n{head}{rest}{kafka}").content_hash == first
    assert load(MINIMAL, {"PG": "postgresql://another"}).content_hash == first
    assert load(MINIMAL.replace("toy.example", "toy2.example")).content_hash != first
    assert load(MINIMAL.replace("${env:PG}", "${env:PG}x")).content_hash != first


def test_the_file_is_the_option_then_the_variable_then_here() -> None:
    assert settings_file(Path("a"), {"HUB_CONFIG": "b"}) == Path("a")
    assert settings_file(None, {"HUB_CONFIG": "b"}) == Path("b")
    assert settings_file(None, {}) == Path("hub.yaml")


def test_a_missing_file_is_a_finding_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"No such file.*hub\.example\.yaml"):
        load_settings(tmp_path / "none.yaml", {})


@pytest.mark.parametrize(
    ("security", "what"),
    [
        ("{protocol: sasl_ssl}", "needs sasl_mechanism"),
        ("{sasl_username: u}", "takes no sasl_"),
        ("{ca_file: x}", "takes no certificates"),
        ("{protocol: ssl, key_file: x}", "go together"),
    ],
)
def test_security_settings_fit_their_protocol(security: str, what: str, load: Load) -> None:
    text = MINIMAL.replace("localhost:9092", f"localhost:9092\n  security: {security}")
    with pytest.raises(SettingsError, match=what):
        load(text)


def test_every_standard_route_goes_to_a_connector_that_exists() -> None:
    for route in standard_routes().values():
        assert route.to in discover(), route.name


NUMBER_UNITS = ("_seconds", "_bytes", "_count", "_per_second", "_factor", "port")


def _models() -> list[type[BaseModel]]:
    return [HubSettings, Route, *(one.settings for one in discover().values())]


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", {}).items()


@pytest.mark.parametrize("model", _models(), ids=lambda model: model.__name__)
def test_every_setting_is_described_and_a_number_names_its_unit(model: type[BaseModel]) -> None:
    schema = model.model_json_schema()
    for name, field in _fields(schema):
        assert field.get("description"), f"{model.__name__}: {name} has no description"
        for branch in branches(schema, field):
            if branch.get("type") in ("integer", "number") and not {"enum", "const"} & set(branch):
                assert name.endswith(NUMBER_UNITS), f"{model.__name__}: {name} names no unit"


def test_s3_settings_become_what_the_blob_store_takes(load: Load) -> None:
    blobs = "s3://b/p\n  endpoint: http://s3.example\n  secret_access_key: ${env:PG}"
    settings = load(MINIMAL.replace("file://blobs", blobs)).blobs
    assert settings.s3() == {
        "endpoint": "http://s3.example",
        "secret_access_key": "postgresql://db.example/hub",
        "client_options": {"allow_http": True},
    }
    assert load(MINIMAL).blobs.s3() == {}
