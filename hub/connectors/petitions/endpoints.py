"""The door of petitions: sources push petitions and votes, agencies push what became of them.

One `POST` of one JSON object, proved by a token. A success is said only after Kafka has it. What
the hub must not keep is taken out before: the text and author of complaints and denunciations,
and the identity of who wants to be anonymous. Files sent along go to the blob store.

Source of the form: our own proposal (domain notes 7.3).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hub.body import BodyIncomplete, BodyTooLarge, read_body
from hub.connector import Inbox, Refusal
from hub.connectors.petitions import replies, wire
from hub.connectors.petitions.decode import REDIRECTED_KIND, decode
from hub.connectors.petitions.decode_fields import file_fault
from hub.connectors.petitions.replies import Refused
from hub.connectors.petitions.settings import PetitionSettings
from hub.errors import DecodeError, Unavailable
from hub.event import Event
from hub.message import Message
from hub.schemas.petition import PetitionEvent
from hub.wire.json_text import strict_tree

ALLOWED = {"source": wire.TOLD_BY_SOURCE, "agency": wire.DONE_BY_AGENCY}
KEPT_OF_COMPLAINT = ("paknId", "source")
"""What is kept of a complaint, beside its category."""

TOLD_OF_AUTHOR = tuple(f"submitter.{name}" for name in wire.SUBMITTER_FIELDS if name != "anonymous")
TOLD_OF_COMPLAINT = (*TOLD_OF_AUTHOR, "subject", "content", "attachments", "answer", "dossierCode")
"""What an agency may have sent along that is not kept."""


def endpoints(instance: str, settings: PetitionSettings, inbox: Inbox) -> Sequence[BaseRoute]:
    """The one route of an instance."""
    door = Door(instance, settings, inbox)
    return [Route(settings.push_endpoint, door.push, methods=["POST"])]


class Door:
    """Takes pushes.

    Args:
        instance: name of the connector instance.
        settings: its settings.
        inbox: where messages and refusals go.
    """

    def __init__(self, instance: str, settings: PetitionSettings, inbox: Inbox) -> None:
        self._instance = instance
        self._settings = settings
        self._inbox = inbox

    async def push(self, request: Request) -> Response:
        """A petition, a vote, or what an agency did -> `{"code", "message", "paknId"}`."""
        account, told = "", ""
        try:
            account = self._account(request.headers.get(self._settings.token_header, ""))
            raw, tree = await self._read(request)
            values, _ = self._settings.names.read(tree)
            told = values.get("type") or self._settings.default_type
            if told == wire.PING:
                return self._answer(200, replies.taken(""))
            self._check_role(account, told)
            event = await self._take(raw, tree, account, told)
        except Refused as error:
            await self._inbox.refuse(
                Refusal(
                    connector=self._instance,
                    unit=account,
                    operation=told if told in wire.TYPES else "",
                    code=error.code,
                    text=str(error),
                )
            )
            reason = error.reason
            return self._answer(reason.status, {"code": reason.told, "message": str(error)})
        return self._answer(200, _success(event, told))

    async def _read(self, request: Request) -> tuple[bytes, dict[str, Any]]:
        try:
            raw = await read_body(request, self._settings.body_limit_bytes)
            tree = strict_tree(raw)
        except BodyTooLarge as error:
            raise Refused(replies.TOO_LARGE, str(error)) from error
        except BodyIncomplete as error:
            raise Refused(replies.MALFORMED, "chưa nhận đủ") from error
        except DecodeError as error:
            raise Refused(replies.MALFORMED, str(error)) from error
        if not isinstance(tree, dict):
            raise Refused(replies.MALFORMED, "phải là một đối tượng JSON")
        return raw, tree

    def _account(self, header: str) -> str:
        """Whose token it is; compared in a time that tells nothing."""
        found = ""
        for name, account in self._settings.accounts.items():
            expected = self._settings.token_prefix + account.token.get_secret_value()
            if hmac.compare_digest(_digest(header), _digest(expected)):
                found = name
        if not found:
            raise Refused(replies.WRONG_TOKEN)
        return found

    def _check_role(self, account: str, told: Any) -> None:
        if told not in wire.TYPES:
            raise Refused(replies.UNKNOWN_TYPE)
        if told not in ALLOWED[self._settings.accounts[account].role]:
            raise Refused(replies.WRONG_ROLE)

    async def _take(self, raw: bytes, tree: dict[str, Any], account: str, told: str) -> Event:
        """Trim, keep the files, decode as the worker will, and give it to Kafka.

        Files are kept only of a body that breaks no rule without them.
        """
        try:
            trimmed = self._trimmed(tree, told)
            files = self._sent_along(trimmed)
            if files:
                self._decoded(self._message(orjson.dumps(trimmed), told, account))
                await self._keep(files)
            changed = files or trimmed is not tree
            message = self._message(orjson.dumps(trimmed) if changed else raw, told, account)
            event = self._decoded(message)
            key = event.subject or (event.about or ("", ""))[1]
            headers = {**message.headers, "order": key}
            keyed = Message(
                connector=message.connector,
                operation=told,
                body=message.body,
                key=key,
                headers=headers,
                id=message.id,
                received_at=message.received_at,
            )
            await self._inbox.accept([keyed])
        except DecodeError as error:
            raise Refused(replies.FIELD_RULES, str(error)) from error
        except Unavailable as error:
            raise Refused(replies.TRY_AGAIN) from error
        return event

    def _message(self, body: bytes, told: str, account: str) -> Message:
        headers = {"form": "pakn", "unit": account}
        return Message(connector=self._instance, operation=told, body=body, headers=headers)

    def _decoded(self, message: Message) -> Event:
        (event,) = decode(message, self._settings)
        if isinstance(event, DecodeError):
            raise event
        return event

    def _trimmed(self, tree: dict[str, Any], told: str) -> dict[str, Any]:
        """The body without what must not be kept; the same body if that is nothing."""
        names = self._settings.names
        values, _ = names.read(tree)
        odd = self._complaint(values)
        if told == wire.RECEIVED and odd:
            kept = {name: values.get(name) for name in KEPT_OF_COMPLAINT}
            return names.write(kept | {"category": odd, "type": told})
        hidden: tuple[str, ...] = ()
        if told == wire.REDIRECTED or (told == wire.TRANSFERRED and odd):
            hidden = TOLD_OF_COMPLAINT
        elif wire.truth(values.get("submitter.anonymous")):
            hidden = TOLD_OF_AUTHOR
        kept = {name: value for name, value in values.items() if name not in hidden}
        return names.write(kept) if hidden else tree

    def _complaint(self, values: Mapping[str, Any]) -> str:
        """The category of a complaint or denunciation; `` for a petition."""
        return wire.category_redirected(
            str(values.get("category", "")),
            str(values.get("subject", "")),
            self._settings.redirected_categories,
            self._settings.redirected_title_words,
        )

    def _sent_along(self, tree: dict[str, Any]) -> list[tuple[dict[str, Any], bytes]]:
        """Files that were sent along: their places in the body, emptied, and their contents.

        Raises:
            DecodeError: a file that is not allowed, too large or no Base64; a reference of its own.
        """
        names = self._settings.names
        values, _ = names.read(tree)
        files = values.get("attachments")
        if not isinstance(files, list) or len(files) > self._settings.attachments_count:
            return []  # decoding refuses it
        where = "/" + names.path("attachments").replace(".", "/")
        checked = [self._file(item, f"{where}/{number}") for number, item in enumerate(files)]
        found = [
            (item, content)
            for item, content in zip(files, checked, strict=True)
            if content is not None
        ]
        for item, content in found:
            del item[names.attachments.get("base64", "base64")]
            item[names.attachments.get("size", "size")] = len(content)
        return found

    async def _keep(self, files: Sequence[tuple[dict[str, Any], bytes]]) -> None:
        """Put contents into the blob store; a reference stands in their places.

        Raises:
            Unavailable: the store does not answer.
        """
        name = self._settings.names.attachments.get("contentType", "contentType")
        for item, content in files:
            item[wire.BLOB] = await self._inbox.ground.keep(content, str(item.get(name, "")))

    def _file(self, item: Any, path: str) -> bytes | None:
        """The content of a file that was sent along; `None` if it was not."""
        if not isinstance(item, dict):
            raise DecodeError("must be an object", path=path)
        if wire.BLOB in item:
            raise DecodeError("is the hub's own", path=f"{path}/{wire.BLOB}")
        told = self._settings.names.read_attachment(item)
        if wrong := file_fault(told, self._settings):
            field = self._settings.attachment_names.get(wrong[0], wrong[0])
            raise DecodeError(wrong[1], path=f"{path}/{field}")
        text = told.get("base64")
        if text is None:
            return None
        limit = self._settings.attachment_bytes
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise DecodeError("is not Base64", path=path) from error
        if len(content) > limit:
            raise DecodeError(f"larger than {limit} bytes", path=path)
        return content

    def _answer(self, status: int, body: Mapping[str, Any]) -> Response:
        """The answer, its code and text called as the sender calls them."""
        settings = self._settings
        swapped = {"code": settings.reply_code_field, "message": settings.reply_message_field}
        swapped["paknId"] = settings.names.path("paknId")
        named = {swapped.get(name, name): value for name, value in body.items()}
        return Response(orjson.dumps(named), status, media_type="application/json")


def _success(event: Event, told: str) -> dict[str, Any]:
    data = event.data
    petition_id = getattr(data, "petition_id", "")
    if event.kind == REDIRECTED_KIND and told == wire.RECEIVED and isinstance(data, PetitionEvent):
        return replies.redirected(petition_id, data.redirected_to)
    return replies.taken(petition_id)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
