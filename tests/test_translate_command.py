"""`hub decode`, `hub encode` and `hub check`, as a person at a terminal uses them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner, Result

from hub.commands import check, translate
from hub.connector import Connector, ConnectorSettings
from hub.errors import DecodeError, EncodeError
from hub.event import Event
from hub.message import Message
from hub.schemas.dossier import DossierEvent, DossierStatus

AT = datetime(2023, 11, 23, 8, tzinfo=UTC)


class ToySettings(ConnectorSettings):
    url: str = Field(description="Address.")
    mark: str = Field("!", description="Put behind every message.")


def _message(body: bytes, form: str) -> Message:
    return Message("toy", "Say", body, headers={"form": form})


def _decode(message: Message, settings: ToySettings) -> Sequence[Event | DecodeError]:
    if message.headers["form"] == "addressed":
        settings.url.upper()
    items: list[Event | DecodeError] = []
    for number, code in enumerate(message.body.decode().split()):
        if code == "bad":
            items.append(DecodeError("is bad", path=f"/{number}"))
            continue
        data = DossierEvent(code=code, unit="H1", status=DossierStatus.RECEIVED)
        items.append(Event("dossier.received", "/connectors/toy/H1", code, AT, data, f"n{number}"))
    if not items:
        raise DecodeError("nothing in it")
    return items


def _encode(event: Event, settings: ToySettings) -> Message:
    if event.subject == "D9":
        raise EncodeError("cannot be said", path="/code")
    return Message("toy", "Say", f"{event.subject}{settings.mark} ế".encode())


TOY = Connector(
    kind="toy",
    title_vi="Đồ chơi",
    title_en="Toy",
    settings=ToySettings,
    forms=("plain", "addressed"),
    message=_message,
    decode=_decode,
    encode=_encode,
)
DUMB = Connector(kind="dumb", title_vi="Câm", title_en="Dumb", settings=ConnectorSettings)

app = typer.Typer()
app.command()(translate.decode)
app.command()(translate.encode)


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the toys are known."""
    monkeypatch.setattr(translate, "discover", lambda: {"toy": TOY, "dumb": DUMB})


def run(*arguments: str, given: bytes = b"") -> Result:
    return CliRunner().invoke(app, arguments, input=given, catch_exceptions=False)


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_decode_prints_one_event_a_line_with_repeatable_ids() -> None:
    first, again = (run("decode", "toy", given=b"D1 D2") for _ in range(2))
    assert first.exit_code == 0
    assert [event["subject"] for event in lines(first)] == ["D1", "D2"]
    assert lines(first)[0]["type"] == "dossier.received"
    assert len({event["id"] for event in lines(first)}) == 2
    assert first.stdout == again.stdout


def test_decode_reads_a_file_or_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_bytes(b"D1")
    assert run("decode", "toy", str(file)).stdout == run("decode", "toy", "-", given=b"D1").stdout


def test_decode_prints_what_it_can_and_complains_with_the_path_of_the_rest() -> None:
    result = run("decode", "toy", given=b"D1 bad D3")
    assert result.exit_code == 1
    assert [event["subject"] for event in lines(result)] == ["D1", "D3"]
    assert result.stderr == "/1: is bad\n"


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (("decode", "toy"), b"", "nothing in it"),
        (("decode", "toi"), b"", "did you mean `toy`"),
        (("decode", "x"), b"", "there is no connector `x`. Known: "),
        (("decode", "dumb"), b"", "does not receive"),
        (("encode", "dumb"), b"", "does not deliver"),
        (("decode", "toy", "/no/such/file"), b"", "No such file"),
        (("decode", "toy", "--form", "x"), b"", "known: `addressed`, `plain`"),
        (("encode", "toy", "--form", "addressed"), b"", "writes the form plain only"),
        (("decode", "toy", "--form", "addressed"), b"D1", "needs the setting `url`"),
        (("encode", "toy"), b'{"type": ', "line 1: not JSON"),
        (("encode", "toy"), b'\n\n{"a" 1}', "line 3: not JSON"),
        (("encode", "toy"), b"\xff", "not UTF-8"),
        (("encode", "toy"), b"3", "event 1: an event must be a JSON object"),
        (("encode", "toy"), b'{"type": "x"}', "event 1: /type: unknown event kind"),
        (("encode", "toy"), b"{}", "event 1: /type: attribute is missing"),
        (("encode", "toy"), b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_cannot_be_done_is_said_on_standard_error(
    arguments: tuple[str, ...], given: bytes, said: str
) -> None:
    result = run(*arguments, given=given)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout == ""


def test_encode_takes_what_decode_prints() -> None:
    events = run("decode", "toy", given=b"D1 D2").stdout
    result = run("encode", "toy", given=events.encode())
    assert (result.exit_code, result.stdout) == (0, "D1! ế\nD2! ế\n")


@pytest.mark.parametrize("indent", [None, 2])
def test_encode_takes_one_event_or_an_array_however_it_is_laid_out(indent: int | None) -> None:
    events = lines(run("decode", "toy", given=b"D1 D2"))
    array = json.dumps(events, indent=indent).encode()
    assert run("encode", "toy", given=array).stdout == "D1! ế\nD2! ế\n"
    one = json.dumps(events[0], indent=indent).encode()
    assert run("encode", "toy", given=b"\n " + one + b"\n\n").stdout == "D1! ế\n"


def test_encode_says_which_event_and_which_field_it_cannot_say() -> None:
    events = run("decode", "toy", given=b"D9 D2").stdout
    result = run("encode", "toy", given=events.encode())
    assert (result.exit_code, result.stdout) == (1, "D2! ế\n")
    assert result.stderr == "event 1: /code: cannot be said\n"


def test_a_fault_in_an_events_data_is_told_with_its_path_and_without_its_value() -> None:
    event = lines(run("decode", "toy", given=b"D1"))[0]
    event["data"]["status"] = "Nguyen"
    result = run("encode", "toy", given=json.dumps(event).encode())
    assert "event 1: /data/status: " in result.stderr
    assert "Nguyen" not in result.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("source", None, "event 1: /source: attribute is missing\n"),
        ("time", "hom nay", "event 1: /time: not an ISO 8601 time\n"),
    ],
)
def test_a_fault_in_an_events_attribute_is_told_by_its_own_name(
    name: str, value: str | None, said: str
) -> None:
    event = lines(run("decode", "toy", given=b"D1"))[0] | {name: value}
    assert run("encode", "toy", given=json.dumps(event).encode()).stderr == said


def test_settings_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "toy.yaml"
    file.write_text("url: http://x\nmark: '?'\n", encoding="utf-8")
    events = run("decode", "toy", "--form", "addressed", "--settings", str(file), given=b"D1")
    result = run("encode", "toy", "--settings", str(file), given=events.stdout.encode())
    assert result.stdout == "D1? ế\n"
    file.write_text("url: http://x\nmarc: '?'\n", encoding="utf-8")
    told = run("encode", "toy", "--settings", str(file)).stderr
    assert told.startswith(f"{file}:2:1: marc: unknown key `marc`; did you mean `mark`?")
    file.write_text("[", encoding="utf-8")
    assert f"{file}:2:1: not YAML" in run("encode", "toy", "--settings", str(file)).stderr
    file.write_text("url: http://x\nurl: http://y\n", encoding="utf-8")
    assert f"{file}:2:1: url: " in run("encode", "toy", "--settings", str(file)).stderr
    gone = str(tmp_path / "none")
    assert "cannot be read" in run("encode", "toy", "--settings", gone).stderr


checker = typer.Typer()
checker.command()(check.check)

GOOD = """\
version: 1
kafka: {bootstrap_servers: "k:9092"}
postgres: {url: "${env:PG}"}
blobs: {url: "file://blobs"}
"""


def run_check(*arguments: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(checker, arguments, env=environ, catch_exceptions=False)


def test_check_calls_a_good_file_fine(tmp_path: Path) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text(GOOD, encoding="utf-8")
    result = run_check(str(file), environ={"PG": "postgresql://p"})
    assert result.exit_code == 0
    assert "fine" in result.stdout
    by_variable = run_check("--json", environ={"PG": "postgresql://p", "HUB_CONFIG": str(file)})
    assert json.loads(by_variable.stdout) == []


def test_check_prints_every_finding_and_ends_with_one(tmp_path: Path) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text(f"{GOOD}logs: {{}}\nunits: 3\n", encoding="utf-8")
    result = run_check(str(file), environ={"PG": "postgresql://p"})
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{file}:5:1: logs: unknown key `logs`; did you mean `log`?")
    assert second.startswith(f"{file}:6:8: units: ")


def test_check_gives_findings_as_json(tmp_path: Path) -> None:
    result = run_check("--json", str(tmp_path / "none.yaml"))
    assert result.exit_code == 1
    [finding] = json.loads(result.stdout)
    assert set(finding) == {"file", "line", "column", "path", "what", "nearest", "todo", "level"}
    assert "No such file" in finding["what"]
