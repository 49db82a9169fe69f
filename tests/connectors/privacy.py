"""Nobody's data leaves a connector beside the message: no log line, error, header, key or alias.

The values looked for are those of the samples, by the data classes of their kinds.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any
from urllib.parse import quote, quote_plus

import structlog
from pydantic import BaseModel

from hub.connector import Reply
from hub.errors import HubError
from hub.event import Alias, DataClass, Event
from hub.message import Message
from tests.connectors.broken_server import LOST, REFUSED, SAID
from tests.connectors.contract import Check, Folder, event_of_sample
from tests.connectors.outside import Outside, _everywhere

LENGTH = 6
"""Shorter values are not told from chance."""

IMPERSONAL = re.compile(
    r"[A-Z]\d\d[\w.]*-\d{6}-\d+"  # a dossier's code
    r"|\d{1,8}"  # an amount or a count
    r"|\d{1,4}[/-]\d{1,2}[/-]\d{1,4}([ T].*)?"  # a moment
)
"""Fields that no model knows count as secret; what they say in these forms names nobody."""

MANNERS = {
    "nothing": None,
    "418": REFUSED["418"],
    "torn JSON": SAID["torn JSON"],
    "a cut in the body": LOST["a cut in the body"],
}


def values(data: Any, kind: DataClass = DataClass.PUBLIC) -> Iterator[tuple[DataClass, str]]:
    """Every text of a model, with the class of its field; a model's fields have their own."""
    if isinstance(data, BaseModel):
        for name, field in type(data).model_fields.items():
            classes = [each for each in field.metadata if isinstance(each, DataClass)]
            yield from values(getattr(data, name), classes[0] if classes else kind)
    elif isinstance(data, dict):
        for value in data.values():
            yield from values(value, kind)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from values(value, kind)
    elif isinstance(data, str):
        yield kind, data


def personal(event: Event) -> set[str]:
    """Values about people, without those that the event also says in public."""
    found = list(values(event.data))
    public = {text for kind, text in found if kind is DataClass.PUBLIC}
    public |= {event.subject, event.source}
    open_text = "\n".join(public)
    return {
        text
        for kind, text in found
        if kind is not DataClass.PUBLIC
        and len(text) >= LENGTH
        and text not in open_text
        and not IMPERSONAL.fullmatch(text)
    }


def seen(people: Iterable[str], *texts: str) -> bool:
    """Whether one of them stands in a text, as it is or as an address says it."""
    forms = {form for each in people for form in (each, *_in_addresses(each))}
    return any(form in text for form in forms for text in texts)


def _in_addresses(text: str) -> Iterator[str]:
    """A text as paths and queries say it; libraries differ in what they leave as it is."""
    for safe in ("", "/", "/@:,"):
        yield quote(text, safe=safe)
        yield quote_plus(text, safe=safe)


def _causes(error: BaseException) -> Iterator[str]:
    """Texts of an error, of its causes, and of the notes on them; ours only.

    A foreign exception's text is never shown (`hub.log`), so it does not count.
    """
    if isinstance(error, HubError):
        yield f"{error} {error.code} {vars(error)} {getattr(error, '__notes__', '')}"
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)


class Lines(logging.Handler):
    """Keeps the text of every record."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(level=0)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[list[str]]:
    """All that is logged or printed meanwhile."""
    lines: list[str] = []
    handler = Lines(lines)
    root, printed = logging.getLogger(), StringIO()
    level = root.level
    root.addHandler(handler)
    root.setLevel(0)
    try:
        with (
            structlog.testing.capture_logs() as entries,
            redirect_stdout(printed),
            redirect_stderr(printed),
        ):
            yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        lines += [str(entry) for entry in entries] + [printed.getvalue()]


def _aliases(aliases: Iterable[Alias]) -> Iterator[str]:
    for alias in aliases:
        yield f"{alias.kind} {alias.value} {alias.subject} {dict(alias.facts)}"


def _beside(message: Message) -> str:
    """All of a message but its body."""
    told = (message.connector, message.operation, message.key, message.headers, message.id)
    return f"{told} {message.traceparent}"


def what_decode_says_beside_the_event_is_not_personal(folder: Folder) -> Iterator[str]:
    """Ids, keys, headers, aliases, errors and logs of the samples that come in."""
    connector = folder.connector
    if connector.decode is None or connector.message is None or connector.order_key is None:
        return
    for sample in folder.samples("in"):
        body, texts = sample.wire.read_bytes(), []
        people: set[str] = set()
        with _listening() as lines:
            message = connector.message(body, sample.form)
            texts += [_beside(message), connector.order_key(message)]
            try:
                items = connector.decode(message, folder.settings)
            except HubError as error:
                texts += _causes(error)
                items = []
        for item in items:
            if isinstance(item, Event):
                people |= personal(item)
                texts += [f"{item.source} {item.subject} {item.natural_key} {item.about}"]
                texts += _aliases(item.aliases)
            else:
                texts += _causes(item)
        if seen(people, *texts, *lines):
            yield f"{sample.form}/{sample.wire.name}: a person's data stands beside the event"


async def _sent(there: Outside) -> list[str]:
    wrong = []
    for request, people in _requests(there):
        for name, manner in MANNERS.items():
            there.server.plan(manner)
            texts = [_beside(request.message)]
            with _listening() as lines:
                try:
                    texts += _replied(await there.deliver(request))
                except HubError as error:
                    texts += _causes(error)
            texts += [call.partition(b"\r\n\r\n")[0].decode() for call in there.server.calls]
            if seen(people, *texts, *lines):
                wrong.append(f"{request.message.operation}: {name}: says what is a person's")
    return wrong


def _requests(there: Outside) -> Iterator[tuple[Any, set[str]]]:
    """Each sample's request, and whose data it carries."""
    for sample in there.folder.samples("out"):
        request = there.request(event_of_sample(sample), sample.form)
        if request is not None:
            yield request, personal(request.event)


def _replied(reply: Reply) -> list[str]:
    return [
        reply.foreign_code,
        *map(_beside, reply.messages),
        *_aliases(reply.aliases),
    ]


def what_a_delivery_says_beside_the_body_is_not_personal(folder: Folder) -> Iterator[str]:
    """Addresses, headers, errors, aliases and logs, whether it succeeds or fails."""
    if folder.connector.client is not None:
        yield from _everywhere(folder, _sent)


def what_encode_cannot_say_is_told_without_it(folder: Folder) -> Iterator[str]:
    """An event of which encode can make nothing leaves no person's data in its error."""
    if folder.connector.encode is None:
        return
    for sample in folder.samples("in"):
        if not sample.beside.name.endswith(".events.jsonl"):
            continue
        for item in folder.decode(sample.wire.read_bytes(), sample.form):
            if not isinstance(item, Event):
                continue
            try:
                folder.connector.encode(item, folder.settings)
            except HubError as error:
                if seen(personal(item), *_causes(error)):
                    yield f"{sample.form}/{sample.wire.name}: the error says a person's data"


CHECKS: tuple[Check, ...] = (
    what_decode_says_beside_the_event_is_not_personal,
    what_encode_cannot_say_is_told_without_it,
    what_a_delivery_says_beside_the_body_is_not_personal,
)
