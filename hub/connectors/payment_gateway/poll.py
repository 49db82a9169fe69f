"""The asking side: open payments that nobody has called back about, and the day's settlement.

The cursor is the last day that was compared. What was asked about is acknowledged after Kafka has
the page, so that a payment is never forgotten; asking twice says the same thing once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import orjson

from hub import http
from hub.connector import Ground, Page
from hub.connectors.payment_gateway.calling import Deadline
from hub.connectors.payment_gateway.client import PaymentClient, now
from hub.connectors.payment_gateway.settings import PaymentGatewaySettings, Settlement
from hub.connectors.payment_gateway.settlement import Day, Row, compare, read_rows
from hub.connectors.payment_gateway.told import ALIAS_KINDS, OPEN, Order
from hub.errors import DecodeError, HubError, Misconfigured, Rejected, Unavailable
from hub.event import Alias
from hub.message import Message, name_id
from hub.wire.dvcqg.dates import VIETNAM, write_stamp


class PaymentPoller:
    """Poller of one instance; see `hub.connector.Poller`.

    Args:
        name: instance in hub.yaml.
        settings: its block.
        ground: knows the open orders.
        clock: tells the moment.
    """

    def __init__(
        self,
        name: str,
        settings: PaymentGatewaySettings,
        ground: Ground,
        *,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.every_seconds = settings.poll_seconds
        self._name = name
        self._settings = settings
        self._ground = ground
        self._clock = clock
        self._client = PaymentClient(name, settings, ground, clock=clock)
        self._kind = ALIAS_KINDS[settings.profile]

    async def poll(self, cursor: str) -> Page:
        """Ask about quiet payments; compare the next day whose file is due."""
        messages, asked, problem = await self._open()
        today = self._clock().astimezone(VIETNAM).date()
        form = self._settings.settlement
        # A day to come was compared by a clock that was wrong.
        compared = min(_day_of(cursor) or today - timedelta(days=1), today)
        if form is not None and self._due(compared + timedelta(days=1), form.due_seconds):
            try:
                more = await self._compare(compared + timedelta(days=1), form)
            except HubError as error:
                if not asked:
                    raise
                more, problem = None, problem or str(error)
            if more is not None:
                messages += more
                compared += timedelta(days=1)
        kept = cursor if form is None else compared.isoformat()
        return Page(tuple(messages), kept, receipts=tuple(asked), problem=problem)

    async def done(self, page: Page) -> None:
        """Note when each was asked about: it is quiet again from now on."""
        at = write_stamp(self._clock())
        await self._ground.remember(
            [Alias(self._kind, r, "", {"asked": at}) for r in page.receipts]
        )

    async def close(self) -> None:
        """Close the session."""
        await self._client.close()

    async def _open(self) -> tuple[list[Message], list[str], str]:
        """What the gateway tells of quiet payments, which were asked about, and a problem.

        One that cannot be asked about now does not keep the others from being asked.
        """
        settings = self._settings
        quiet = await self._ground.aliases(
            self._kind,
            facts={"state": OPEN, "instance": self._name},
            older_than_seconds=settings.ask_after_seconds,
            limit=settings.asked_limit_count,
        )
        messages, problem = await self._ask([Order.of(alias) for alias in quiet])
        return messages, [alias.value for alias in quiet], problem

    async def _ask(self, orders: Sequence[Order]) -> tuple[list[Message], str]:
        """What the gateway tells of orders, and what failed of it.

        Raises:
            Misconfigured: it refuses the hub.
            Unavailable: it answered about none of them, not even with a refusal.
        """
        told: list[tuple[Order, Message]] = []
        away: Unavailable | None = None
        problem, heard = "", 0
        for order in orders:
            try:
                deadline = Deadline(self._settings.timeout_seconds)
                reply = await self._client.settle(order, deadline)
            except Misconfigured:
                raise
            except Unavailable as error:
                away, problem = error, str(error)
                continue
            except HubError as error:
                heard, problem = heard + 1, str(error)
                continue
            heard += 1
            told += [(order, message) for message in reply.messages]
        if away is not None and not heard:
            raise away
        # The questions take their time; a callback may have had a later answer meanwhile.
        fresh = [each for order, each in told if not await self._client.is_paid_by_now(order)]
        return fresh, problem

    def _due(self, day: date, seconds: float) -> bool:
        """Whether so many seconds have passed since the end of a day in Vietnam."""
        end = datetime(day.year, day.month, day.day, tzinfo=VIETNAM) + timedelta(days=1)
        return self._clock() >= end + timedelta(seconds=seconds)

    async def _compare(self, day: date, form: Settlement) -> list[Message] | None:
        """The comparison of a day, and what it led to ask; `None`: there is no file yet."""
        over = self._due(day, form.patience_seconds)
        try:
            body = await self._file(day, form)
        except Rejected as error:  # it may stay so, unlike what is only away
            if not over:
                text = f"the settlement file cannot be had ({error})"
                raise Unavailable(text, code=error.code) from error
            body = None
        if body is None and not over:
            return None
        rows, kept = None, ""
        if body is not None:
            kept = await self._ground.keep(body, "text/csv")
            rows = self._rows(body, form, over=over)
        held = await self._held(day)
        others = await self._others(rows or (), held)
        messages = await self._told_by_file([o for o in others.values() if not o.paid])
        told = Day(self._name, self._settings.profile, day, rows, held, others, kept)
        body = orjson.dumps(compare(told, form.differences_limit_count))
        message = Message(
            connector=self._name,
            operation="settlement",
            body=body,
            key=told.subject,
            headers={"form": "settlement"},
            id=name_id(f"{self._name} {told.subject}"),
        )
        return [*messages, message]

    async def _told_by_file(self, orders: Sequence[Order]) -> list[Message]:
        """What the gateway tells of orders that only the file knows as paid.

        The file is a report: they are waited for anew, so that a question without an answer
        neither loses the payment nor holds up the comparison.
        """
        facts = {"state": OPEN, "reported_at": write_stamp(self._clock())}
        await self._ground.remember([Alias(self._kind, o.reference, "", facts) for o in orders])
        try:
            messages, _ = await self._ask(orders)
        except Misconfigured:
            raise
        except Unavailable:
            return []
        return messages

    async def _file(self, day: date, form: Settlement) -> bytes | None:
        url = form.file_url.replace("{day}", day.strftime(form.day_form))
        token = form.bearer_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        deadline = Deadline(self._settings.timeout_seconds)
        reply = await self._client.caller.fetch(
            url, deadline, headers=headers, limit_bytes=form.limit_bytes
        )
        if reply.status == 404:
            return None
        http.check_status(reply)
        return reply.body

    @staticmethod
    def _rows(body: bytes, form: Settlement, *, over: bool) -> list[Row] | None:
        """The rows of a file; one that stays unreadable counts as missing in the end."""
        try:
            return read_rows(body, form)
        except DecodeError as error:
            if over:
                return None
            text = f"the settlement file is unreadable ({error})"
            raise Unavailable(text, code="malformed_reply") from error

    async def _held(self, day: date) -> dict[str, Order]:
        limit = self._settings.settlement.rows_limit_count if self._settings.settlement else 1
        facts = {"paid_on": day.isoformat(), "instance": self._name}
        held = await self._ground.aliases(self._kind, facts=facts, limit=limit)
        return {alias.value: Order.of(alias) for alias in held}

    async def _others(self, rows: Sequence[Row], held: dict[str, Order]) -> dict[str, Order]:
        """Orders that the file names and the hub does not hold as paid on that day."""
        found: dict[str, Order] = {}
        for reference in {row.reference for row in rows} - held.keys() - {""}:
            alias = await self._ground.alias(self._kind, reference)
            if alias is not None and alias.facts.get("instance") == self._name:
                found[reference] = Order.of(alias)
        return found


def _day_of(cursor: str) -> date | None:
    try:
        return date.fromisoformat(cursor)
    except ValueError:
        return None
