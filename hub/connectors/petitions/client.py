"""The outgoing side: petitions to whoever handles them, and what became of them to their source.

An answer is read by its code; a success counts under HTTP 2xx only. The table stands in the README.
Every call carries the operation key, by which the contract's receiver notices a repetition.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson

from hub import http
from hub.connector import Answer, Asked, Ground, Reply, Request
from hub.connectors.petitions import wire
from hub.connectors.petitions.settings import PetitionSettings
from hub.errors import Misconfigured, Rejected, Unavailable, UnknownOutcome

CONFLICT = 409
"""HTTP status under which a system may say, too, that it has taken this earlier."""


class PetitionClient:
    """Client of one system of petitions; see `hub.connector.Client`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: where attachments are kept.
    """

    def __init__(self, name: str, settings: PetitionSettings, ground: Ground) -> None:
        self.name = name
        self._settings = settings
        self._ground = ground
        self._http: aiohttp.ClientSession | None = None

    async def deliver(self, requests: Sequence[Request], *, timeout_seconds: float) -> Reply:
        (request,) = requests
        message = request.message
        body = await self._with_content(message.body)
        said = {self._settings.key_header: request.operation_key}
        if message.traceparent:
            said["traceparent"] = message.traceparent
        code = await self._exchange(body, said, timeout_seconds)
        return Reply(foreign_code=code)

    async def ask(self, request: Request, *, timeout_seconds: float) -> Asked:
        return Asked(Answer.UNKNOWN)

    async def query(self, operation: str, unit: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Rejected("the contract has no read-only calls", code="unknown_query")

    async def probe(self) -> str:
        body = orjson.dumps(self._settings.names.write({"type": wire.PING}))
        try:
            code = await self._exchange(body, {}, self._settings.probe_timeout_seconds)
        except UnknownOutcome as error:
            raise Unavailable(str(error), code=error.code) from error
        return f"{wire.PING} answered with code {code}"

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _with_content(self, body: bytes) -> bytes:
        """The body with each reference to the blob store replaced by the content."""
        if b'"blob"' not in body:
            return body
        tree = orjson.loads(body)
        names = self._settings.names
        values, _ = names.read(tree)
        for item in values.get("attachments", ()):
            if reference := item.pop(wire.BLOB, ""):
                content = base64.b64encode(await self._ground.fetch(reference)).decode()
                item |= names.write_attachment({"base64": content})
        return orjson.dumps(tree)

    async def _exchange(self, body: bytes, said: Mapping[str, str], seconds: float) -> str:
        """One call; the code of a success."""
        settings = self._settings
        if self._http is None:
            self._http = http.outgoing_session(connections_count=settings.connections_count)
        token = settings.token_prefix + settings.token.get_secret_value()
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            settings.token_header: token,
            **said,
        }
        reply = await http.post(
            self._http,
            settings.base_url + settings.deliver_path,
            body=body,
            headers=headers,
            limits=http.CallLimits(seconds, settings.reply_bytes),
        )
        return self._understand(reply)

    def _understand(self, reply: http.HttpReply) -> str:
        """The code of a success.

        Raises:
            Misconfigured: the hub's token is refused.
            Unavailable: try again later.
            Rejected: refused, finally or in a way that nobody documented.
            UnknownOutcome: the answer is not of the contract's form.
        """
        settings = self._settings
        code = _code(reply.body, settings.reply_code_field)
        if code in settings.account_codes:
            raise Misconfigured("the token is refused", code="account_refused")
        if code in settings.later_codes or code is None or reply.status == 429:
            http.check_status(reply)
        if code is None:
            raise UnknownOutcome("the answer has no code", code="malformed_reply")
        if code in settings.duplicate_codes and reply.status == CONFLICT:
            return code
        if code in settings.success_codes or code in settings.duplicate_codes:
            http.check_status(reply)  # frameworks write code 0 under HTTP 500, too
            return code
        if code in settings.later_codes:
            raise Unavailable("it asks to try again later")
        if reply.status >= 500 and code not in settings.final_codes:
            http.check_status(reply)
        raise Rejected(
            f"the petition is refused (code {code})",
            documented=code in settings.final_codes,
            foreign_code=code,
        )


def _code(body: bytes, field: str) -> str | None:
    """The code of an answer as short text; `None` if it has none."""
    code = (http.json_object(body) or {}).get(field)
    if not isinstance(code, str | int) or isinstance(code, bool):
        return None
    return http.short_code(code)
