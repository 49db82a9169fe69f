"""The connection to PostgreSQL: the one seam where driver errors become ours.

Two ways in. `transaction()` gives an SQLAlchemy connection for everything that people ask.
`pipeline()` gives psycopg's own connection in pipeline mode, where all statements of one write
travel together: the delivery engine's writes cost one round trip and the commit.

A server that accepts connections and answers nothing (a hung disk, a stopped process) is found
by a clock on this side: the socket is shut, and the caller hears `store_away`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, LiteralString, Self

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hub.errors import ConfigError, HubError, StoreAway

DRIVER = "postgresql+psycopg"
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 10.0
GRACE_SECONDS = 2.0  # the server's own limit should speak first: it says what it stopped

Rows = psycopg.AsyncCursor[TupleRow]


class Pipeline:
    """Statements of one transaction that are sent without waiting for each other."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    async def run(self, statement: LiteralString, *values: object) -> Rows:
        """Send a statement; its rows can be read from the result until the transaction ends.

        `%s` takes a value as text, `%b` as binary (arrays of bytes are three times as fast).
        """
        return await self._connection.execute(statement, values, binary=True)

    async def ask(self, statement: LiteralString, values: Mapping[str, object]) -> Rows:
        """Like `run`, with values by name (`%(name)s`)."""
        return await self._connection.execute(statement, values, binary=True)


class Store:
    """A pool of connections to one database.

    Every way in raises `StoreAway` when PostgreSQL does not answer in time,
    and `HubError` (code `store_fault`) for anything else that a driver can raise.
    """

    def __init__(self, engine: AsyncEngine, statement_seconds: float) -> None:
        self._engine = engine
        self._limit_seconds = statement_seconds + GRACE_SECONDS

    @classmethod
    def open(
        cls, url: str, pool_size: int = 5, *, statement_seconds: float = STATEMENT_SECONDS
    ) -> Self:
        """A store on this database; nothing is connected before the first use.

        Args:
            url: `postgresql://user:password@host:port/database`.
            pool_size: most connections at once.
            statement_seconds: longest time for one statement.

        Raises:
            ConfigError: the address cannot be read.
        """
        milliseconds = int(statement_seconds * 1000)
        engine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=statement_seconds,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "hub",
                "options": f"-c statement_timeout={milliseconds} -c TimeZone=UTC",
            },
        )
        return cls(engine, statement_seconds)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end, rolled back by any error."""
        with translated(), _Cancelling() as cancelling:
            async with self._connected() as connection, connection.begin():
                with cancelling.noted():
                    yield connection

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[Pipeline]:
        """One transaction in pipeline mode: committed at the end, rolled back by any error."""
        with translated(), _Cancelling() as cancelling:
            async with self._connected() as connection, connection.begin():
                driver = await _driver(connection)
                async with driver.pipeline():
                    with cancelling.noted():
                        yield Pipeline(driver)
                        await driver.commit()  # travels with the last statements

    @asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[None]:
        """Only one process at a time is inside; the others wait, each on a connection of its own.

        No transaction is open meanwhile, so that the inside may take its time elsewhere.

        Raises:
            StoreAway: PostgreSQL does not answer, or another process is inside for too long.
        """
        with translated():
            url = self._engine.url.set(drivername="postgresql").render_as_string(False)
            async with await psycopg.AsyncConnection.connect(
                url,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                application_name="hub",
                options=f"-c lock_timeout={int(STATEMENT_SECONDS * 1000)}",
            ) as connection:
                try:
                    await connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [what])
                except psycopg.errors.LockNotAvailable as error:
                    raise StoreAway(f"another process is inside for too long: {what}") from error
                yield

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        connection = self._engine.connect()
        try:
            async with asyncio.timeout(self._limit_seconds):
                await connection.start()
            try:
                driver = await _driver(connection)
                loop = asyncio.get_running_loop()
                watch = loop.call_later(self._limit_seconds, _cut, driver)
                try:
                    yield connection
                except BaseException:
                    # Answers may be left unread, which the next one would take for its own:
                    # no conversation that was interrupted is ever continued.
                    driver.pgconn.finish()  # at once: what follows may be cancelled again
                    if not connection.invalidated:
                        await connection.invalidate()
                    raise
                finally:
                    watch.cancel()
            finally:
                await connection.close()
        except (psycopg.Error, exc.SQLAlchemyError) as error:
            if isinstance(_cause(error), psycopg.OperationalError):
                await self._engine.dispose()  # after a restart all the others are broken too
            raise


class _Cancelling:
    """Keeps a cancellation what it is, also if tidying up after it fails."""

    def __init__(self) -> None:
        self._cancelled = False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Notes whether the block was cancelled."""
        try:
            yield
        except asyncio.CancelledError:
            self._cancelled = True
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if self._cancelled and isinstance(error, Exception):
            raise asyncio.CancelledError from error


async def _driver(connection: AsyncConnection) -> psycopg.AsyncConnection[TupleRow]:
    driver: Any = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)  # noqa: S101 - for the type checker
    return driver


def _cut(driver: psycopg.AsyncConnection[TupleRow]) -> None:
    """End a conversation in which the other side has fallen silent."""
    if not driver.closed:
        duplicate = socket.socket(fileno=socket.dup(driver.fileno()))
        with duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)


def driver_url(url: str) -> URL:
    """The address with the hub's driver.

    Raises:
        ConfigError: it cannot be read. The text does not repeat it: it may hold a password.
    """
    try:
        return make_url(url).set(drivername=DRIVER)
    except exc.ArgumentError as error:
        text = "the address of PostgreSQL must read postgresql://user:password@host:port/database"
        raise ConfigError(text, code="store_address") from error


@contextmanager
def translated() -> Iterator[None]:
    """Turn every error of SQLAlchemy and psycopg into ours; ours pass unchanged.

    Raises:
        StoreAway: PostgreSQL is not there, hangs, or refuses everybody.
        HubError: code `store_fault`; it understood and refused: a fault of ours.
    """
    try:
        yield
    except (psycopg.Error, exc.SQLAlchemyError, OSError) as error:
        raise _ours(error) from error


AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, OSError)
LIMITS = "54"  # SQLSTATE class of what is too large for the server: waiting does not help
UNMIGRATED = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)


def _ours(error: Exception) -> HubError:
    cause = _cause(error)
    state = getattr(cause, "sqlstate", None) or type(cause).__name__
    if isinstance(cause, UNMIGRATED):
        text = "PostgreSQL lacks the hub's tables of this version: run `hub migrate`"
        return StoreAway(text)
    if isinstance(cause, (*AWAY, exc.TimeoutError)) and not state.startswith(LIMITS):
        return StoreAway(f"PostgreSQL does not answer ({state})")
    return HubError(f"PostgreSQL refused a statement ({state})", code="store_fault")


def _cause(error: Exception) -> BaseException:
    """The driver's own error below SQLAlchemy's."""
    if isinstance(error, exc.DBAPIError) and error.orig is not None:
        return error.orig
    return error
