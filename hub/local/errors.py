"""What can be said when the local Kafka or PostgreSQL does not run."""

from __future__ import annotations

from hub.errors import ConfigError


class LocalError(ConfigError):
    """The local pair cannot be started, stopped or removed.

    Args:
        what: what is missing or wrong, one sentence.
        todo: what the reader can do about it, one sentence or a command.
    """

    code = "local"

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(f"{what}\n{todo}")
        self.what = what
        self.todo = todo
