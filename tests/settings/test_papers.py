"""Settings that only make sense together, as the papers show them, load and do what is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.connector import discover
from hub.errors import ConfigError
from hub.event import Event
from hub.gateway.routing import mounted
from hub.schemas.petition import PetitionEvent
from hub.settings import HubSettings, load_settings
from hub.when import When
from tests.connectors.ground import MemoryGround
from tests.connectors.petition_examples import done, event_of, petition
from tests.settings.invented import invented

ROOT = Path(__file__).parents[2]
PETITIONS = "hub/connectors/petitions/README.md"
EXAMPLE = yaml.safe_load((ROOT / "hub.example.yaml").read_text(encoding="utf-8"))


def shown(paper: str, words: str) -> dict[str, Any]:
    """The one example of a paper that has these words."""
    text = (ROOT / paper).read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    (found,) = (each for each in blocks if words in each)
    return dict(yaml.safe_load(found))


def loaded(parts: Mapping[str, Any], folder: Path) -> HubSettings:
    """The settings of an example alone, under an invented environment."""
    around = {name: EXAMPLE[name] for name in ("version", "kafka", "postgres", "blobs")}
    text = yaml.safe_dump({**around, **parts}, allow_unicode=True)
    file = folder / "hub.yaml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, invented(text))


def places(settings: HubSettings) -> dict[str, list[str]]:
    """Where each instance answers at the gateway."""
    found = mounted(settings, discover(), lambda _: MemoryGround())
    return {each.instance: [path for path, _ in each.addresses()] for each in found}


def is_taken(settings: HubSettings, route: str, event: Event) -> bool:
    """Whether a route takes an event."""
    found = settings.routes[route]
    told = event.data.model_dump(mode="json")
    return event.kind in found.kinds and When(found.when).holds(lambda _: "", lambda: told)


def test_a_petition_goes_to_the_desk_and_the_answer_back_to_its_source(tmp_path: Path) -> None:
    settings = loaded(shown(PETITIONS, "petitions-to-desk"), tmp_path)
    asked = event_of(petition(), settings.connectors["petitions"])
    answered = event_of(done(source="portal"), settings.connectors["desk"])
    assert isinstance(answered.data, PetitionEvent)
    assert settings.routes["petitions-to-desk"].to == "desk"
    assert is_taken(settings, "petitions-to-desk", asked)
    known = event_of(petition(answer="Đã giải quyết"), settings.connectors["petitions"])
    assert not is_taken(settings, "petitions-to-desk", known), "its source has answered it"
    assert answered.data.origin == "petitions"
    assert is_taken(settings, "petitions-back", answered)
    assert places(settings) == {"petitions": ["/pakn"], "desk": ["/desk/pakn"]}


def test_without_a_mount_the_desk_would_stand_in_the_others_place(tmp_path: Path) -> None:
    parts = shown(PETITIONS, "petitions-to-desk")
    del parts["gateway"]
    settings = loaded(parts, tmp_path)
    with pytest.raises(ConfigError, match=r"gateway\.mounts"):
        places(settings)


def test_the_answer_to_a_question_goes_back_to_the_national_portal(tmp_path: Path) -> None:
    portal = EXAMPLE["connectors"]["national_portal"]
    parts = shown(PETITIONS, "dvcqg: national_portal")
    connectors = {**parts["connectors"], "national_portal": portal}
    settings = loaded({**parts, "connectors": connectors}, tmp_path)
    answered = event_of(done(source="dvcqg"), settings.connectors["petitions"])
    assert is_taken(settings, "answers-to-national-portal", answered)
    assert not is_taken(settings, "petitions-back", answered)


def test_a_product_with_codes_of_its_own_is_one_setting(tmp_path: Path) -> None:
    settings: Any = loaded(shown("hub/connectors/one_stop/README.md", "own_codes: true"), tmp_path)
    assert settings.connectors["one_stop"].own_codes


def test_what_the_example_only_mentions_loads_too(tmp_path: Path) -> None:
    text = (ROOT / "hub.example.yaml").read_text(encoding="utf-8")
    opened = re.sub(r"^  # (petitions:|  \w+:)", r"  \1", text, flags=re.M)
    opened = re.sub(r"^    # (own_codes:)", r"    \1", opened, flags=re.M)
    settings: Any = loaded(yaml.safe_load(opened), tmp_path)
    assert settings.connectors["petitions"].origins == {"dvcqg": "national_portal"}
    assert settings.connectors["one_stop"].own_codes
