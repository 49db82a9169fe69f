"""The interface that one-stop products already use to send dossiers to the national portal.

The doors to the payment platform, the post and the document office stand beside it.

Session form: login, integration call, share call. Provincial form: a bare array at
`.../SynsTTHCC/<operation>?MaDinhDanhDV=...&isUpdating=...`. Every answer is HTTP 200 with the
documented body, because products classify by body. A success is said only after Kafka has the
bytes; every refusal is recorded.

Source of the format: the portal's service documents as two one-stop products implement them, and
one provincial platform's adapter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hub.catalogue import Wordlists
from hub.connector import Inbox, Refusal
from hub.connectors.one_stop import reads, replies
from hub.connectors.one_stop.doors import asked, read_call
from hub.connectors.one_stop.endpoints_office import OfficeDoor
from hub.connectors.one_stop.endpoints_payment import PaymentDoor
from hub.connectors.one_stop.endpoints_post import PostDoor
from hub.connectors.one_stop.intake import (
    ItemsRefused,
    Sending,
    array_sending,
    messages_of,
    read_object,
    session_sending,
)
from hub.connectors.one_stop.intake_linked import (
    FORM_OF_SERVICE,
    known_children,
    linked_messages,
)
from hub.connectors.one_stop.known import under_their_subjects
from hub.connectors.one_stop.replies import Refused
from hub.connectors.one_stop.sessions import Doorkeeper
from hub.connectors.one_stop.settings import OneStopSettings
from hub.connectors.one_stop.undated import since_first_heard
from hub.connectors.one_stop.unknowns import Unknowns
from hub.errors import Unavailable
from hub.event import Alias
from hub.message import Message
from hub.wire.dvcqg.catalogues import CATALOGUE, FORMS, READ
from hub.wire.dvcqg.models import DOSSIER_SERVICE, PROGRESS_SERVICE, READ_SERVICES

LOGIN = "login"
SENT = (DOSSIER_SERVICE, PROGRESS_SERVICE)
LINKED = tuple(FORM_OF_SERVICE)
KNOWN = frozenset((*SENT, *FORM_OF_SERVICE, *READ_SERVICES, LOGIN))
LOGIN_LIMIT_BYTES = 10_000

Reply = dict[str, Any]


def endpoints(instance: str, settings: OneStopSettings, inbox: Inbox) -> Sequence[BaseRoute]:
    """The routes of one connector instance."""
    keeper = Doorkeeper(settings)
    return [
        *Door(instance, settings, inbox, keeper=keeper).routes(),
        *PaymentDoor(instance, settings, inbox).routes(),
        *PostDoor(instance, settings, inbox, keeper=keeper).routes(),
        *OfficeDoor(instance, settings, inbox, keeper=keeper).routes(),
    ]


def _catalogues(settings: OneStopSettings, inbox: Inbox) -> Wordlists | None:
    """What the instance of `reads_from` has pulled; none: nobody answers look-ups."""
    if settings.reads_from is None:
        return None
    trusted_seconds = settings.catalogue_trusted_seconds
    return Wordlists(
        CATALOGUE,
        settings.reads_from,
        inbox.ground,
        read=READ,
        forms=FORMS,
        trusted_seconds=trusted_seconds,
    )


class Door:
    """The endpoints of one connector instance.

    Args:
        instance: name of the connector instance.
        settings: its settings.
        inbox: where taken messages and refusals go.
        keeper: knows accounts and sessions.
    """

    def __init__(
        self,
        instance: str,
        settings: OneStopSettings,
        inbox: Inbox,
        *,
        keeper: Doorkeeper | None = None,
    ) -> None:
        self._instance = instance
        self._settings = settings
        self._inbox = inbox
        self._keeper = keeper or Doorkeeper(settings)
        self._context = (instance, settings)
        self._unknowns = Unknowns(lambda: _catalogues(settings, inbox))

    def routes(self) -> Sequence[BaseRoute]:
        """All endpoints; only POST is answered."""
        paths = self._settings
        return [
            Route(paths.auth_endpoint, self.login, methods=["POST"]),
            Route(paths.integration_endpoint, self.call, methods=["POST"]),
            Route(paths.share_endpoint, self.call, methods=["POST"]),
            Route(f"{paths.lgsp_endpoint}/{{operation}}", self.array, methods=["POST"]),
        ]

    async def login(self, request: Request) -> Response:
        """`{"username", "password"}` -> `{"session", "error_code": 0}`."""

        async def act() -> Reply:
            body = await read_call(request, LOGIN_LIMIT_BYTES)
            self._check_dstcode(request)
            account = read_object(body)
            session = self._keeper.login(account.get("username"), account.get("password"))
            return replies.logged_in(session)

        return await self._answer(LOGIN, act)

    async def call(self, request: Request) -> Response:
        """`{"session", "madonvi", "service", ...}` -> `{"error_code", "message" | "result"}`."""
        named = [""]

        async def act() -> Reply:
            body = await read_call(request, self._settings.body_limit_bytes)
            self._check_dstcode(request)
            envelope = read_object(body)
            operation = envelope.get("service")
            if isinstance(operation, str):
                named[0] = operation
            unit = self._keeper.unit_of_session(envelope.get("session"))
            if envelope.get("madonvi") != unit:
                raise Refused(replies.WRONG_UNIT, unit=unit)
            if operation in SENT:
                return await self._take(session_sending(body, envelope, unit))
            if operation in LINKED:
                messages, events = linked_messages(body, envelope, unit, self._context)
                known = (self._settings, self._inbox.ground)
                messages = await known_children(messages, events, envelope, known)
                learnt = [alias for event in events for alias in event.aliases]
                return await self._accept(messages, learnt=learnt)
            if operation in READ_SERVICES:
                return await reads.answer(self._inbox, self._settings.reads_from, unit, envelope)
            raise Refused(replies.UNKNOWN_OPERATION, unit=unit)

        return await self._answer(lambda: named[0], act)

    async def array(self, request: Request) -> Response:
        """A bare array in the provincial form -> `{"error_code", "message"}`."""
        operation = request.path_params["operation"]

        async def act() -> Reply:
            query = request.query_params
            token = request.headers.get(self._settings.lgsp_header, "")
            unit = self._keeper.unit_of_token(query.get("MaDinhDanhDV", ""), token)
            if operation not in SENT:
                raise Refused(replies.UNKNOWN_OPERATION, unit=unit)
            body = await read_call(request, self._settings.body_limit_bytes)
            updating = query.get("isUpdating")
            sending = array_sending(body, operation=operation, unit=unit, updating=updating)
            return await self._take(sending)

        return await self._answer(operation, act)

    async def _take(self, sending: Sending) -> Reply:
        messages = messages_of(sending, self._instance, self._settings)
        if sending.operation == DOSSIER_SERVICE:
            messages = await self._unknowns.told_with(messages, sending.trees)
            if self._settings.slips:
                ground = self._inbox.ground
                heard = since_first_heard(messages, self._settings, ground)
                messages = await asked(heard, sending.unit)
        return await self._accept(messages, sending.trees if self._settings.own_codes else None)

    async def _accept(
        self,
        messages: Sequence[Message],
        trees: Sequence[Any] | None = None,
        *,
        learnt: Sequence[Alias] = (),
    ) -> Reply:
        """Take them; with their items, under the codes by which the hub knows the dossiers.

        Where products have codes of their own, what the messages tell of them is remembered first:
        the step that follows names no other.
        """
        try:
            if learnt and self._settings.own_codes:
                await self._inbox.ground.remember(learnt)
            if trees is not None:
                messages = await under_their_subjects(messages, trees, self._inbox.ground)
            await self._inbox.accept(messages)
        except Unavailable as error:
            raise Refused(replies.TRY_AGAIN, unit=messages[0].headers["unit"]) from error
        return replies.taken(len(messages))

    async def _answer(
        self, operation: str | Callable[[], str], act: Callable[[], Awaitable[Reply]]
    ) -> Response:
        try:
            reply = await act()
        except Refused as refused:
            name = operation if isinstance(operation, str) else operation()
            await self._record(refused, name if name in KNOWN else "")
            reply = refused.reply()
        return Response(orjson.dumps(reply), media_type="application/json")

    async def _record(self, refused: Refused, operation: str) -> None:
        if isinstance(refused, ItemsRefused):
            for refusal in refused.refusals(self._instance):
                await self._inbox.refuse(refusal)
            return
        await self._inbox.refuse(
            Refusal(
                connector=self._instance,
                unit=refused.unit,
                operation=operation,
                code=refused.code,
                text=str(refused),
            )
        )

    def _check_dstcode(self, request: Request) -> None:
        if request.headers.get("dstcode", "") != self._settings.dstcode:
            raise Refused(replies.WRONG_DSTCODE)
