"""Every table of the hub, as metadata; `migrations/` makes them, a test says that both agree.

Times are `timestamptz`. Rows that hold what another version of the hub may read carry `version`,
the format of their content.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

ROW_VERSION = 1

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _time(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _version() -> Column[int]:
    return Column("version", SmallInteger, nullable=False, server_default=str(ROW_VERSION))


ownership = Table(
    "ownership",
    metadata,
    Column("route", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)

member = Table(
    "member",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)

held_subject = Table(
    "held_subject",
    metadata,
    Column("route", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("settled_below", BigInteger, nullable=False),
    _count("waiting_count"),
    _count("round_count"),
    _time("next_try_at"),
    Column("dead", Boolean, nullable=False, server_default=text("false")),
    _text("reason"),
    _text("text"),
    _text("unit"),
    _now("since"),
    _now("updated_at"),
    _version(),
    Index(None, "route", "partition"),
)

held_message = Table(
    "held_message",
    metadata,
    Column("route", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("record_offset", BigInteger, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("headers", JSONB, nullable=False),
    _text("kind"),
    _text("unit"),
    _text("message_id"),
    Column("state", Text, nullable=False),
    _text("reason"),
    _text("text"),
    _text("foreign_code"),
    _count("attempts"),
    _now("held_at"),
    _version(),
    # The queues themselves; dead letters set aside are found by the primary key and the next one.
    Index(
        "ix_held_message_queue",
        "route",
        "subject",
        "record_offset",
        postgresql_where=text("state <> 'aside'"),
    ),
    Index(
        "ix_held_message_dead",
        "route",
        "subject",
        postgresql_where=text("state IN ('dead', 'aside')"),
    ),
)

effects = Table(
    "effects",
    metadata,
    Column("operation_key", Text, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("route", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    _now("started_at"),
    _time("ended_at"),
    Column("epoch", BigInteger, nullable=False),
    _text("foreign_code"),
    Column("reply", JSONB),  # of one that was taken: told again if its worker died too early
    _version(),
    # Those that wait for an answer are few; the rest is history.
    Index("ix_effects_open", "route", "started_at", postgresql_where=text("state <> 'taken'")),
)

command = Table(
    "command",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("route", Text, nullable=False),
    Column("partition", Integer),  # none: an act on the whole route, done at once
    _text("subject"),
    Column("act", Text, nullable=False),
    _text("event_id"),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _now("asked_at"),
    _time("done_at"),
    _text("result"),
    _version(),
    Index("ix_command_open", "route", "partition", "id", postgresql_where=text("done_at IS NULL")),
    Index(None, "route", "subject"),
)

route_control = Table(
    "route_control",
    metadata,
    Column("route", Text, primary_key=True),
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    _time("paused_until"),
    _text("pause_reason"),
    _text("pause_by"),
    _text("stopped_reason"),
    _text("stopped_text"),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    _now("changed_at"),
)

maintenance_window = Table(
    "maintenance_window",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("route", Text, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    _text("reason"),
    _text("actor"),
    Index(None, "route", "ends_at"),
)

worker = Table(
    "worker",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("status", JSONB, nullable=False),
    _now("started_at"),
    _now("seen_at"),
)

alias = Table(
    "alias",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
    _now("stored_at"),
    _now("changed_at"),
    Index(None, "subject"),
    Index(None, "kind", "changed_at"),
)

once = Table(
    "once",
    metadata,
    Column("source", Text, primary_key=True),
    Column("natural_key", Text, primary_key=True),
    Column("position", Text, nullable=False),  # of the record that said it first
    _now("said_at"),
)

poll_cursor = Table(
    "poll_cursor",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("cursor", Text, nullable=False),
    _now("changed_at"),
)

topic = Table(
    "topic",
    metadata,
    Column("name", Text, primary_key=True),
    Column("partition_count", Integer, nullable=False),
    _now("recorded_at"),
)

timeline = Table(
    "timeline",
    metadata,
    # `at` is in the key so that the table can be partitioned by month without a new key.
    Column("source_topic", Text, nullable=False),
    Column("source_partition", Integer, nullable=False),
    Column("source_offset", BigInteger, nullable=False),
    Column("source_item", Integer, nullable=False, server_default="0"),  # within the record
    Column("at", DateTime(timezone=True), nullable=False),
    Column("stage", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    _text("reason"),
    _text("text"),
    Column("subject", Text, nullable=False),
    _text("kind"),
    _text("unit"),
    _text("event_id"),
    _text("message_id"),
    _text("position"),
    _count("attempts"),
    Column("duration_ms", Double, nullable=False, server_default="0"),
    _text("config"),
    _text("foreign_code"),
    _text("operation_key"),
    _text("traceparent"),
    _version(),
    PrimaryKeyConstraint("source_topic", "source_partition", "source_offset", "source_item", "at"),
    Index(None, "subject", "at"),
    Index("ix_timeline_event_id", "event_id", postgresql_where=text("event_id <> ''")),
    Index("ix_timeline_message_id", "message_id", postgresql_where=text("message_id <> ''")),
    Index(
        "ix_timeline_rejections",
        "unit",
        "at",
        postgresql_where=text("state IN ('refused', 'dead')"),
    ),
)

dossier = Table(
    "dossier",
    metadata,
    Column("subject", Text, primary_key=True),
    _text("unit"),
    _text("procedure_code"),
    _text("procedure_name"),
    Column("status", Text, nullable=False),
    _text("status_code"),
    _text("channel"),
    _time("submitted_at"),
    _time("received_at"),
    _time("due_at"),
    _time("finished_at"),
    _time("returned_at"),
    _text("event_id"),
    _text("event_kind"),
    _time("event_time"),
    Column("event_topic", Text, nullable=False),
    Column("event_offset", BigInteger, nullable=False),
    _now("updated_at"),
    _version(),
    _time("deadline_at"),
    _text("deadline_calendar"),
    _time("paused_at"),
    _flag("fee_bearing"),
    _flag("paid_online"),
    _flag("digitised"),
    _flag("reused"),
    _flag("electronic_result"),
    _text("doubts"),
    Index(None, "unit", "received_at"),
    # Those whose clock runs, for the notices; finished ones are history.
    Index(
        "ix_dossier_running",
        "deadline_at",
        postgresql_where=text("status IN ('received', 'processing', 'unknown')"),
    ),
)

sla_notice = Table(
    "sla_notice",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("due_at", DateTime(timezone=True), primary_key=True),
    _now("said_at"),
)

petition = Table(
    "petition",
    metadata,
    Column("petition", Text, primary_key=True),  # source and the id that it gave
    Column("subject", Text, nullable=False),
    _text("unit"),
    Column("state", Text, nullable=False),
    _time("received_at"),
    _time("due_at"),
    _time("answered_at"),
    Column("event_topic", Text, nullable=False),
    Column("event_offset", BigInteger, nullable=False),
    _now("updated_at"),
    Index(None, "unit", "received_at"),
)

vote = Table(
    "vote",
    metadata,
    Column("vote", Text, primary_key=True),  # source and the id that it gave
    _text("unit"),
    Column("month", Text, nullable=False),  # 2026-01
    Column("answer", Text, nullable=False),
    _now("recorded_at"),
    Index(None, "month", "unit"),
)

recorder_offset = Table(
    "recorder_offset",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    _now("updated_at"),
)
