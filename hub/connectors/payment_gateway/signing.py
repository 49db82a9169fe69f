"""Hashes of both protocols, pure; compared in constant time.

VNPAY 2.1.0: hex HMAC-SHA512 over the parameters sorted by name, encoded as in a form; JSON
messages join values with `|`. PayPlat: lower-case hex SHA-256 of the values and the shared secret,
joined with `|` (a plain hash). KeyPay (no profile speaks it yet): hex HMAC-SHA256 of the values,
sorted by the names of their fields, joined with `|`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote_plus

from hub.errors import DecodeError

HASH, HASH_TYPE = "vnp_SecureHash", "vnp_SecureHashType"
PAIRS_LIMIT = 64
VALUE_LIMIT = 1000


def same_hash(given: str, right: str) -> bool:
    """Whether a hash is the right one; takes as long for every wrong one."""
    return hmac.compare_digest(given.lower().encode("utf-8", "replace"), right.encode())


def form_text(params: Mapping[str, str]) -> str:
    """Parameters sorted by name, encoded as in a form (space is `+`), joined by `&`."""
    return "&".join(f"{quote_plus(n)}={quote_plus(v)}" for n, v in sorted(params.items()))


def hmac_sha512(secret: str, text: str) -> str:
    """Hex HMAC-SHA512."""
    return hmac.new(secret.encode(), text.encode("utf-8", "replace"), hashlib.sha512).hexdigest()


def piped_hmac(secret: str, values: Iterable[str]) -> str:
    """VNPAY's hash of a JSON message."""
    return hmac_sha512(secret, "|".join(values))


def piped_sha256(secret: str, values: Iterable[str]) -> str:
    """PayPlat's `MaXacThuc`."""
    text = "|".join([*values, secret])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def named_hmac_sha256(secret: str, fields: Mapping[str, str]) -> str:
    """KeyPay's `check_sum` of the fields that it covers, for a profile to come."""
    text = "|".join(value for _, value in sorted(fields.items()))
    return hmac.new(secret.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Query:
    """A query string as received.

    Attributes:
        params: decoded values by name.
        signed: the raw pairs of every name that reads as `vnp_…`, sorted, without the hash: what
            was signed. A name in percent signs is one of them.
        hash: the hash that came with them, `` if none.
    """

    params: Mapping[str, str]
    signed: str
    hash: str

    def is_proved(self, secret: str) -> bool:
        """Whether the hash is right: of the raw pairs, or of them in the documented encoding.

        A proxy may write the same pairs otherwise (`%20` for `+`), a gateway may encode signs that
        we would not: each is the same for one reading of the pairs only.
        """
        pairs = {name: value for name, value in self.params.items() if _is_signed(name)}
        texts = (self.signed, form_text(pairs))
        return any(same_hash(self.hash, hmac_sha512(secret, text)) for text in texts)


def read_query(raw: bytes) -> Query:
    """A raw query string.

    Raises:
        DecodeError: not ASCII, a name twice (`duplicate_name`), too many or too long, or bytes
            that are not UTF-8 behind the percent signs.
    """
    try:
        text = raw.decode("ascii")
        pairs = [pair.partition("=") for pair in text.split("&") if pair]
        params = {_plain(name): _plain(value) for name, _, value in pairs}
    except UnicodeDecodeError as error:
        raise DecodeError("not a query of UTF-8 text") from error
    if len(params) != len(pairs):
        raise DecodeError("a name stands twice", code="duplicate_name")
    if len(pairs) > PAIRS_LIMIT or any(len(value) > VALUE_LIMIT for value in params.values()):
        raise DecodeError("more or longer values than a gateway sends")
    signed = [(name, value) for name, _, value in pairs if _is_signed(_plain(name))]
    return Query(params, "&".join(f"{n}={v}" for n, v in sorted(signed)), params.get(HASH, ""))


def _is_signed(name: str) -> bool:
    return name.startswith("vnp_") and name not in (HASH, HASH_TYPE)


def _plain(text: str) -> str:
    return unquote_plus(text, errors="strict")
