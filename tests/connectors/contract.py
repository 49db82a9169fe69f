"""What every connector's folder must keep, written once; `test_contract.py` runs it over all.

A check yields what is wrong, one sentence each. Samples stand in the connector's folder:

    samples/in/<form>/<name>.<ext>             wire bytes as received
    samples/in/<form>/<name>.events.jsonl      what they become: one structured CloudEvent a line,
                                               or {"error": {"code", "path"}} for a faulty item
    samples/in/<form>/<name>.error.json        instead: {"code", "path"}, the whole is unreadable
    samples/out/<form>/<name>.event.json       one structured CloudEvent
    samples/out/<form>/<name>.<ext>            the wire bytes that it becomes
    samples/settings.yaml                      the connector's block of hub.yaml, of who delivers
    profiles/<name>/samples/                   the same again for what other settings make of events
    samples/beside.jsonl                       what the hub is told beside the events of a sample
                                               (about, aliases, once), one sample a line, if any
    samples/simulator.yaml                     options of the simulator that go with it, if any
    samples/ground.yaml                        aliases that the hub knows when they are sent, if any
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec import structs

import hub.schemas  # noqa: F401 - registers the kinds
from hub.connector import Connector, ConnectorSettings, Repetition, discover
from hub.errors import ConfigError, DecodeError, EncodeError
from hub.event import Event
from tests.connectors.reading import (
    Unreadable,
    aliases_of,
    block_of,
    bytes_difference,
    difference,
    document_of,
    event_of,
    lines_of,
    place_of,
    settings_of,
)
from tests.connectors.simulators import foreign_imports

SAMPLES_COUNT = 8


def importable() -> dict[str, Connector]:
    """The connectors without those that cannot be imported: `test_contract.py` tells of them."""
    known, found = discover(), {}
    for kind in known:
        with suppress(ConfigError):
            found[kind] = known[kind]
    return found


@dataclass(frozen=True)
class Sample:
    """One pair of files.

    Attributes:
        form: wire form, the name of its folder.
        wire: the file of wire bytes.
        beside: the file of events (in), of the error (in) or of the event (out).
    """

    form: str
    wire: Path
    beside: Path


@dataclass(frozen=True)
class Folder:
    """A connector and where it lives."""

    connector: Connector
    path: Path

    @classmethod
    def of(cls, connector: Connector) -> Folder:
        """The folder of a discovered connector."""
        module = importlib.import_module(f"hub.connectors.{connector.kind}")
        return cls(connector, Path(module.__path__[0]))

    @property
    def settings(self) -> ConnectorSettings:
        """Settings for translation: of `samples/settings.yaml`, else only what has a default."""
        file = self.path / "samples" / "settings.yaml"
        if file.exists():
            return settings_of(file, self.connector.settings)
        return self.connector.settings.model_construct(kind=self.connector.kind)

    @classmethod
    def named(cls, kind: str) -> Folder:
        """The folder of that name; skips the test if it cannot be imported, see `importable`."""
        try:
            return cls.of(discover()[kind])
        except ConfigError as error:
            pytest.skip(str(error))

    @property
    def profiles(self) -> list[Folder]:
        """The same connector with the samples and settings of each of its other profiles."""
        return [
            Folder(self.connector, path) for path in sorted((self.path / "profiles").glob("*/"))
        ]

    def samples(self, direction: str) -> list[Sample]:
        """The samples of `in` or `out`."""
        endings = (".events.jsonl", ".error.json") if direction == "in" else (".event.json",)
        found = []
        for beside in sorted((self.path / "samples" / direction).glob("*/*")):
            for ending in endings:
                if beside.name.endswith(ending):
                    wire = self._wire(beside, beside.name.removesuffix(ending))
                    found.append(Sample(beside.parent.name, wire, beside))
        return found

    @staticmethod
    def _wire(beside: Path, name: str) -> Path:
        """The one file of that name with a single ending."""
        found = [
            path for path in beside.parent.glob(f"{name}.*") if path.with_suffix("").name == name
        ]
        if len(found) != 1:
            names = ", ".join(sorted(path.name for path in found)) or "none"
            raise Unreadable(beside, f"one file {name}.<ext> must hold its wire bytes, not {names}")
        return found[0]

    def decode(self, body: bytes, form: str) -> list[Event | DecodeError]:
        """The items of wire bytes."""
        connector = self.connector
        assert connector.decode is not None
        assert connector.message is not None
        return list(connector.decode(connector.message(body, form), self.settings))


Check = Callable[[Folder], Iterator[str]]


def samples_are_readable(folder: Folder) -> Iterator[str]:
    """Every file of samples holds what its name says; all others build on it."""
    for each in (folder, *folder.profiles):
        for reading in _readings(each):
            try:
                reading()
            except Unreadable as unreadable:
                yield str(unreadable)


def _readings(folder: Folder) -> Iterator[Callable[[], object]]:
    yield lambda: folder.settings
    yield partial(_options_fit, folder)
    yield partial(aliases_of, folder.path / "samples" / "ground.yaml")
    yield partial(_written_beside, folder)
    for direction in ("in", "out"):
        try:
            samples = folder.samples(direction)
        except Unreadable:
            yield partial(folder.samples, direction)
            continue
        for sample in samples:
            told = partial(_stored, sample.beside)
            yield told if direction == "in" else partial(event_of_sample, sample)


def _options_fit(folder: Folder) -> None:
    file = folder.path / "samples" / "simulator.yaml"
    options = block_of(file)
    try:
        inspect.signature(folder.connector.simulator or dict).bind(None, None, **options)
    except TypeError as error:
        raise Unreadable(file, f"the simulator {error}") from error


def the_folder_is_complete(folder: Folder) -> Iterator[str]:
    """Every folder has the same files, so that who knows one knows all."""
    connector = folder.connector
    wanted = {"__init__.py", "settings.py", "simulator.py", "README.md", "samples"}
    if connector.decode is not None:
        wanted.add("decode.py")
    if connector.encode is not None:
        wanted |= {"encode.py", "client.py", "samples/settings.yaml"}
    for name in sorted(wanted):
        if not (folder.path / name).exists():
            yield f"{name} is missing"
    for name in ("decode", "encode"):
        function = getattr(connector, name)
        own = f"hub.connectors.{connector.kind}.{name}"
        if function is not None and function.__module__ != own:
            yield f"CONNECTOR.{name} is not a function of {name}.py"


def what_is_bound_fits_together(folder: Folder) -> Iterator[str]:
    """A connector receives, delivers or both, and binds all that its direction needs."""
    connector = folder.connector
    receives = (connector.decode, connector.order_key, connector.message)
    delivers = (connector.encode, connector.client)
    if any(receives) and not all(receives):
        yield "decode, order_key and message belong together"
    if any(delivers) and not all(delivers):
        yield "encode and client belong together"
    if connector.endpoints and not connector.decode:
        yield "what endpoints receive must be decoded"
    if not any(receives) and not any(delivers):
        yield "it neither receives nor delivers"
    if bool(connector.encode) != bool(connector.operations):
        yield "who encodes declares operations, and nobody else"
    if connector.simulator is None:
        yield "it has no simulator"


def operations_are_declared(folder: Folder) -> Iterator[str]:
    """Every operation that encode asks for is declared with what a repetition does."""
    connector = folder.connector
    for name, operation in connector.operations.items():
        if operation.name != name:
            yield f"operation {operation.name} is declared as {name}"
        if operation.group_count < 1 or operation.settle_seconds < 0:
            yield f"operation {name} has an impossible count or time"
        if operation.settle_seconds and operation.repetition is not Repetition.ASKABLE:
            yield f"operation {name} has a settle time, but nobody asks"
    for sample in folder.samples("out"):
        message = _encoded(folder, sample)
        if message.operation not in connector.operations:
            yield f"{sample.beside.name}: operation {message.operation!r} is not declared"


def every_operation_has_a_sample(folder: Folder) -> Iterator[str]:
    """What is declared is asked for by a sample, of the folder or of one of its profiles."""
    asked = {
        _encoded(each, sample).operation
        for each in (folder, *folder.profiles)
        for sample in each.samples("out")
    }
    for name in sorted(folder.connector.operations.keys() - asked):
        yield f"no sample asks for {name}"


def the_readme_names_what_there_is(folder: Folder) -> Iterator[str]:
    """The README names the system in both languages, its forms and its operations."""
    readme = folder.path / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    connector = folder.connector
    titles = connector.title_vi, connector.title_en
    for name in (*titles, *connector.forms, *connector.operations):
        if name not in text:
            yield f"README.md does not mention {name}"


def there_are_enough_samples(folder: Folder) -> Iterator[str]:
    """At least 8 samples of each form in each direction it has, and no file beside them.

    A form that is only sent or only received has one direction; of those bound, each has a form.
    """
    connector = folder.connector
    bound = {"in": connector.decode, "out": connector.encode}
    for form in connector.forms:
        if not any((folder.path / "samples" / direction / form).is_dir() for direction in bound):
            yield f"the form {form} has no samples"
    for direction, function in bound.items():
        samples = folder.samples(direction)
        forms = {path.name for path in (folder.path / "samples" / direction).glob("*/")}
        if bool(forms) != bool(function):
            yield f"samples/{direction} has {len(forms)} forms"
        for form in sorted(forms):
            count = sum(sample.form == form for sample in samples)
            if count < SAMPLES_COUNT:
                yield f"samples/{direction}/{form} has {count} samples, not {SAMPLES_COUNT}"
        known = {path for sample in samples for path in (sample.wire, sample.beside)}
        for path in sorted((folder.path / "samples" / direction).rglob("*")):
            if path.is_file() and (path not in known or path.parent.name not in connector.forms):
                yield f"{path.relative_to(folder.path)} belongs to no sample of a known form"


def samples_decode_to_their_events(folder: Folder) -> Iterator[str]:
    """Each sample becomes what stands beside it, and the same bytes become the same ids."""
    for sample in folder.samples("in"):
        told = f"{sample.form}/{sample.wire.name}"
        body = sample.wire.read_bytes()
        try:
            first, again = (_told(folder, body, sample.form) for _ in range(2))
        except Unreadable:
            raise
        # Any other exception is a bug of the connector.
        except Exception as error:  # noqa: BLE001
            yield f"{told}: decode raised {type(error).__name__}{place_of(error, folder.path)}"
            continue
        if first != again:
            yield f"{told}: decoded twice, it gives two results"
        stored = _stored(sample.beside)
        if first != stored:
            where = difference([_plain(each) for each in stored], [_plain(each) for each in first])
            yield f"{told}: does not become {sample.beside.name}: {where}"


def _told(folder: Folder, body: bytes, form: str) -> list[Any]:
    try:
        items = folder.decode(body, form)
    except DecodeError as error:
        return [_error(error)]
    return [
        structs.replace(item.identify(None, number), message_id="", traceparent="")
        if isinstance(item, Event)
        else {"error": _error(item)}
        for number, item in enumerate(items)
    ]


def _plain(item: Any) -> Any:
    return item.to_json() if isinstance(item, Event) else item


def _error(error: DecodeError) -> dict[str, str]:
    return {"code": error.code, "path": error.path}


def _stored(path: Path) -> list[Any]:
    if path.name.endswith(".error.json"):
        return [document_of(path)]
    documents = lines_of(path)
    return [
        each if isinstance(each, dict) and "error" in each else event_of(path, each, line)
        for line, each in enumerate(documents, start=1)
    ]


def samples_tell_the_hub_what_stands_beside(folder: Folder) -> Iterator[str]:
    """Whose each event is, which ids it makes known, and whether it can be said once only.

    An event is compared as published, without these; a wrong one is the wrong dossier.
    """
    written = _written_beside(folder)
    for sample in folder.samples("in"):
        name = f"{sample.form}/{sample.wire.name}"
        items = [_beside(item) for item in _decoded(folder, sample)]
        if written.pop(name, []) != (items if any(items) else []):
            line = json.dumps({"sample": name, "items": items}, ensure_ascii=False)
            yield f"samples/beside.jsonl does not say {line}"
    yield from (f"samples/beside.jsonl speaks of {name}, which is no sample" for name in written)


def _written_beside(folder: Folder) -> dict[str, Any]:
    file = folder.path / "samples" / "beside.jsonl"
    written = {}
    for line, told in enumerate(lines_of(file) if file.exists() else [], start=1):
        if not isinstance(told, dict) or told.keys() != {"sample", "items"}:
            raise Unreadable(file, "a line has `sample` and `items`", line)
        written[told["sample"]] = told["items"]
    return written


def _decoded(folder: Folder, sample: Sample) -> list[Event | DecodeError]:
    try:
        return folder.decode(sample.wire.read_bytes(), sample.form)
    except DecodeError:
        return []


def _beside(item: Event | DecodeError) -> dict[str, Any]:
    if isinstance(item, DecodeError):
        return {}
    aliases = [
        {
            "kind": alias.kind,
            "value": alias.value,
            **({"subject": alias.subject} if alias.subject != item.subject else {}),
            **({"facts": dict(alias.facts)} if alias.facts else {}),
        }
        for alias in item.aliases
    ]
    told = {"about": list(item.about or ()), "aliases": aliases, "once": item.once}
    return {name: value for name, value in told.items() if value}


def samples_encode_to_their_bytes(folder: Folder) -> Iterator[str]:
    """Each event becomes the bytes that stand beside it; of JSON, spacing does not count."""
    for sample in folder.samples("out"):
        try:
            first, again = _encoded(folder, sample), _encoded(folder, sample)
        except Unreadable:
            raise
        # Any other exception is a bug of the connector, or says that the sample is none.
        except Exception as error:  # noqa: BLE001
            what = f"({error})" if isinstance(error, EncodeError) else ""
            raised = f"{type(error).__name__}{what}{place_of(error, folder.path)}"
            yield f"{sample.form}/{sample.beside.name}: encode raised {raised}"
            continue
        if first != again:
            yield f"{sample.beside.name}: encoded twice, it gives two messages"
        stored = sample.wire.read_bytes()
        if sample.wire.suffix == ".json":
            stored = orjson.dumps(document_of(sample.wire))
        if first.body != stored:
            where = bytes_difference(stored, first.body)
            yield f"{sample.form}/{sample.beside.name}: does not become {sample.wire.name}: {where}"
        event = event_of_sample(sample)
        if first.key != event.subject:
            yield f"{sample.beside.name}: the message's key is not the event's subject"


def event_of_sample(sample: Sample) -> Event:
    """The event beside an outgoing sample."""
    return event_of(sample.beside, document_of(sample.beside))


def _encoded(folder: Folder, sample: Sample) -> Any:
    assert folder.connector.encode is not None
    return folder.connector.encode(event_of_sample(sample), folder.settings)


def profiles_have_samples_of_their_own(folder: Folder) -> Iterator[str]:
    """What is sent under other settings has as many samples, and becomes their bytes."""
    for profile in folder.profiles:
        samples = profile.samples("out")
        for form in sorted({sample.form for sample in samples}):
            count = sum(sample.form == form for sample in samples)
            if count < SAMPLES_COUNT:
                yield f"{profile.path.name}/{form} has {count} samples, not {SAMPLES_COUNT}"
        for wrong in (*samples_encode_to_their_bytes(profile), *operations_are_declared(profile)):
            yield f"{profile.path.name}: {wrong}"


def what_decode_makes_survives_kafka(folder: Folder) -> Iterator[str]:
    """An event written to a record and read again is the same event."""
    for sample in folder.samples("in"):
        if sample.beside.name.endswith(".error.json"):
            continue
        for item in folder.decode(sample.wire.read_bytes(), sample.form):
            if isinstance(item, DecodeError):
                continue
            event = item.identify(None)
            key, value, headers = event.to_record()
            texts = {name: raw.decode() for name, raw in headers}
            if key.decode() != event.subject or Event.from_record(value, texts) != event:
                yield f"{sample.form}/{sample.wire.name}: another event after Kafka"


def what_reads_lean_reads_the_same(folder: Folder) -> Iterator[str]:
    """An encoder that takes the lean twin of an event's data makes the same bytes of it."""
    connector = folder.connector
    if not connector.reads_lean or connector.encode is None:
        return
    for sample in folder.samples("out"):
        _, value, headers = event_of_sample(sample).to_record()
        texts = {name: raw.decode() for name, raw in headers}
        whole = Event.from_record(value, texts)
        lean = Event.from_record(value, texts, lean=True)
        if connector.encode(whole, folder.settings) != connector.encode(lean, folder.settings):
            yield f"{sample.form}/{sample.wire.name}: another message from the lean twin"


def the_order_key_is_the_subject(folder: Folder) -> Iterator[str]:
    """What order is kept for on the way in is what it is kept for afterwards.

    A message of one subject is keyed by it; one of several is split before it is keyed. What is
    told by a foreign id has no subject yet.
    """
    connector = folder.connector
    if connector.message is None or connector.order_key is None:
        return
    for sample in folder.samples("in"):
        if sample.form != connector.forms[0] or sample.beside.name.endswith(".error.json"):
            continue
        body = sample.wire.read_bytes()
        items = folder.decode(body, sample.form)
        subjects = {item.subject for item in items if isinstance(item, Event) and not item.about}
        key = connector.order_key(connector.message(body, sample.form))
        if len(subjects) == 1 and subjects != {key}:
            yield f"{sample.form}/{sample.wire.name}: keyed by another than its subject"


def the_simulator_stands_alone(folder: Folder) -> Iterator[str]:
    """A simulator shares nothing with its connector but the wire models."""
    yield from foreign_imports(folder.path, folder.connector.kind)


CHECKS: tuple[Check, ...] = (
    the_folder_is_complete,
    samples_are_readable,
    what_is_bound_fits_together,
    operations_are_declared,
    every_operation_has_a_sample,
    the_readme_names_what_there_is,
    there_are_enough_samples,
    samples_decode_to_their_events,
    samples_tell_the_hub_what_stands_beside,
    samples_encode_to_their_bytes,
    profiles_have_samples_of_their_own,
    what_decode_makes_survives_kafka,
    what_reads_lean_reads_the_same,
    the_order_key_is_the_subject,
    the_simulator_stands_alone,
)
