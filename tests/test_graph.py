"""`hub graph`: what is in force and nothing else, and the picture in the docs is the present one.

Write the picture in docs/flow.md anew:

    python -m tests.test_graph
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from typer.testing import CliRunner, Result

from hub.__main__ import commands
from hub.connector import discover
from hub.flow import Flow, flow_of, mermaid_of, text_of, told_kinds
from hub.route import Route
from hub.settings import HubSettings, load_settings
from tests.rules.tree import ROOT
from tests.settings.invented import invented

PAGE = ROOT / "docs" / "flow.md"
EXAMPLE = ROOT / "hub.example.yaml"
PICTURE = re.compile(r"(?<=hub\.example\.yaml -->\n```mermaid\n)(.*?)(?=```\n<!-- end -->)", re.S)


def environment() -> dict[str, str]:
    return invented(EXAMPLE.read_text(encoding="utf-8"))


def example() -> HubSettings:
    return load_settings(EXAMPLE, environment())


def routed(settings: HubSettings, route: Route) -> HubSettings:
    """The same with one more route."""
    return settings.model_copy(update={"routes": {**settings.routes, route.name: route}})


def drawn(settings: HubSettings) -> str:
    return "".join(f"{line}\n" for line in mermaid_of(flow_of(settings, discover())))


def test_the_picture_in_the_docs_is_that_of_the_example() -> None:
    found = PICTURE.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    assert found[1] == drawn(example()), "write it anew: see the text of this module"


def flow(settings: HubSettings) -> Flow:
    return flow_of(settings, discover())


def test_every_connector_and_route_in_force_is_shown_and_no_other() -> None:
    settings = example()
    found = flow(settings)
    assert [node.name for node in found.nodes] == [*settings.connectors, "hub"]
    assert [edge.name for edge in found.edges] == list(settings.routes)
    [edge] = [each for each in found.edges if each.name == "dossiers-to-national-portal"]
    assert edge.when == settings.routes[edge.name].when
    assert "dossier.received" in edge.takes
    assert {"one_stop", "national_portal"} <= set(edge.sources)


def test_an_own_route_with_its_condition_is_in_text_and_picture() -> None:
    route = Route(
        name="late-to-portal",
        to="national_portal",
        kinds=("sla.overdue",),
        when="unit == \"H1\" && kind != ''",
        paused=True,
    )
    found = flow(routed(example(), route))
    lines = list(text_of(found))
    [index] = [n for n, line in enumerate(lines) if "late-to-portal" in line]
    assert lines[index].endswith("hears sla.overdue  by late-to-portal  (starts paused)")
    assert lines[index + 1].endswith("when unit == \"H1\" && kind != ''")
    [edge] = [line for line in mermaid_of(found) if "late-to-portal" in line]
    assert edge.endswith(
        "sla.overdue<br/>when unit == #quot;H1#quot; &amp;&amp; kind != ''\" --> to_national_portal"
    )
    assert found.edges[-1].sources == ("hub",)


def test_many_kinds_are_a_count_in_the_picture_only() -> None:
    verbs = ("submitted", "received", "refused", "progressed", "stopped", "finished", "returned")
    kinds = tuple(f"dossier.{verb}" for verb in verbs)
    found = flow(routed(example(), Route(name="many", to="national_portal", kinds=kinds)))
    assert any(", ".join(kinds) in line for line in text_of(found))
    assert any("dossier: 7 kinds" in line for line in mermaid_of(found))


def test_what_a_connector_tells_is_read_from_its_samples() -> None:
    assert "dossier.received" in told_kinds("one_stop")
    assert told_kinds("there_is_none") == ()


def test_what_only_a_setting_makes_a_connector_tell_is_shown_while_it_is_set(
    tmp_path: Path,
) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    slips = Route(name="slips", to="national_portal", kinds=("slip.issued",))
    for setting, sources in (("", ()), ("    slips: true\n", ("one_stop",))):
        told = re.sub(r"(?m)^(  one_stop:.*\n)", rf"\g<1>{setting}", text, count=1)
        (tmp_path / "hub.yaml").write_text(told, encoding="utf-8")
        found = flow(routed(load_settings(tmp_path / "hub.yaml", environment()), slips))
        assert found.edges[-1].sources == sources


def test_the_command_prints_each_form_and_says_what_is_wrong(tmp_path: Path) -> None:
    runner, app = CliRunner(), commands(["graph", "check"])

    def typed(*words: str) -> Result:
        return runner.invoke(app, ["graph", *words], env=environment())

    assert "one_stop" in typed(str(EXAMPLE)).stdout
    assert typed(str(EXAMPLE), "--mermaid").stdout == drawn(example())
    document = json.loads(typed(str(EXAMPLE), "--json").stdout)
    assert {each["name"] for each in document["connectors"]} >= {"one_stop", "hub"}
    assert all(each["takes"] for each in document["routes"])
    (tmp_path / "hub.yaml").write_text("version: 2\n", encoding="utf-8")
    refused = typed(str(tmp_path / "hub.yaml"))
    assert refused.exit_code == 1
    assert "version" in refused.stderr


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(PICTURE.sub(lambda _: drawn(example()), page), encoding="utf-8")
