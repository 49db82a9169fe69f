"""Models of hub.yaml: what differs between deployments. Numbers carry their unit in the name."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from hub.connector import ConnectorSettings
from hub.deadline import Rules
from hub.duedate import Counting, Profile
from hub.fields import Count, UnitId
from hub.route import Route, Seconds
from hub.settings.references import IN_URL
from hub.worktime import VIETNAM_CALENDAR, Calendar, Session, Year, days

ENTER_AHEAD = timedelta(days=90)
"""A calendar that ends so soon is told: the next year is announced about two months before it."""

LAST_PORT = 65_535
Port = Annotated[int, Field(ge=0, le=LAST_PORT)]
BROKER = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
DATABASE = re.compile(r"postgres(ql)?(\+\w+)?://")
INSTANCE_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
InstanceName = Annotated[str, StringConstraints(pattern=f"^{INSTANCE_NAME.pattern}$")]
YearName = Annotated[str, StringConstraints(pattern=r"^20\d\d$")]
OfficeHours = Annotated[
    str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")
]
DATES = r"^(\d\d-\d\d(\.\.\d\d)?( \d\d-\d\d(\.\.\d\d)?)*)?$"
Prefix = Annotated[str, StringConstraints(pattern=r"^(/|(/[A-Za-z0-9._~-]+)+)$")]


class Section(BaseModel):
    """Base of every section: frozen, unknown keys refused, errors never show the input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class KafkaSecurity(Section):
    """How the hub and Kafka prove themselves to each other."""

    protocol: Literal["plaintext", "ssl", "sasl_ssl"] = Field(
        "plaintext", description="Security protocol of the listener."
    )
    ca_file: str | None = Field(
        None, description="Certificates to trust (PEM); none: the system's."
    )
    certificate_file: str | None = Field(None, description="The hub's certificate (PEM).")
    key_file: str | None = Field(None, description="Key of the hub's certificate (PEM).")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="SASL mechanism."
    )
    sasl_username: str | None = Field(None, description="SASL user.")
    sasl_password: SecretStr | None = Field(None, description="Password of the SASL user.")

    @model_validator(mode="after")
    def _fits_its_protocol(self) -> Self:
        sasl = (self.sasl_mechanism, self.sasl_username, self.sasl_password)
        if self.protocol == "sasl_ssl" and None in sasl:
            raise ValueError("sasl_ssl needs sasl_mechanism, sasl_username and sasl_password")
        if self.protocol != "sasl_ssl" and sasl != (None, None, None):
            raise ValueError(f"{self.protocol} takes no sasl_… keys; use protocol sasl_ssl")
        files = (self.ca_file, self.certificate_file, self.key_file)
        if self.protocol == "plaintext" and files != (None, None, None):
            raise ValueError("plaintext takes no certificates; use protocol ssl or sasl_ssl")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self


class KafkaSettings(Section):
    """Apache Kafka, which carries the flow."""

    bootstrap_servers: str = Field(
        min_length=1, description="host:port of brokers, comma separated (HUB_KAFKA overrides)."
    )
    prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,40}$",
        description="Put before the name of every topic, group and transactional id.",
    )
    partitions_count: Count = Field(
        8, le=1000, description="Partitions of in.* and events; fixed once the topics exist."
    )
    replication_factor: Count = Field(1, le=9, description="Copies of each partition.")
    security: KafkaSecurity = Field(
        default_factory=KafkaSecurity, description="How the hub proves itself."
    )

    @field_validator("bootstrap_servers")
    @classmethod
    def _are_addresses(cls, servers: str) -> str:
        for server in servers.split(","):
            found = BROKER.fullmatch(server.strip())
            if not found or not 0 < int(found[1]) <= LAST_PORT:
                raise ValueError("each broker must read host:port")
        return servers


class PostgresSettings(Section):
    """PostgreSQL, which keeps what people look at and act on."""

    url: SecretStr = Field(
        description="postgresql://user:password@host:port/database (HUB_POSTGRES overrides).",
        json_schema_extra={IN_URL: True},
    )
    pool_connections_count: Count = Field(
        8, le=500, description="Connections that one process keeps at most."
    )

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr) -> SecretStr:
        if not DATABASE.match(url.get_secret_value()):
            raise ValueError("must begin with postgresql://")
        return url


class BlobSettings(Section):
    """Where large bodies are kept; they travel through Kafka as a reference."""

    url: str = Field(
        pattern=r"^(file|s3)://.+$",
        description="file://folder (relative: to where the hub runs) or s3://bucket/prefix.",
    )
    threshold_bytes: Count = Field(
        512_000, le=900_000, description="A body larger than this travels as a reference."
    )
    timeout_seconds: Seconds = Field(30, description="Longest wait for the store's answer.")
    endpoint: str | None = Field(None, description="Address of an S3 other than Amazon's.")
    region: str | None = Field(None, description="S3 region.")
    access_key_id: SecretStr | None = Field(None, description="S3 access key; none: its role.")
    secret_access_key: SecretStr | None = Field(None, description="Secret of the S3 access key.")

    def s3(self) -> dict[str, Any]:
        """The S3 settings that are given, as `hub.blobs.Blobs` takes them."""
        secrets = {
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
        }
        given: dict[str, Any] = {"endpoint": self.endpoint, "region": self.region}
        given |= {name: each.get_secret_value() for name, each in secrets.items() if each}
        if self.endpoint and self.endpoint.startswith("http://"):
            given["client_options"] = {"allow_http": True}
        return {name: value for name, value in given.items() if value is not None}


class GatewaySettings(Section):
    """The HTTP server that outside systems call."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(8080, description="Port to listen on; 0 takes a free one.")
    mounts: dict[InstanceName, Prefix] = Field(
        default_factory=dict,
        description="Path prefix per connector instance; / when left out.",
    )
    body_limit_bytes: Count = Field(20_000_000, description="Largest request body.")
    headers_limit_bytes: Count = Field(32_768, description="Largest request line and headers.")
    headers_timeout_seconds: Seconds = Field(10, description="Time to send the headers.")
    body_timeout_seconds: Seconds = Field(30, description="Time to send the body.")
    request_timeout_seconds: Seconds = Field(
        60, description="Time from the headers to the answer, body included."
    )
    keep_alive_seconds: Count = Field(30, description="How long an idle connection stays open.")
    connections_count: Count = Field(2000, description="Connections served at the same time.")
    stop_seconds: Count = Field(5, description="Time for running requests at a stop.")
    known_subjects_count: Count = Field(
        100_000, description="Accepted subjects remembered in memory; older ones are asked for."
    )


class ManagementSettings(Section):
    """The port of /healthz, /readyz and /metrics; not for the outside."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(9090, description="Port to listen on; 0 takes a free one.")


class WorkerSettings(Section):
    """The workers, which decode and deliver."""

    lease_seconds: float = Field(
        10,
        ge=2,
        le=60,
        description="A dead worker's partitions are taken over after this; renewed eight times.",
    )


class YearDays(Section):
    """What differs from Monday to Friday in one year; replaces the hub's own table of it."""

    days_off: str = Field(
        pattern=DATES, description="Days off: MM-DD or MM-DD..DD, separated by spaces."
    )
    days_worked: str = Field(
        "", pattern=DATES, description="Weekend days that are worked (ngày làm bù)."
    )


class CalendarSettings(Section):
    """Working time where it differs from the hub's own tables (`hub/calendars/`)."""

    version: str = Field(
        "",
        pattern=r"^[\w. -]{0,60}$",
        description="Name of these tables, kept with every date computed with them.",
    )
    years: dict[YearName, YearDays] = Field(
        default_factory=dict, description="Tables of years, by year."
    )
    hours: tuple[OfficeHours, ...] = Field(
        (), description="Office hours, a stretch each, in order; none: 07:00-11:30, 13:30-17:00."
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if (self.years or self.hours) and not self.version:
            raise ValueError("tables of one's own need a version: change it with every change")
        self.calendar()
        return self

    def ending(self, today: date) -> str:
        """What to do about tables that end within 90 days; empty: nothing yet."""
        last = self.calendar().known_until(today)
        if last - today > ENTER_AHEAD:
            return ""
        return (
            f"calendars.years: the tables end on {last:%d/%m/%Y}; enter {last.year + 1} as it is "
            "officially announced, and a new calendars.version (docs/sla.md)"
        )

    def calendar(self) -> Calendar:
        """The hub's calendar with what is set here."""
        if not self.version:
            return VIETNAM_CALENDAR
        years = {
            int(name): Year(days(int(name), year.days_off), days(int(name), year.days_worked))
            for name, year in self.years.items()
        }
        hours = tuple(Session(*map(time.fromisoformat, text.split("-"))) for text in self.hours)
        edges = [moment for each in hours for moment in (each.opens, each.closes)]
        if edges != sorted(set(edges)):
            raise ValueError("office hours must be in order and must not overlap")
        return Calendar(
            f"{VIETNAM_CALENDAR.version}/{self.version}",
            {**VIETNAM_CALENDAR.years, **years},
            hours or VIETNAM_CALENDAR.hours,
        )


class SlaSettings(Section):
    """Deadlines of dossiers, and the notices about them."""

    profile: Profile = Field(
        Profile.HUB, description="Whose way of counting moves a deadline after a pause."
    )
    pauses: tuple[Literal["supplement", "finance"], ...] = Field(
        ("supplement", "finance"), description="Statuses that stop the clock."
    )
    interval_seconds: float = Field(60, ge=1, description="From one look at deadlines to the next.")
    due_soon_seconds: Seconds = Field(
        86_400, description="`sla.due_soon` is said this long before a deadline."
    )
    oldest_seconds: Seconds = Field(
        2_592_000, description="Deadlines longer past than this are history: nothing is said."
    )


class LogSettings(Section):
    """The log, one line per message per stage, on standard error."""

    format: Literal["json", "pretty"] = Field("json", description="json, or pretty for people.")
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lines below this level are not written."
    )


class Unit(Section):
    """A unit (đơn vị) whose dossiers pass through the hub."""

    name: str = Field(min_length=1, description="Name of the unit.")
    parent: str | None = Field(None, description="Organisation id of the unit above it.")


class Sections(Section):
    """What hub.yaml and the settings made of it have in common."""

    version: Literal[1] = Field(description="Version of this file's format.")
    kafka: KafkaSettings = Field(description="Apache Kafka.")
    postgres: PostgresSettings = Field(description="PostgreSQL.")
    blobs: BlobSettings = Field(description="Store of large bodies.")
    gateway: GatewaySettings = Field(
        default_factory=GatewaySettings, description="HTTP server for outside systems."
    )
    management: ManagementSettings = Field(
        default_factory=ManagementSettings, description="Health and metrics."
    )
    worker: WorkerSettings = Field(
        default_factory=WorkerSettings, description="Decoding and delivering."
    )
    calendars: CalendarSettings = Field(
        default_factory=CalendarSettings, description="Holidays and office hours."
    )
    sla: SlaSettings = Field(default_factory=SlaSettings, description="Deadlines.")
    log: LogSettings = Field(default_factory=LogSettings, description="Log.")
    units: dict[UnitId, Unit] = Field(
        default_factory=dict, description="Units by organisation id (mã định danh)."
    )


class HubSettings(Sections):
    """Everything that differs between deployments, checked.

    `connectors` holds each instance's own settings model, with `kind` filled in; `routes` holds
    the routes in force, standard ones included. `content_hash` is the configuration version.
    """

    connectors: dict[InstanceName, ConnectorSettings] = Field(
        default_factory=dict, description="Connector instances by name."
    )
    routes: dict[str, Route] = Field(default_factory=dict, description="Routes in force by name.")
    content_hash: str = Field("", description="16 hex digits of the SHA-256 of the content.")

    def deadline_rules(self) -> Rules:
        """How deadlines move."""
        counting = Counting(self.calendars.calendar(), self.sla.profile)
        return Rules(counting, frozenset(self.sla.pauses))

    def kind_of(self, instance: str) -> str:
        """Folder of a configured connector instance."""
        return self.connectors[instance].kind or instance
