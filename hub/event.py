"""Event: one canonical fact about one subject, past tense, frozen, with CloudEvents attributes.

`schemas/` holds the data of each kind. Importing `hub.schemas` registers them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, Self, TypeVar

import msgspec
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from hub.errors import ConfigError, DecodeError
from hub.lean import lean_reader
from hub.message import Message, Position, name_id

SPEC_VERSION = "1.0"
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class DataClass(StrEnum):
    """How sensitive a field is; logs, prints and screens mask by it."""

    PUBLIC = "public"
    PERSONAL = "personal"
    IDENTITY_NUMBER = "identity_number"
    CONTACT = "contact"
    SECRET = "secret"  # noqa: S105 - the name of a class of data, not a secret

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "x-data-class": self.value}


T = TypeVar("T")
Public = Annotated[T, DataClass.PUBLIC]
Personal = Annotated[T, DataClass.PERSONAL]
IdentityNumber = Annotated[T, DataClass.IDENTITY_NUMBER]
Contact = Annotated[T, DataClass.CONTACT]
Secret = Annotated[T, DataClass.SECRET]


class Part(BaseModel):
    """Base of every model inside an event; each field carries a data class.

    Unknown fields of a newer writer are ignored; errors never show the input.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class EventData(Part):
    """Base of the data of one or more kinds, bound by `@data_of`."""


KINDS: dict[str, type[EventData]] = {}
"""Every registered kind and the model of its data."""

MEANINGS: dict[str, str] = {}
"""What each registered kind says, one line."""

M = TypeVar("M", bound=type[EventData])


def data_of(kind: str, meaning: str = "") -> Callable[[M], M]:
    """Register the decorated model as the data of a kind.

    Args:
        meaning: one line; left out where the model has no other kind: its docstring's first.

    Raises:
        ConfigError: at import, when two models claim one kind.
    """

    def register(model: M) -> M:
        if KINDS.setdefault(kind, model) is not model:
            raise ConfigError(f"two models claim the event kind {kind}")
        MEANINGS[kind] = meaning or (model.__doc__ or "").partition("\n")[0]
        return model

    return register


def schema_of(model: type[EventData]) -> dict[str, Any]:
    """The JSON Schema of a kind's data, as it stands in Kafka."""
    return {"$schema": SCHEMA_DIALECT} | model.model_json_schema(mode="serialization")


@dataclass(frozen=True, slots=True)
class Alias:
    """A foreign id that stands for a subject (`parcel` `EA123VN` -> dossier code).

    Attributes:
        kind: what names it: `<system>.<thing>` (`post.parcel`, `vnpay.order`).
        value: the id as on the wire.
        subject: what it stands for; the first one told stays.
        facts: what was agreed under this id and must be compared later (amount, currency, state);
            short texts, no personal data. New ones are merged over old ones.
    """

    kind: str
    value: str
    subject: str
    facts: Mapping[str, str] = field(default_factory=dict)


class Event(msgspec.Struct, frozen=True, eq=False):
    """One canonical fact.

    Attributes:
        kind: CloudEvents `type`, dotted past tense (`dossier.received`).
        source: CloudEvents `source`, `/connectors/<instance>/<unit>`.
        subject: what order is kept for (dossier code, as on the wire, never normalised).
        time: when the fact happened according to the sender, else when the hub heard of it.
        data: the frozen model of the kind.
        natural_key: what makes two items the same fact (service + hash of the canonical body).
        id: UUID text; repeatable, see `identify`.
        message_id: id of the Message it was decoded from.
        traceparent: W3C trace context, `` if none.
        position: where it stands in Kafka, once it does.
        encoded: `data` as JSON, where a decoder has it at hand; else it is made from `data`.
        about: kind and value of the alias by which the hub finds the subject, where the wire does
            not tell it; `subject` is `` then. Not part of the event that is published.
        aliases: foreign ids that this event makes known; stored before it is published.
        once: the natural key can be said once for ever (a bank's transaction, a document's id):
            a repetition is a duplicate however late it comes and whatever was said between.
    """

    kind: str
    source: str
    subject: str
    time: datetime
    data: EventData
    natural_key: str
    id: str = ""
    message_id: str = ""
    traceparent: str = ""
    position: Position | None = None
    encoded: bytes | None = None
    about: tuple[str, str] | None = None
    aliases: tuple[Alias, ...] = ()
    once: bool = False

    def __eq__(self, other: object) -> bool:
        """Equal as published; what only the hub's decoding needs does not count."""
        return isinstance(other, Event) and _PUBLISHED(self) == _PUBLISHED(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.source, self.natural_key, self.id))

    def id_at(self, position: Position | str, item: int = 0) -> str:
        """Its id: UUID5 of source, natural key and inbound position (`` if it has none).

        Decoding the same record again gives the same id; a fact that returns later (A, B, A)
        stands elsewhere and gets another.
        """
        return name_id(f"{self.source} {self.natural_key} {position} {item}")

    def identify(self, position: Position | None, item: int = 0) -> Self:
        """The same event with its id; see `id_at`."""
        return replace(
            self, id=self.id_at(position or "", item), about=None, aliases=(), once=False
        )

    def to_record(
        self, *, event_id: str | None = None, message: Message | None = None
    ) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
        """Key, value and headers of the Kafka record (CloudEvents Kafka binding, binary mode).

        Args:
            event_id: instead of its own `id`.
            message: it was decoded from this one: instead of `message_id` and `traceparent`.
        """
        subject = self.subject.encode()
        traceparent = message.traceparent if message else self.traceparent
        headers = [
            *_same_headers(self.kind, self.source),
            ("ce_id", (event_id or self.id).encode()),
            ("ce_subject", subject),
            ("ce_time", self.time.isoformat().encode()),
            ("ce_naturalkey", self.natural_key.encode()),
            ("ce_messageid", (message.id if message else self.message_id).encode()),
        ]
        if traceparent:
            headers.append(("traceparent", traceparent.encode()))
        value = self.encoded
        if value is None:
            value = self.data.__pydantic_serializer__.to_json(self.data, exclude_defaults=True)
        return subject, value, headers

    @classmethod
    def from_record(
        cls,
        value: bytes,
        headers: Mapping[str, str],
        position: Position | None = None,
        *,
        lean: bool = False,
    ) -> Self:
        """The event that a Kafka record carries.

        Args:
            lean: its data may be the model's lean twin (see `hub.lean`).

        Raises:
            DecodeError: unknown kind, missing attribute, or data that its model refuses.
        """
        kind = headers.get("ce_type", "")
        model = KINDS.get(kind)
        if model is None:
            raise DecodeError("unknown event kind", path="/ce_type", code="unknown_kind")
        try:
            return cls(
                kind=kind,
                source=headers["ce_source"],
                subject=headers["ce_subject"],
                time=datetime.fromisoformat(headers["ce_time"]),
                data=lean_reader(model)(value) if lean else model.model_validate_json(value),
                natural_key=headers.get("ce_naturalkey", ""),
                id=headers["ce_id"],
                message_id=headers.get("ce_messageid", ""),
                traceparent=headers.get("traceparent", ""),
                position=position,
            )
        except KeyError as missing:
            raise DecodeError("attribute is missing", path=f"/{missing.args[0]}") from missing
        except ValidationError as error:
            raise decode_error(error, "/data") from error
        except ValueError as error:
            raise DecodeError("not an ISO 8601 time", path="/ce_time") from error

    def to_json(self) -> dict[str, Any]:
        """CloudEvents structured form as JSON-able data (what `hub decode` prints)."""
        return {
            "specversion": SPEC_VERSION,
            "id": self.id,
            "type": self.kind,
            "source": self.source,
            "subject": self.subject,
            "time": self.time.isoformat(),
            "naturalkey": self.natural_key,
            "datacontenttype": "application/json",
            "data": self.data.model_dump(mode="json", exclude_defaults=True),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The event of a structured CloudEvents document (see `to_json`).

        Raises:
            DecodeError: with the path of the first fault.
        """
        headers = {
            f"ce_{name}": value for name, value in document.items() if isinstance(value, str)
        }
        if "type" not in document:
            raise DecodeError("attribute is missing", path="/type")
        model = KINDS.get(headers.get("ce_type", ""))
        if model is None:
            raise DecodeError("unknown event kind", path="/type", code="unknown_kind")
        try:
            data = model.model_validate(document.get("data"))
        except ValidationError as error:
            raise decode_error(error, "/data") from error
        headers.setdefault("ce_id", "")
        try:
            return cls.from_record(data.model_dump_json(exclude_defaults=True).encode(), headers)
        except DecodeError as error:  # a document names its attributes without the prefix
            text = str(error).removeprefix(f"{error.path}: ")
            raise DecodeError(text, path=error.path.replace("/ce_", "/", 1)) from error


@lru_cache(maxsize=4096)
def _same_headers(kind: str, source: str) -> tuple[tuple[str, bytes], ...]:
    """The headers that many events share."""
    return (
        ("ce_specversion", SPEC_VERSION.encode()),
        ("ce_type", kind.encode()),
        ("ce_source", source.encode()),
        ("content-type", b"application/json"),
    )


_UNPUBLISHED = ("encoded", "about", "aliases", "once")
_PUBLISHED = attrgetter(*(n for n in Event.__struct_fields__ if n not in _UNPUBLISHED))


def decode_error(error: ValidationError, prefix: str = "") -> DecodeError:
    """The first fault of a pydantic error as ours: path and kind of fault, never the value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = prefix + "".join(f"/{step}" for step in first["loc"])
    return DecodeError(first["msg"], path=path)
