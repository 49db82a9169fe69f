"""Broken settings files: each fault with its place, its nearest known name and what to do."""

from __future__ import annotations

import pytest

from hub.route import Terms
from tests.settings.conftest import MINIMAL, Findings, Load

TOP = MINIMAL.count("\n") + 1
"""Line of whatever is written behind MINIMAL."""

BROKEN: list[tuple[str, str, tuple[int, int], str, str, str]] = [
    # name, text, (line, column), path, part of what, nearest
    ("section", "kafak: {}", (TOP, 1), "kafak", "unknown key", "kafka"),
    ("key", "log:\n  levle: info", (TOP + 1, 3), "log.levle", "unknown key", "level"),
    ("choice", "log:\n  level: infos", (TOP + 1, 10), "log.level", "should be", "info"),
    ("no number", "gateway:\n  port: x", (TOP + 1, 9), "gateway.port", "integer", ""),
    ("port", "gateway: {port: 70000}", (TOP, 17), "gateway.port", "65535", ""),
    ("prefix", "gateway: {mounts: {toy: x}}", (TOP, 25), "gateway.mounts.toy", "pattern", ""),
    ("mount", "gateway: {mounts: {tou: /x}}", (TOP, 20), "gateway.mounts.tou", "instance", "toy"),
    ("unit", "units: {H1: {}}", (TOP, 9), "units.H1.name", "`name` is missing", ""),
    (
        "parent",
        "units: {H1: {name: A, parent: H10}}",
        (TOP, 31),
        "units.H1.parent",
        "no unit",
        "H1",
    ),
    ("not a map", "units: 3", (TOP, 8), "units", "dictionary", ""),
    ("two ports", "management: {port: 8080}", (TOP, 20), "management.port", "gateway's", ""),
    (
        "two ports, one of them everywhere",
        "gateway: {host: 0.0.0.0}\nmanagement: {port: 8080}",
        (TOP + 1, 20),
        "management.port",
        "gateway's",
        "",
    ),
    (
        "two ports, one by name",
        "gateway: {host: localhost}\nmanagement: {port: 8080}",
        (TOP + 1, 20),
        "management.port",
        "gateway's",
        "",
    ),
    ("a port taken", "gateway: {port: 9090}", (TOP, 17), "gateway.port", "management's", ""),
    ("connectors", "conectors: {}", (TOP, 1), "conectors", "unknown key", "connectors"),
    ("route", "route: {}", (TOP, 1), "route", "unknown key", "routes"),
    ("routes", "routes: []", (TOP, 9), "routes", "mapping", ""),
    ("a route", "routes: {r: 1}", (TOP, 13), "routes.r", "mapping", ""),
    (
        "route name",
        "routes: {dossier-to-toy: {paused: true}}",
        (TOP, 10),
        "routes.dossier-to-toy",
        "no standard route",
        "dossiers-to-toy",
    ),
    (
        "route form",
        "routes: {R X: {to: toy, kinds: [dossier.*]}}",
        (TOP, 10),
        "routes.R X.name",
        "pattern",
        "",
    ),
    (
        "term",
        "routes:\n  dossiers-to-toy:\n    terms:\n      timeout_second: 3",
        (TOP + 3, 7),
        "routes.dossiers-to-toy.terms.timeout_second",
        "unknown key",
        "timeout_seconds",
    ),
    (
        "terms disagree",
        "routes: {dossiers-to-toy: {terms: {wait_initial_seconds: 9}}}",
        (TOP, 58),
        "routes.dossiers-to-toy.terms.wait_initial_seconds",
        "larger than",
        "",
    ),
    (
        "destination",
        "routes: {r: {to: toi, kinds: [dossier.*]}}",
        (TOP, 18),
        "routes.r.to",
        "no connector instance",
        "toy",
    ),
    (
        "kind of event",
        "routes: {r: {to: toy, kinds: [dossier.recieved]}}",
        (TOP, 31),
        "routes.r.kinds.0",
        "no event kind",
        "dossier.received",
    ),
    (
        "no kind at all",
        "routes: {r: {to: toy, kinds: []}}",
        (TOP, 30),
        "routes.r.kinds",
        "list should have at least 1 item",
        "",
    ),
    (
        "a kind that is no list",
        "routes: {r: {to: toy, kinds: dossier.received}}",
        (TOP, 30),
        "routes.r.kinds",
        "input should be a valid list",
        "",
    ),
    (
        "kinds of a noun",
        "routes: {r: {to: toy, kinds: [dosier.*]}}",
        (TOP, 31),
        "routes.r.kinds.0",
        "no event kind",
        "dossier.*",
    ),
    (
        "a noun alone",
        "routes: {r: {to: toy, kinds: [petition]}}",
        (TOP, 31),
        "routes.r.kinds.0",
        "no event kind",
        "petition.*",
    ),
    (
        "condition's field",
        "routes:\n  r:\n    to: toy\n    kinds: [dossier.*]\n    when: data.unitt == 'H1'",
        (TOP + 4, 11),
        "routes.r.when",
        "no kind of this route has the field `data.unitt`",
        "unit",
    ),
    (
        "standard condition's field",
        "routes: {dossiers-to-toy: {when: 'data.origin == 1'}}",
        (TOP, 34),
        "routes.dossiers-to-toy.when",
        "the field `data.origin`",
        "",
    ),
    (
        "condition's value",
        "routes: {dossiers-to-toy: {when: data.code}}",
        (TOP, 34),
        "routes.dossiers-to-toy.when",
        "neither true nor false",
        "",
    ),
    (
        "condition's word",
        "routes: {dossiers-to-toy: {when: data.status == 'recieved'}}",
        (TOP, 34),
        "routes.dossiers-to-toy.when",
        "`data.status` is never `'recieved'`",
        "received",
    ),
    (
        "condition's type",
        "routes: {dossiers-to-toy: {when: data.code == 3}}",
        (TOP, 34),
        "routes.dossiers-to-toy.when",
        "`data.code` is a text, and is compared with `3`",
        "",
    ),
    (
        "condition",
        "routes: {r: {to: toy, kinds: [dossier.*], when: 'sourse == \"a\"'}}",
        (TOP, 49),
        "routes.r.when",
        "unknown name `sourse`",
        "source",
    ),
    (
        "condition's form",
        "routes: {dossiers-to-toy: {when: 'kind =='}}",
        (TOP, 34),
        "routes.dossiers-to-toy.when",
        "no CEL expression (character 8)",
        "",
    ),
    (
        "condition's length",
        f"routes: {{dossiers-to-toy: {{when: '{'!' * 1000}true'}}}}",
        (TOP, 34),
        "routes.dossiers-to-toy.when",
        "1000 characters",
        "",
    ),
    ("second time", "version: 1", (TOP, 1), "version", "second time (first in line 1)", ""),
    ("merge key", "log: {<<: {level: info}}", (TOP, 7), "log.<<", "merge keys", ""),
    ("tag", "log: {level: !!python/name:os.system info}", (TOP, 14), "log.level", "tag", ""),
    ("list as key", "log: {[a]: 1}", (TOP, 7), "log", "plain name", ""),
]


@pytest.mark.parametrize("case", BROKEN, ids=[case[0] for case in BROKEN])
def test_a_fault_is_told_with_place_path_and_nearest_name(
    case: tuple[str, str, tuple[int, int], str, str, str], findings: Findings
) -> None:
    _, text, place, path, what, nearest = case
    [finding] = findings(MINIMAL + text)
    assert (finding.line, finding.column) == place
    assert finding.path == path
    assert what in finding.what
    assert finding.nearest == nearest


CONNECTORS: list[tuple[str, str, str, str, str]] = [
    # name, connectors block, path, part of what, nearest
    ("unknown", "toyy: {url: x}", "connectors.toyy", "no connector `toyy`", "toy"),
    ("unknown kind", "a: {kind: tay}", "connectors.a.kind", "no connector `tay`", "toy"),
    ("kind no text", "a: {kind: [1]}", "connectors.a.kind", "no connector", ""),
    ("name", "My-Toy: {kind: toy, url: x}", "connectors.My-Toy", "lower case", ""),
    ("missing", "toy: {}", "connectors.toy.url", "`url` is missing", ""),
    ("empty", "toy:", "connectors.toy.url", "`url` is missing", ""),
    ("list", "toy: [1]", "connectors.toy", "mapping", ""),
    ("own key", "toy: {url: x, uri: y}", "connectors.toy.uri", "unknown key", "url"),
    ("own number", "toy: {url: x, timeout_seconds: 0}", "connectors.toy.timeout_seconds", "0", ""),
    (
        "short",
        "toy: {url: x, token: '${env:PIN}'}",
        "connectors.toy.token",
        "at least 8 char",
        "",
    ),
    (
        "long",
        "toy: {url: x, token: '${env:PAGE}'}",
        "connectors.toy.token",
        "at most 40 char",
        "",
    ),
    ("literal", "toy: {url: x, token: abcd}", "connectors.toy.token", "secret is written", ""),
    (
        "literal deep",
        "toy: {url: x, accounts: {H1: {username: u, password: abcd}}}",
        "connectors.toy.accounts.H1.password",
        "secret is written",
        "",
    ),
    (
        "literal in a list",
        "toy: {url: x, spare: [{username: u, password: abcd}]}",
        "connectors.toy.spare.0.password",
        "secret is written",
        "",
    ),
    (
        "unset",
        "toy: {url: x, token: '${env:PX}'}",
        "connectors.toy.token",
        "PX is not set",
        "",
    ),
    ("scheme", "toy: {url: '${vault:a}'}", "connectors.toy.url", "not a known reference", ""),
    ("unclosed", "toy: {url: '${env:PG'}", "connectors.toy.url", "not closed", ""),
    ("no file", "toy: {url: '${file:none}'}", "connectors.toy.url", "cannot be read", ""),
]


@pytest.mark.parametrize("case", CONNECTORS, ids=[case[0] for case in CONNECTORS])
def test_a_connector_is_checked_by_its_own_model(
    case: tuple[str, str, str, str, str], findings: Findings
) -> None:
    _, block, path, what, nearest = case
    head = MINIMAL.partition("  toy:")[0]
    environ = {"PG": "postgresql://db.example/hub", "PIN": "1234", "PAGE": "1234" * 20}
    [finding] = findings(f"{head}  {block}\n", environ)
    assert finding.path == path
    assert what in finding.what
    assert finding.nearest == nearest
    assert finding.line == head.count("\n") + 1


def test_two_hosts_may_have_one_port(load: Load) -> None:
    text = "gateway: {host: 10.0.0.1}\nmanagement: {host: '%s', port: 8080}"
    for host in ("10.0.0.2", "::", "inside.example"):
        assert load(MINIMAL + text % host).management.host == host


@pytest.mark.parametrize(
    "servers", ["broker", "a:9092,b", "a:9092,", "a:0", "a:70000", "http://a:1"]
)
def test_a_broker_without_host_or_port_is_refused(servers: str, findings: Findings) -> None:
    [finding] = findings(MINIMAL.replace("localhost:9092", f'"{servers}"'))
    assert (finding.line, finding.column) == (3, 22)
    assert finding.what == "each broker must read host:port"


@pytest.mark.parametrize("servers", ["a.b-c_d:1", "a:9092, b:9092", "[::1]:9092", "10.0.0.1:65535"])
def test_brokers_are_taken_as_people_write_them(servers: str, load: Load) -> None:
    text = MINIMAL.replace("localhost:9092", f'"{servers}"')
    assert load(text).kafka.bootstrap_servers == servers


@pytest.mark.parametrize("url", ["mysql://db/hub", "db.example:5432/hub", "https://db.example/hub"])
def test_the_address_of_another_database_is_refused(url: str, findings: Findings) -> None:
    [finding] = findings(MINIMAL, {"PG": url})
    assert (finding.line, finding.column, finding.path) == (5, 8, "postgres.url")
    assert finding.what == "must begin with postgresql://"
    assert url not in str(finding)


def test_a_fault_of_one_section_hides_none_of_another(findings: Findings) -> None:
    text = "log: {level: loud}\nunits: {H1: {name: A, parent: H2}}\nmanagement: {port: 8080}\n"
    found = findings(MINIMAL + text)
    assert [each.path for each in found] == ["log.level", "units.H1.parent", "management.port"]


def test_a_fault_of_a_route_s_terms_hides_none_of_its_kinds(findings: Findings) -> None:
    text = "routes: {dossiers-to-toy: {terms: {attempts_count: 0}, kinds: [dosier.*], when: a}}"
    found = findings(MINIMAL + text)
    paths = [each.path.removeprefix("routes.dossiers-to-toy.") for each in found]
    assert paths == ["terms.attempts_count", "kinds.0", "when"]


@pytest.mark.parametrize("url", ["postgresql://db.example/hub", "postgresql://hub@db/hub"])
def test_an_address_without_a_password_may_stand_in_the_file(url: str, load: Load) -> None:
    loaded = load(MINIMAL.replace("${env:PG}", url), {})
    assert loaded.postgres.url.get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://hub:abcd@db/hub",
        "postgresql://hub:@db/hub",
        "postgresql://db/hub?user=hub&password=abcd",
        "postgresql://db/hub?sslpassword=abcd",
        "postgresql://[db/hub",
        "host=db password=abcd",
    ],
)
def test_an_address_with_a_password_may_not(url: str, findings: Findings) -> None:
    [finding] = findings(MINIMAL.replace("${env:PG}", f"'{url}'"), {})
    assert finding.path == "postgres.url"
    assert finding.what == "a secret is written out"


def test_every_known_name_is_told_however_many(findings: Findings) -> None:
    [finding] = findings(MINIMAL + "routes: {dossiers-to-toy: {terms: {tmeout: 1}}}\n")
    assert [name for name in Terms.model_fields if f"`{name}`" not in finding.todo] == []


def test_all_findings_come_at_once_in_the_order_of_the_file(findings: Findings) -> None:
    text = MINIMAL.replace("localhost:9092", '""').replace("url: http", "urll: http")
    found = findings(text + "log: {level: loud}\nroutes: {x: {paused: yes}}\n", {})
    assert [finding.path for finding in found] == [
        "kafka.bootstrap_servers",
        "postgres.url",
        "connectors.toy.url",
        "connectors.toy.urll",
        "log.level",
        "routes.x",
    ]
    assert [finding.line for finding in found] == sorted(finding.line for finding in found)


def test_a_connector_with_a_fault_is_no_second_fault_of_its_route(findings: Findings) -> None:
    text = MINIMAL.replace("url: http", "urll: http")
    found = findings(text + "routes: {r: {to: toy, kinds: [petition.*]}}\n")
    assert {finding.path for finding in found} == {"connectors.toy.url", "connectors.toy.urll"}


def test_a_destination_must_be_able_to_deliver(findings: Findings) -> None:
    text = MINIMAL + "  ear: {}\nroutes: {r: {to: ear, kinds: [dossier.*]}}\n"
    [finding] = findings(text)
    assert "can deliver" in finding.what
    assert "`toy`" in finding.todo
    assert "`ear`" not in finding.todo


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: [1", 2, "not YAML"),
        ("a:\n\t- 1", 2, "not YAML"),
        ("- 1", 1, "must be a mapping"),
        ("a: *b", 1, "not YAML"),
        ("a: " + "[" * 40 + "]" * 40, 1, "too deep"),
        ("a: &a [x]\nb: &b {self: *b}", 2, "too deep"),
        ("x: " + "9" * 2_000_001, 0, "larger than 2 MB"),
    ],
    ids=["unclosed", "tab", "list", "alias", "deep", "recursive", "large"],
)
def test_what_is_no_settings_file_is_refused_with_its_place(
    text: str, line: int, what: str, findings: Findings
) -> None:
    [finding] = findings(text)
    assert what in finding.what
    assert finding.line == line


def test_aliases_that_multiply_are_stopped(findings: Findings) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    [finding] = findings("\n".join(lines))
    assert "too many values" in finding.what


def test_an_empty_file_names_every_section_that_it_lacks(findings: Findings) -> None:
    found = findings("", {})
    missing = {"version", "kafka.bootstrap_servers", "postgres.url", "blobs"}
    assert {finding.path for finding in found} == missing


def test_a_finding_reads_as_one_sentence_with_its_place(findings: Findings) -> None:
    [finding] = findings(MINIMAL + "log: {levle: info}\n")
    text = str(finding)
    assert text.partition("hub.yaml")[2] == (
        f":{TOP}:7: log.levle: unknown key `levle`; did you mean `level`? "
        "Known here: `format`, `level`."
    )


def test_a_finding_never_holds_the_secret_it_speaks_of(findings: Findings) -> None:
    text = MINIMAL.replace("    url: http://toy.example", "    url: x\n    token: [S3cr3t]")
    assert "S3cr3t" not in "".join(str(each) for each in findings(text))
    text = MINIMAL.replace("    url: http://toy.example", "    url: x\n    token: S3cr3t")
    assert "S3cr3t" not in "".join(str(each) for each in findings(text))
