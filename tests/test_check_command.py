"""`hub check`: everything that is wrong with a settings file, each with its place, in one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from hub.commands import check
from tests.rules.tree import ROOT
from tests.settings.invented import invented

app = typer.Typer()
app.command()(check.check)

EXAMPLE = ROOT / "hub.example.yaml"

WRONG = """\
version: 1
conectors: {}                                                           # connectors
route: {}                                                               # routes
kafka:
  bootstrap_servers: broker                                             # no port
postgres:
  url: mysql://db.example/hub                                           # not PostgreSQL
blobs: {url: "file://blobs"}
gateway: {host: 0.0.0.0}
management: {port: 8080}                                                # the gateway's
units:
  H99.01: {name: Phường thử nghiệm, parent: H98}                        # no such unit
connectors:
  one_stop:
    dstcode: portal
    session_secret: ${env:SECRET}
    reads_from: nationl_portal                                          # no such instance
    accounts:
      H99.10: {username: a, password: "${env:SECRET}"}                  # no such unit
  petitions:
    base_url: https://pakn.example
    token: ${env:SECRET}
    accounts: {source: {token: "${env:SECRET}", role: source}}
    origins: {dvcqg: portal}                                            # no such instance
  desk:                                                                 # where petitions stands
    kind: petitions
    base_url: https://desk.example
    token: ${env:SECRET}
    accounts: {H99.01: {token: "${env:SECRET}", role: agency}}
  national_portal:
    base_url: https://portal.example
    auth_path: /auth
    integration_path: /integration
    share_path: /share
    dstcode: portal
    accounts:
      H99.01: {username: a, password: "${env:SECRET}"}
routes:
  twice: {to: national_portal, kinds: [dossier.received]}
  perhaps: {to: national_portal, kinds: [dossier.finished], when: unit == 'H99.01'}
  value:
    to: petitions
    kinds: [petition.received]
    when: data.petition_id
  word:
    to: desk
    kinds: [petition.received, slip.issued]                             # the desk takes no slips
    when: kind == 'petition.recieved'
  kind:
    to: desk
    kinds: [petition.answered]
    when: data.origin == 3
    terms: {attempts: 2}                                                # attempts_count
"""

FOUND: list[tuple[int, str]] = [
    (2, "conectors: unknown key `conectors`; did you mean `connectors`?"),
    (3, "route: unknown key `route`; did you mean `routes`?"),
    (5, "kafka.bootstrap_servers: each broker must read host:port"),
    (7, "postgres.url: must begin with postgresql://"),
    (10, "management.port: it is the gateway's port"),
    (12, "units.H99.01.parent: no unit has the id `H98`"),
    (17, "`nationl_portal`; did you mean `national_portal`?"),
    (19, "warning: connectors.one_stop.accounts.H99.10: no unit has the id `H99.10`"),
    (24, "connectors.petitions.origins.dvcqg: no connector instance is called `portal`"),
    (25, "connectors.desk: petitions and desk would both answer /pakn"),
    (39, "routes.twice: `national_portal` is told `dossier.received` by"),
    (40, "warning: routes.perhaps: `national_portal` is told `dossier.finished` by"),
    (44, "routes.value.when: its value is neither true nor false"),
    (47, "routes.word.kinds.1: `desk` cannot be told `slip.issued`"),
    (48, "routes.word.when: `kind` is never `'petition.recieved'`"),
    (52, "routes.kind.when: `data.origin` is a text, and is compared with `3`"),
    (53, "routes.kind.terms.attempts: unknown key"),
]


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(app, arguments, env=environ, catch_exceptions=False)


def written(folder: Path, text: str) -> Path:
    file = folder / "hub.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def checked(file: Path) -> list[dict[str, Any]]:
    """The findings under an invented environment."""
    environ = {**invented(file.read_text(encoding="utf-8")), "SECRET": "x" * 32}
    found: list[dict[str, Any]] = json.loads(run(str(file), "--json", **environ).stdout)
    return found


def test_one_run_names_every_mistake_with_its_place(tmp_path: Path) -> None:
    file = written(tmp_path, WRONG)
    result = run(str(file), SECRET="x" * 32)
    assert result.exit_code == 1
    lines = [line for line in result.stdout.splitlines() if line.startswith(f"{file}:")]
    for line, (number, words) in zip(lines, FOUND, strict=True):
        place, _, text = line.removeprefix(f"{file}:").partition(": ")
        assert place.split(":")[0] == str(number), line
        assert int(place.split(":")[1]) > 0
        assert words in text
    assert "15 to mend" in result.stderr


def test_two_instances_at_one_address_are_told_beside_other_faults(tmp_path: Path) -> None:
    text = WRONG.replace("gateway: {host: 0.0.0.0}\nmanagement: {port: 8080}", "log: {level: loud}")
    found = checked(written(tmp_path, text))
    [conflict] = [each for each in found if each["path"] == "connectors.desk"]
    line = text.splitlines().index(next(n for n in text.splitlines() if n.startswith("  desk:")))
    assert (conflict["line"], conflict["column"]) == (line + 1, 3)
    assert "petitions and desk would both answer /pakn" in conflict["what"]
    assert "gateway.mounts.desk" in conflict["what"]
    assert "log.level" in {each["path"] for each in found}


def test_every_certificate_that_cannot_be_read_has_its_place(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace(
        "/etc/hub/kafka-ca.pem\n",
        "/nowhere/ca.pem\n    certificate_file: /nowhere/hub.pem\n    key_file: /nowhere/key.pem\n",
    )
    found = checked(written(tmp_path, text))
    lines = text.splitlines()
    assert [(each["path"], each["column"]) for each in found] == [
        ("kafka.security.ca_file", 14),
        ("kafka.security.certificate_file", 23),
    ]
    for each, file in zip(found, ("ca.pem", "hub.pem"), strict=True):
        assert f"/nowhere/{file}" in lines[each["line"] - 1]
        assert each["what"].startswith(f"/nowhere/{file}")
        assert "No such file" in each["what"]


def test_the_example_is_fine_but_for_a_certificate_that_is_not_here(tmp_path: Path) -> None:
    ca_line = "    ca_file: /etc/hub/kafka-ca.pem\n"
    text = EXAMPLE.read_text(encoding="utf-8")
    assert ca_line in text
    assert checked(written(tmp_path, text.replace(ca_line, ""))) == []


def test_warnings_alone_end_with_zero(tmp_path: Path) -> None:
    text = WRONG[: WRONG.index("conectors")] + (
        "kafka: {bootstrap_servers: 'k:9092'}\n"
        "postgres: {url: 'postgresql://db.example/hub'}\n"
        "blobs: {url: 'file://blobs'}\n"
        "units: {H99.01: {name: A}}\n"
        + WRONG[WRONG.index("connectors:\n") : WRONG.index("  petitions:")].replace(
            "    reads_from: nationl_portal", "    # "
        )
    )
    result = run(str(written(tmp_path, text)), SECRET="x" * 32)
    assert result.exit_code == 0
    warning, last = result.stdout.splitlines()
    assert ": warning: connectors.one_stop.accounts.H99.10: " in warning
    assert "works, with 1 to look at" in last


@pytest.mark.parametrize("level", ["error", "warning"])
def test_json_says_how_bad_each_finding_is(tmp_path: Path, level: str) -> None:
    assert level in {each["level"] for each in checked(written(tmp_path, WRONG))}
