"""Ask a Kafka broker who it is, with twenty bytes and no client library.

Source of the format: Kafka protocol guide, Metadata request and response version 4 (the oldest
that Kafka 4 still speaks and every client knows).
"""

from __future__ import annotations

import socket
import struct

from hub.local.place import LOOPBACK

METADATA, VERSION = 3, 4


def cluster_id(port: int, *, timeout_seconds: float = 2.0) -> str | None:
    """The id of the Kafka cluster behind a loopback port, once a broker of it takes work.

    Returns:
        The cluster id; None when nobody answers, when what answers is not Kafka, and while the
        broker is still fenced.
    """
    client = b"hub-local"
    # key, version, correlation, client id; then no topics, and none to be made
    body = struct.pack(">hhih", METADATA, VERSION, 1, len(client)) + client
    body += struct.pack(">i?", 0, False)
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_seconds) as peer:
            peer.sendall(struct.pack(">i", len(body)) + body)
            (size,) = struct.unpack(">i", _read(peer, 4))
            return _parse(_read(peer, min(max(size, 0), 65_536)))
    except (OSError, struct.error, UnicodeDecodeError):
        return None


def _read(peer: socket.socket, size: int) -> bytes:
    return peer.recv(size, socket.MSG_WAITALL)


def _parse(answer: bytes) -> str | None:
    _correlation, _throttle, brokers = struct.unpack_from(">iii", answer)
    at = 12
    for _ in range(brokers):
        at += 4  # node id
        _host, at = _string(answer, at)
        at += 4  # port
        _rack, at = _string(answer, at)
    name, _ = _string(answer, at)
    return name if brokers > 0 else None


def _string(answer: bytes, at: int) -> tuple[str | None, int]:
    (length,) = struct.unpack_from(">h", answer, at)
    if length < 0:
        return None, at + 2
    return answer[at + 2 : at + 2 + length].decode(), at + 2 + length
