"""Who is calling: logins, sessions and the token of the provincial form.

A session is a signed statement (unit, end), so that every gateway process accepts what another
issued and nothing is stored. The signature covers the unit's password: changing it ends the
unit's sessions. A unit may log in again at any time; its older sessions run out by themselves.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import secrets
import time
from collections.abc import Callable

from hub.connectors.one_stop.replies import (
    SESSION_EXPIRED,
    SESSION_INVALID,
    WRONG_CREDENTIALS,
    WRONG_UNIT,
    Refused,
)
from hub.connectors.one_stop.settings import OneStopSettings

TOKEN_LIMIT = 400
"""Longest session text that is looked at, in characters."""


class Doorkeeper:
    """Knows the accounts and issues sessions.

    Args:
        settings: accounts, secret and length of a session.
        clock: seconds since 1970.
    """

    def __init__(
        self, settings: OneStopSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._accounts = settings.accounts
        self._unit_of_user = {a.username: unit for unit, a in settings.accounts.items()}
        self._unit_of_lgsp = {a.lgsp_unit or unit: unit for unit, a in settings.accounts.items()}
        self._secret = settings.session_secret.get_secret_value().encode()
        self._seconds = settings.session_seconds
        self._clock = clock
        self._nobody = secrets.token_hex()

    def login(self, username: object, password: object) -> str:
        """A new session.

        Raises:
            Refused: `wrong_credentials`, after the same work for known and unknown names.
        """
        if not isinstance(username, str) or not isinstance(password, str):
            raise Refused(WRONG_CREDENTIALS)
        unit = self._unit_of_user.get(username, "")
        expected = self._password(unit) if unit else self._nobody
        if not _same(password, expected):
            raise Refused(WRONG_CREDENTIALS, unit=unit)
        return self._issue(unit)

    def unit_of_session(self, session: object) -> str:
        """The unit that a session was issued to.

        Raises:
            Refused: `session_invalid`, `session_expired`.
        """
        if not isinstance(session, str) or len(session) > TOKEN_LIMIT:
            raise Refused(SESSION_INVALID)
        statement, signature = _parts(session)
        end, _, unit = statement.partition(" ")
        if unit not in self._accounts or not hmac.compare_digest(
            signature, self._sign(statement, unit)
        ):
            raise Refused(SESSION_INVALID)
        if self._clock() >= int(end):
            raise Refused(SESSION_EXPIRED, unit=unit)
        return unit

    def unit_of_token(self, named: str, token: str) -> str:
        """The unit that a call in the provincial form comes from.

        Args:
            named: `MaDinhDanhDV` of the address.
            token: value of the token header.

        Raises:
            Refused: `wrong_unit`, `wrong_credentials`.
        """
        unit = self._unit_of_lgsp.get(named, "")
        expected = self._accounts[unit].lgsp_token if unit else None
        if not _same(token, expected.get_secret_value() if expected else self._nobody):
            raise Refused(WRONG_CREDENTIALS if unit else WRONG_UNIT, unit=unit)
        return unit

    def unit_of_basic(self, header: str) -> str:
        """The unit that a header `Authorization: Basic …` proves.

        Raises:
            Refused: `wrong_credentials`.
        """
        username, password = basic_pair(header)
        return self.unit_of_session(self.login(username, password))

    def unit_of_bearer(self, header: str) -> str:
        """The unit that a header `Authorization: Bearer <session>` proves.

        Raises:
            Refused: `session_invalid`, `session_expired`.
        """
        scheme, _, session = header.partition(" ")
        return self.unit_of_session(session.strip() if scheme.lower() == "bearer" else "")

    def _password(self, unit: str) -> str:
        return self._accounts[unit].password.get_secret_value()

    def _issue(self, unit: str) -> str:
        statement = f"{math.ceil(self._clock() + self._seconds)} {unit}"
        return base64.urlsafe_b64encode(self._sign(statement, unit) + statement.encode()).decode()

    def _sign(self, statement: str, unit: str) -> bytes:
        text = f"{statement}\n{self._password(unit)}"
        return hmac.digest(self._secret, text.encode(), "sha256")


def basic_pair(header: str) -> tuple[str, str]:
    """User name and password of a header `Authorization: Basic …`; empty texts for what is none."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic" or len(coded) > TOKEN_LIMIT:
        return "", ""
    try:
        name, _, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return name, password


def _parts(session: str) -> tuple[str, bytes]:
    """Statement and signature of a session text; `` and `b""` for what is none."""
    try:
        raw = base64.b64decode(session.encode("ascii"), altchars=b"-_", validate=True)
        return raw[32:].decode(), raw[:32]
    except (binascii.Error, UnicodeError):
        return "", b""


def _same(given: str, expected: str) -> bool:
    """Whether two secrets are equal, in a time that tells neither content nor length."""
    return hmac.compare_digest(_digest(given), _digest(expected))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
