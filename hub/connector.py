"""Connector: everything the hub knows about one kind of outside system.

A connector is one folder under `hub/connectors/`, found by name. Its `__init__.py` binds one
`CONNECTOR`. decode and encode are pure: no I/O, no clock, no log. Only `client.py` talks to the
outside. Nothing outside the folder knows the connector's name.
"""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Protocol, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from hub.errors import ConfigError, DecodeError
from hub.event import Alias, Event
from hub.message import Message


class Repetition(StrEnum):
    """What happens when a request that took effect is sent once more."""

    HARMLESS = "harmless"
    ANSWERED_AS_DUPLICATE = "answered_as_duplicate"
    ASKABLE = "askable"
    DANGEROUS = "dangerous"


class Answer(StrEnum):
    """The destination's answer to "did you take this request?"."""

    TAKEN = "taken"
    NOT_TAKEN = "not_taken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a connector can ask of the outside.

    Attributes:
        name: the wire's own name (`CapNhatTienDoHoSoMC`).
        repetition: what a repetition does.
        settle_seconds: how long a `not_taken` answer must wait before it counts.
        group_count: how many consecutive requests of one subject fit into one call.
    """

    name: str
    repetition: Repetition
    settle_seconds: float = 0
    group_count: int = 1


class Request(msgspec.Struct, frozen=True):
    """One encoded event on its way out.

    Attributes:
        message: what `encode` made; `message.operation` names the Operation.
        operation_key: UUID text, the same for every repetition of this request.
        event: the event it was encoded from.
    """

    message: Message
    operation_key: str
    event: Event


@dataclass(frozen=True, slots=True)
class Reply:
    """What a delivery gave back: messages for `in.<connector>`, aliases, a code to show.

    A message's id is made of the operation key (`name_id`), so that a repeated delivery says the
    same thing once. Aliases are stored before the messages are sent on.
    """

    messages: tuple[Message, ...] = ()
    aliases: tuple[Alias, ...] = ()
    foreign_code: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What `Client.ask` found out.

    Attributes:
        answer: whether the earlier sending took effect.
        reply: what that sending would have given back, where the destination still tells it.
    """

    answer: Answer
    reply: Reply = Reply()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that was refused at the door, kept for `hub rejections` (no content).

    Attributes:
        unit: organisation id of the sender, `` when unknown.
        operation: the wire's name of what was asked.
        code: fixed reason code.
        text: one sentence with field paths, without values.
        subject: the dossier code if it could be read.
    """

    connector: str
    unit: str
    operation: str
    code: str
    text: str
    subject: str = ""


class Client(Protocol):
    """The outgoing side of a connector instance; foreign errors leave it as HubErrors only."""

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        """Send consecutive requests of one subject, oldest first, at most the group's count.

        Every call passes the operation key where the wire has a place for it.

        Raises:
            Rejected, Unavailable, Misconfigured, UnknownOutcome: see `hub.errors`.
        """

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        """Whether an earlier sending of this request took effect (askable operations)."""

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A read-only call with the unit's account, answered in the wire's own JSON.

        Raises:
            Rejected: the destination has no such read-only operation, or refused.
            Unavailable: it cannot answer now.
        """

    async def probe(self) -> str:
        """A harmless call; returns one sentence, raises like `deliver`."""

    async def close(self) -> None:
        """Release sessions and connections."""


class Ground(Protocol):
    """What the hub offers to a connector's client, poller and endpoints beside the flow."""

    async def alias(self, kind: str, value: str) -> Alias | None:
        """What is known under a foreign id.

        Raises:
            Unavailable: the store does not answer (so do all that follow).
        """

    async def aliases(
        self,
        kind: str,
        *,
        subject: str | None = None,
        facts: Mapping[str, str] | None = None,
        older_than_seconds: float = 0,
        limit: int = 100,
    ) -> Sequence[Alias]:
        """Aliases of a kind that have this subject and all these facts, oldest change first."""

    async def remember(self, aliases: Sequence[Alias]) -> None:
        """Store them; a known one keeps its subject, and its facts are merged."""

    async def forget(self, aliases: Sequence[Alias]) -> None:
        """Delete what nobody outside can speak of any more; one that has changed since stays."""

    async def keep(self, body: bytes | IO[bytes], content_type: str, *, owner: str = "") -> str:
        """Put a large body into the blob store; its reference (claim check).

        A file is read from its beginning, piece by piece, and never stands in memory whole.

        Args:
            owner: who alone refers to it, and may `drop` it; a body without one is shared by all
                that keep the same bytes, and stays.
        """

    async def drop(self, references: Sequence[str]) -> None:
        """Delete bodies that were kept for an owner; shared ones stay. May be repeated."""

    async def fetch(self, reference: str) -> bytes:
        """The body of a reference, verified.

        Raises:
            DecodeError: it is gone or not what was stored.
        """

    def pieces(self, reference: str) -> AsyncIterator[bytes]:
        """The same, piece by piece, so that it never stands in memory whole."""


class Inbox(Protocol):
    """What the hub offers to a connector's receive endpoints."""

    @property
    def ground(self) -> Ground:
        """Aliases and large bodies."""

    async def accept(self, messages: Sequence[Message]) -> None:
        """Return when Kafka has all the bytes (acks=all, in order per key).

        Raises:
            Unavailable: Kafka did not take them; the sender must hear a failure.
        """

    async def refuse(self, refusal: Refusal) -> None:
        """Keep a refusal for `hub rejections`; never raises for a missing broker."""

    async def accepted(self, subject: str) -> bool:
        """Whether the hub has accepted a message about this subject."""

    def peer(self, connector: str) -> Client:
        """The client of another configured connector instance (to pass reads through).

        Raises:
            ConfigError: there is no such instance.
        """


@dataclass(frozen=True, slots=True)
class Page:
    """What one look at the outside gave.

    Attributes:
        messages: for `in.<connector>`, oldest first; the id is repeatable (`name_id`).
        cursor: where the next look begins; kept when Kafka has the messages.
        more: look again at once.
        receipts: what `Poller.done` needs to acknowledge.
        problem: what of the look failed although it counts as done: one sentence, no content. It
            is told like a failure, and the next look comes as usual.
    """

    messages: tuple[Message, ...] = ()
    cursor: str = ""
    more: bool = False
    receipts: tuple[str, ...] = ()
    problem: str = ""


class Poller(Protocol):
    """The asking side of an instance: one worker at a time runs it, under a lease."""

    every_seconds: float

    async def poll(self, cursor: str) -> Page:
        """Look once; `` is the cursor of the first look ever. Raises like `Client.deliver`.

        A look that is repeated (nothing is kept until Kafka has it) gives the same message ids.
        """

    async def done(self, page: Page) -> None:
        """Tell the source what Kafka has; repeatable. Like `poll`; `Rejected` stops nothing."""

    async def close(self) -> None:
        """Release connections."""


class ConnectorSettings(BaseModel):
    """Base of every connector's settings in hub.yaml; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: str | None = Field(
        None, description="Folder of the connector; the instance's own name if left out."
    )

    def counted_by(self, calendar: Any) -> Self:
        """These settings under the deployment's calendar (`hub.worktime.Calendar`).

        Only a connector that counts working days itself keeps it.
        """
        return self

    def more_kinds(self) -> tuple[str, ...]:
        """Kinds of event that only these settings make decode tell; the samples have the others."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Connector:
    """What a connector's folder exports as `CONNECTOR`.

    Attributes:
        kind: name of the folder.
        title_vi, title_en: what people call the system.
        settings: model of its block in hub.yaml.
        operations: outgoing operations by name.
        forms: wire forms that decode and encode know (`--form`); the first is the default.
        decode: pure; one Message to its items, each an Event (without id) or a DecodeError;
            raises DecodeError when the whole message is unreadable. An event whose subject the
            wire does not tell says with `about` by which foreign id the hub finds it.
        order_key: pure; what order is kept for on the way in: the dossier code, else the foreign
            id. Never raises: an unreadable message is keyed by its sending account
            (`message.headers["unit"]`).
        message: pure; the Message of wire bytes for `hub decode` and tests; arguments body, form.
        encode: pure; one Event to one Message. Raises EncodeError.
        reads_lean: encode only looks at the attributes of an event's data, so that the lean twin
            of its model (see `hub.lean`) does too, at a third of the cost.
        client: makes the outgoing side; arguments instance, settings, ground.
        delivers: whether an instance with these settings delivers; none: every one with a client.
            Standard routes to one that does not are not in force.
        poller: makes the asking side; the same arguments.
        endpoints: makes the HTTP endpoints that the outside system calls.
        simulator: `simulator(faults: FaultScript, log: CallLog, **options) -> Starlette`: makes an
            ASGI app that behaves like the real system; options are keyword-only and all have a
            default; it answers through a `Simulation` (see `hub.simulation`).
    """

    kind: str
    title_vi: str
    title_en: str
    settings: type[ConnectorSettings]
    operations: Mapping[str, Operation] = field(default_factory=dict)
    forms: tuple[str, ...] = ("json",)
    decode: Callable[[Message, Any], Sequence[Event | DecodeError]] | None = None
    order_key: Callable[[Message], str] | None = None
    message: Callable[[bytes, str], Message] | None = None
    encode: Callable[[Event, Any], Message] | None = None
    reads_lean: bool = False
    client: Callable[[str, Any, Ground], Client] | None = None
    delivers: Callable[[Any], bool] | None = None
    poller: Callable[[str, Any, Ground], Poller] | None = None
    endpoints: Callable[[str, Any, Inbox], Sequence[BaseRoute]] | None = None
    simulator: Callable[..., Starlette] | None = None

    def sends(self, settings: Any) -> bool:
        """Whether an instance with these settings delivers."""
        return self.client is not None and (self.delivers is None or self.delivers(settings))


class Connectors(Mapping[str, Connector]):
    """Every connector folder of a package by name, imported when it is asked for.

    A process needs the libraries of the systems it is configured for, and no others.
    """

    def __init__(self, package: str = "hub.connectors") -> None:
        self._package = package
        self._path = importlib.import_module(package).__path__
        self._names = sorted(info.name for info in pkgutil.iter_modules(self._path) if info.ispkg)

    def __getitem__(self, kind: str) -> Connector:
        """The connector of that folder.

        Raises:
            KeyError: there is no such folder.
            ConfigError: it cannot be imported, has no `CONNECTOR`, or that names another kind.
        """
        if kind not in self._names:
            raise KeyError(kind)
        module = self._imported(kind)
        connector = getattr(module, "CONNECTOR", None)
        if not isinstance(connector, Connector) or connector.kind != kind:
            raise ConfigError(f"{self._package}.{kind} must bind CONNECTOR of kind {kind}")
        return connector

    def _imported(self, kind: str) -> ModuleType:
        try:
            return importlib.import_module(f"{self._package}.{kind}")
        except Exception as error:  # whatever the modules of the folder raise
            what = f"{type(error).__name__}: {getattr(error, 'msg', error)}"
            found = [place_in(error, Path(path) / kind) for path in self._path]
            file, line = next(filter(None, found), (f"{self._package}.{kind}", 0))
            text = f"connector {kind} cannot be imported: {file}:{line}: {what}"
            raise ConfigError(text) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def discover(package: str = "hub.connectors") -> Connectors:
    """Every connector folder of a package, by name; packages may span several directories."""
    return Connectors(package)


def place_in(error: BaseException, folder: Path) -> tuple[str, int] | None:
    """File and line of a connector's folder that an error passed last, or that is no Python."""
    places = [(f.filename, f.lineno or 0) for f in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        places.append((error.filename or "", error.lineno or 0))
    own = [place for place in places if Path(place[0]).is_relative_to(folder)]
    return own[-1] if own else None
