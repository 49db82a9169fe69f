"""A connector is one folder: adding one edits no other code file.

A toy is written into a temporary folder and added to the path of `hub.connectors`; everything
that walks the connectors must take it, and the contract must refuse each way of spoiling it.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

import hub.connectors
from hub.__main__ import commands
from hub.connector import Connector, Request, discover
from hub.errors import ConfigError, Rejected, Unavailable
from hub.event import Event
from hub.settings import SettingsError, load_settings
from hub.simulation import CallLog, FaultScript, running
from tests.connectors import toy
from tests.connectors.contract import (
    Check,
    Folder,
    importable,
    samples_are_readable,
    samples_decode_to_their_events,
    samples_encode_to_their_bytes,
)
from tests.connectors.ground import MemoryGround
from tests.connectors.reading import bytes_difference, difference
from tests.connectors.test_contract import CHECKS, folder_of, problems

CONFIG = """
version: 1
kafka: {bootstrap_servers: "127.0.0.1:9092"}
postgres: {url: "${env:POSTGRES_URL}"}
blobs: {url: "file:///tmp/blobs"}
connectors:
  toy:
    base_url: http://127.0.0.1:9
    token: ${env:TOY_TOKEN}
routes:
  dossiers-to-toy: {to: toy, kinds: ["dossier.*"]}
"""

ENVIRON = {"TOY_TOKEN": "invented", "POSTGRES_URL": "postgresql://hub@127.0.0.1/hub"}


def _forget_toy() -> None:
    for name in [name for name in sys.modules if name.startswith("hub.connectors.toy")]:
        del sys.modules[name]
    if hasattr(hub.connectors, "toy"):
        del hub.connectors.toy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The toy's folder, where `discover` finds it."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(hub.connectors, "__path__", [*hub.connectors.__path__, str(tmp_path)])
    yield toy.write(tmp_path)
    _forget_toy()


@pytest.fixture
def connector(folder: Path) -> Connector:
    """The toy as `discover` finds it."""
    return discover()["toy"]


def test_a_new_folder_is_discovered_beside_the_others(connector: Connector) -> None:
    assert connector.title_en == "Toy"
    assert len(discover()) > 1


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_new_folder_gets_the_contract_tests(connector: Connector, check: Check) -> None:
    assert list(check(Folder.of(connector))) == []


@pytest.mark.usefixtures("connector")
def test_hub_yaml_configures_it(tmp_path: Path) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text(CONFIG)
    loaded = load_settings(file, ENVIRON)
    assert loaded.connectors["toy"].model_dump()["token"] == SecretStr("invented")
    assert loaded.routes["dossiers-to-toy"].to == "toy"


@pytest.mark.usefixtures("connector")
def test_hub_yaml_refuses_a_setting_that_it_does_not_have(tmp_path: Path) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text(CONFIG.replace("base_url", "base_ulr"))
    with pytest.raises(SettingsError, match="base_url"):
        load_settings(file, ENVIRON)


@pytest.mark.usefixtures("connector")
def test_the_commands_translate_it() -> None:
    body = f"{toy.UNIT}-1|2|{toy.UNIT}"
    decoded = CliRunner().invoke(commands(), ["decode", "toy"], input=body)
    assert decoded.exit_code == 0, decoded.output
    event = json.loads(decoded.stdout)
    assert (event["type"], event["subject"]) == ("dossier.received", f"{toy.UNIT}-1")
    encoded = CliRunner().invoke(commands(), ["encode", "toy"], input=decoded.stdout)
    assert encoded.stdout == body + "\n"


@pytest.mark.usefixtures("connector")
def test_the_commands_name_the_field_that_is_wrong() -> None:
    done = CliRunner().invoke(commands(), ["decode", "toy"], input="a|99|b")
    assert done.exit_code == 1
    assert "/1: unknown status" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "raised"),
    [
        ("fields_of(message.body)", "fields_of(message.body)[7]", "IndexError"),
        ("def decode(message: Message, settings", "def decode(settings", "TypeError"),
    ],
)
def test_the_commands_name_the_line_of_a_bug(folder: Path, old: str, new: str, raised: str) -> None:
    text = (folder / "decode.py").read_text("utf-8")
    assert old in text
    (folder / "decode.py").write_text(text.replace(old, new), "utf-8")
    importlib.invalidate_caches()
    done = CliRunner().invoke(commands(), ["decode", "toy"], input="a|2|b")
    assert done.exit_code == 1
    assert re.search(rf"toy/decode\.py:\d+: decode raised {raised}: a bug", done.stderr), done


async def test_its_client_delivers_to_its_simulator(connector: Connector) -> None:
    assert connector.simulator is not None
    assert connector.client is not None
    assert connector.encode is not None
    event = Event.from_json(toy.event_of(f"{toy.UNIT}-1", "2"))
    with CallLog() as calls:
        async with running(connector.simulator(FaultScript(), calls)) as address:
            settings = connector.settings.model_validate({"base_url": address, "token": "invented"})
            client = connector.client("toy", settings, MemoryGround())
            request = Request(connector.encode(event, settings), "key", event)
            await client.deliver([request], timeout_seconds=5)
            refused = Request(request.message.__class__("toy", "push", b"nothing"), "key", event)
            with pytest.raises(Rejected):
                await client.deliver([refused], timeout_seconds=5)
        with pytest.raises(Unavailable):
            await client.deliver([request], timeout_seconds=5)
    assert [(row["subject"], row["ok"]) for row in calls.last()] == [
        (f"{toy.UNIT}-1", True),
        ("nothing", False),
    ]


async def test_its_simulator_plays_a_fault_script_and_can_be_asked(connector: Connector) -> None:
    assert connector.simulator is not None
    busy = FaultScript.model_validate({"faults": [{"fault": "5xx", "next_calls": 1}]})
    with CallLog() as calls:
        async with (
            running(connector.simulator(busy, calls)) as address,
            aiohttp.ClientSession(address) as session,
        ):
            for expected in (500, 204):
                async with session.post("/", data=toy.line_of("H1", "2")) as answer:
                    assert answer.status == expected
            async with session.get("/_control/state") as answer:
                assert (await answer.json())["lines"] == 1


def test_a_process_of_its_own_finds_it_by_its_path_only(folder: Path) -> None:
    script = (
        "import hub.connectors, sys;"
        f"hub.connectors.__path__.append({str(folder.parent)!r});"
        "from hub.connector import discover; print('toy' in discover())"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


def _replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")

    return spoil


def _remove(*names: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return spoil


UNREADABLE = {
    "settings.yaml": ("base_url: [", "settings.yaml:2: not YAML"),
    "settings.yaml ": ("token: x", "settings.yaml:1: base_url: `base_url` is missing. It is: "),
    "settings.yaml  ": (
        "token: x\nbase_ulr: http://127.0.0.1:9\n",
        "settings.yaml:2:1: base_ulr: unknown key `base_ulr`; did you mean `base_url`?",
    ),
    "simulator.yaml": ("tokn: x", "simulator.yaml: the simulator got an unexpected keyword"),
    "ground.yaml": ("a: b: c", "ground.yaml:1: not YAML"),
    "ground.yaml ": ("aliases: [{knd: a}]", "ground.yaml: each of `aliases` has kind, value"),
    "beside.jsonl": ('{"sample": "x", "items": []}\nno\n', "beside.jsonl:2: not JSON"),
    "beside.jsonl ": ("{}", "beside.jsonl:1: a line has `sample` and `items`"),
    "in/line/status_2.events.jsonl": ("{", "status_2.events.jsonl:1: not JSON"),
    "in/line/status_2.events.jsonl ": (
        '{"type": "dossier.reecived"}',
        "status_2.events.jsonl:1: /type: unknown event kind",
    ),
    "in/line/status_2.xml": ("", "must hold its wire bytes, not status_2.txt, status_2.xml"),
    "out/line/status_2.event.json": ("[1,\n2", "status_2.event.json:2: not JSON"),
    "out/line/status_2.event.json  ": (
        '{\n"type": "dossier.received",\n"data": {\n"code": "H1", "unit": "H1",\n"status": 2}}',
        "status_2.event.json:5: /data/status: Input should be",
    ),
    "out/line/status_2.event.json   ": (
        '{"type": "dossier.received", "data": {"code": "H1", "unit": "H1", "status": "received"}}',
        "status_2.event.json:1: /source: attribute is missing",
    ),
    "out/line/status_2.event.json ": ("[]", "an event is a JSON object"),
}
"""A file of samples, what is written into it, and what is then said."""


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_sample_that_cannot_be_read_is_named_with_its_line(folder: Path, name: str) -> None:
    content, expected = UNREADABLE[name]
    (folder / "samples" / name.strip()).write_text(content, encoding="utf-8")
    (said,) = samples_are_readable(Folder.of(discover()["toy"]))
    assert expected in said
    assert str(folder) in said


def test_what_differs_from_a_sample_is_shown(folder: Path) -> None:
    _replace(f"{IN}.events.jsonl", "received", "refused")(folder)
    _replace(f"{OUT}.txt", "|2|", "|3|")(folder)
    own = Folder.of(discover()["toy"])
    decoded, encoded = (
        next(each(own)) for each in (samples_decode_to_their_events, samples_encode_to_their_bytes)
    )
    assert '/0/data/status is stored as "refused", and made as "received"' in decoded
    assert "line 1, byte" in encoded
    assert "|3|" in encoded
    assert "|2|" in encoded


@pytest.mark.parametrize(
    ("stored", "made", "told"),
    [
        ({"a": [1, 2]}, {"a": [1]}, "/a has 2 items as stored, and 1 as made"),
        ({"a": 1}, {}, "/a is stored as 1, and missing in what is made"),
        ({}, {"a": "x" * 90}, '/a is made as "' + "x" * 59 + "…, and not stored"),
        ({"a": True}, {"a": 1}, "/a is stored as true, and made as 1"),
        ([{"a": 1}], [{"a": 1}], ""),
    ],
)
def test_the_first_difference_is_told_by_its_path(stored: Any, made: Any, told: str) -> None:
    assert difference(stored, made) == told


def test_json_that_differs_in_blanks_only_is_called_so() -> None:
    told = bytes_difference(b'{"a":1}', b'{"a": 1}')
    assert told.startswith(
        "the same JSON, but not without blanks, in UTF-8 and in the file's order: "
    )
    assert "is stored as b'{\"a\":1}', and made as b'{\"a\": 1}'" in told


TOLD: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a bug in decode, of a sample": (
        _replace("decode.py", "DossierStatus(STATUSES[status])", "DossierStatus({}[status])"),
        "samples_decode_to_their_events",
        r"line/status_1\.txt: decode raised KeyError at decode\.py:\d+",
    ),
    "a bug in decode, of any check": (
        _replace("decode.py", "DossierStatus(STATUSES[status])", "DossierStatus({}[status])"),
        "what_decode_makes_survives_kafka",
        r"KeyError at decode\.py:\d+: a bug of the connector",
    ),
    "a bug in encode": (
        _replace("encode.py", "CODES[data.status]", "CODES[data.unit]"),
        "samples_encode_to_their_bytes",
        r"line/status_1\.event\.json: encode raised KeyError at encode\.py:\d+",
    ),
    "an event that encode refuses": (
        _replace("encode.py", "data.status not in CODES", "data.status in CODES"),
        "samples_encode_to_their_bytes",
        r"line/status_1\.event\.json: encode raised EncodeError\(.+\) at encode\.py:\d+",
    ),
    "a bug that many odd bytes find": (
        _replace("decode.py", "except UnicodeDecodeError:", "except LookupError:"),
        "odd_bytes_are_refused",
        r"line: decode raised UnicodeDecodeError at wire\.py:\d+, given \d+ bytes: b'.*'",
    ),
}
"""What is spoilt, the check that finds it, and the first line that it tells."""


@pytest.mark.parametrize(("spoil", "name", "told"), TOLD.values(), ids=TOLD.keys())
def test_a_bug_is_told_by_its_place_in_one_line(
    folder: Path, spoil: Callable[[Path], None], name: str, told: str
) -> None:
    spoil(folder)
    importlib.invalidate_caches()
    check = next(check for check in CHECKS if check.__name__ == name)
    lines = problems(check, Folder.of(discover()["toy"]))
    assert re.fullmatch(told, lines[0])
    assert len(lines) == (len(toy.STATUSES) if name.startswith("samples_") else 1)


def test_a_bug_of_a_check_is_raised(connector: Connector) -> None:
    def check(_: Folder) -> Iterator[str]:
        raise KeyError
        yield ""

    with pytest.raises(KeyError):
        problems(check, Folder.of(connector))


def test_what_cannot_be_read_is_told_once(folder: Path) -> None:
    (folder / "samples" / "settings.yaml").write_text("base_url: [")
    own = Folder.of(discover()["toy"])
    with pytest.raises(pytest.skip.Exception, match=r"settings\.yaml:2: not YAML"):
        problems(samples_encode_to_their_bytes, own)
    assert len(problems(samples_are_readable, own)) == 1


def test_what_cannot_be_imported_is_told_once(folder: Path) -> None:
    _replace("decode.py", "def decode(", "dfe decode(")(folder)
    told = r"toy cannot be imported: /.+/toy/decode\.py:\d+: SyntaxError: invalid syntax$"
    with pytest.raises(pytest.fail.Exception, match=told):
        folder_of("toy", samples_are_readable)
    with pytest.raises(pytest.skip.Exception, match=told):
        folder_of("toy", samples_encode_to_their_bytes)
    done = CliRunner().invoke(commands(), ["decode", "toy"], input="")
    assert (done.exit_code, bool(re.search(told, done.stderr.strip()))) == (1, True)


def test_what_breaks_while_it_is_imported_is_told_by_its_line(folder: Path) -> None:
    _replace("wire.py", "STATUSES = {", "STATUSES = UNKNOWN or {")(folder)
    told = r"/toy/wire\.py:3: NameError: name 'UNKNOWN' is not defined"
    with pytest.raises(ConfigError, match=told):
        discover()["toy"]
    assert "toy" not in importable()
    assert len(importable()) == len(discover()) - 1


# The contract can fail


IN, OUT = "samples/in/line/status_2", "samples/out/line/status_2"

SPOILT: dict[str, tuple[Callable[[Path], None], str]] = {
    "no README": (_remove("README.md"), "the_folder_is_complete"),
    "an operation the README forgets": (
        _replace("README.md", "`push`", ""),
        "the_readme_names_what_there_is",
    ),
    "seven samples": (
        _remove(f"{IN}.txt", f"{IN}.events.jsonl"),
        "there_are_enough_samples",
    ),
    "a file that belongs to no sample": (
        lambda folder: (folder / "samples/in/line/stray.txt").touch(),
        "there_are_enough_samples",
    ),
    "a sample of another event": (
        _replace(f"{IN}.events.jsonl", "received", "refused"),
        "samples_decode_to_their_events",
    ),
    "an event of another line": (
        _replace(f"{OUT}.txt", "|2|", "|3|"),
        "samples_encode_to_their_bytes",
    ),
    "decode by chance": (
        _replace("decode.py", 'f"/connectors/{message.connector}', 'f"/{id(object())}{unit!r}'),
        "samples_decode_to_their_events",
    ),
    "encode by the clock": (
        _replace("encode.py", "received_at=event.time,", ""),
        "samples_encode_to_their_bytes",
    ),
    "another operation than declared": (
        _replace("encode.py", '"toy", "push"', '"toy", "pull"'),
        "operations_are_declared",
    ),
    "a client without encode": (
        _replace("__init__.py", "    encode=encode,\n", ""),
        "what_is_bound_fits_together",
    ),
    "another key than the subject": (
        _replace("decode.py", "message.body.partition", "message.body[1:].partition"),
        "the_order_key_is_the_subject",
    ),
    "an order key that raises": (
        _replace("decode.py", '(errors="replace")', "()"),
        "odd_bytes_are_refused",
    ),
    "a foreign error": (
        _replace("decode.py", "except UnicodeDecodeError:", "except LookupError:"),
        "odd_bytes_are_refused",
    ),
    "a foreign error that few bytes bring": (
        _replace("decode.py", "if len(fields) != 3 or not fields[0]:", "if len(fields) < 3:"),
        "spoiled_samples_are_refused",
    ),
    "an error that repeats the content": (
        _replace("decode.py", '"unknown status"', "status"),
        "errors_do_not_repeat_the_content",
    ),
    "a path that does not begin with /": (
        _replace("decode.py", 'path="/1"', 'path="1"'),
        "errors_do_not_repeat_the_content",
    ),
    "a simulator that decodes as the hub does": (
        _replace("simulator.py", "toy.wire import fields_of", "toy.decode import fields_of"),
        "the_simulator_stands_alone",
    ),
    "a client that takes any answer for a success": (
        _replace("client.py", "reply.status != 204", "False"),
        "no_failure_of_a_delivery_is_a_success",
    ),
    "a client that lets foreign errors out": (
        _replace("client.py", "reply.status != 204", "reply.status == 200 and reply.body[0]"),
        "no_failure_of_a_delivery_is_a_success",
    ),
    "a client that shows what it was told": (
        _replace(
            "client.py", '"the answer is not the toy\'s"', "reply.body.decode(errors='replace')"
        ),
        "no_failure_of_a_delivery_is_a_success",
    ),
    "a client that says it failed where nobody knows": (
        _replace("__init__.py", "Repetition.HARMLESS", "Repetition.ASKABLE"),
        "what_must_not_happen_twice_is_not_said_to_have_failed",
    ),
    "a client that keeps the operation key to itself": (
        _replace("client.py", '"X-Operation-Key": request.operation_key', ""),
        "deliver_passes_its_operation_key",
    ),
    "a simulator that answers past the fault script": (
        _replace(
            "simulator.py",
            "return await simulation.perform(call, lambda inner: lines.take(body, inner))",
            "return lines.take(body, None).response()",
        ),
        "the_simulator_plays_the_fault_script",
    ),
    "data that Kafka changes": (
        _replace("decode.py", "data = DossierEvent(", "data = type('D', (DossierEvent,), {})("),
        "what_decode_makes_survives_kafka",
    ),
}


@pytest.mark.parametrize(("spoil", "expected"), SPOILT.values(), ids=SPOILT.keys())
def test_the_contract_refuses_a_spoilt_folder(
    folder: Path, spoil: Callable[[Path], None], expected: str
) -> None:
    spoil(folder)
    importlib.invalidate_caches()
    check = next(check for check in CHECKS if check.__name__ == expected)
    assert list(check(Folder.of(discover()["toy"])))
