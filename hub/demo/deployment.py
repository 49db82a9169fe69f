"""The deployment of one run: names of its own, free ports, hub.yaml with its secrets beside it.

Each run has a database and a topic prefix of its own, so that nothing of an earlier one is
counted. What a folder's runs have made is written down, and the next run removes it.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from hub.demo.cast import KINDS, MOUNT, PASSWORD, Counterpart, counterparts
from hub.demo.place import PHUC_LOI, Place
from hub.demo.signing import Signer, new_signer
from hub.local.place import LOOPBACK, PORTS, port_is_free
from hub.settings.routes import standard_routes

FAULTS = Path(__file__).with_name("faults.yaml")
PORTAL_MEMBER = "VN:GOV:000.00.00.G22:dvcqg"
PORTAL_PASSWORD = "demo"  # noqa: S105 - the simulator's, invented
ROUTE = "dossiers-to-national-portal"
"""The standard route that the demo counts on."""


@dataclass(frozen=True)
class Deployment:
    """One run's names and addresses.

    Attributes:
        folder: where its files lie, absolute.
        name: of its database; its topics and groups begin with `<name>.`.
        kafka: bootstrap servers.
        postgres: URL of its own database.
        gateway, management, portal: loopback ports.
        password: of the one-stop product's account at the hub.
        faults: whether the counterparts play their fault scripts.
        place: whose units have accounts.
        ports: of the counterparts beside the portal, by kind; empty: only the portal is there.
        signer: with what the place's documents are signed; none: not.
    """

    folder: Path
    name: str
    kafka: str
    postgres: str
    gateway: int
    management: int
    portal: int
    password: str
    faults: bool
    place: Place = PHUC_LOI
    ports: Mapping[str, int] = field(default_factory=dict)
    signer: Signer | None = None

    @classmethod
    def plan(
        cls, folder: Path, kafka: str, postgres: str, *, faults: bool, place: Place = PHUC_LOI
    ) -> Deployment:
        """A new deployment; nothing is written or made yet.

        Args:
            folder: where its files will lie.
            kafka: bootstrap servers.
            postgres: URL of a role that may make databases.
            faults: whether the portal plays the fault script.
            place: whose units have accounts.
        """
        name = f"demo_{time.strftime('%H%M%S')}_{secrets.token_hex(3)}"
        gateway, management, portal, *others = free_ports(3 + len(KINDS))
        return cls(
            folder=folder.resolve(),
            name=name,
            kafka=kafka,
            postgres=urlsplit(postgres)._replace(path=f"/{name}").geturl(),
            gateway=gateway,
            management=management,
            portal=portal,
            password=secrets.token_urlsafe(12),
            faults=faults,
            place=place,
            ports=dict(zip(KINDS, others, strict=True)) if place.has_counterparts else {},
            signer=new_signer() if place.traffic else None,
        )

    @property
    def prefix(self) -> str:
        """What its topics and groups begin with."""
        return f"{self.name}."

    @property
    def config(self) -> Path:
        """Its hub.yaml."""
        return self.folder / "hub.yaml"

    @property
    def cast(self) -> Path:
        """The counterparts beside the portal, as `hub sim --cast` takes them."""
        return self.folder / "cast.yaml"

    @property
    def unit(self) -> str:
        """Organisation id of the unit of the story."""
        return next(iter(self.place.units))

    def counterparts(self) -> list[Counterpart]:
        """The counterparts beside the portal."""
        if not self.ports:
            return []
        return counterparts(
            self.place, self.ports, self.gateway_url, password=self.password, signer=self.signer
        )

    def url_of(self, kind: str) -> str:
        """Address of a counterpart's simulator."""
        return f"http://{LOOPBACK}:{self.ports[kind]}"

    @property
    def portal_calls(self) -> Path:
        """Every call that the portal took or refused, a JSON line each."""
        return self.folder / "portal-calls.jsonl"

    @property
    def gateway_url(self) -> str:
        """Where the one-stop product sends to."""
        return f"http://{LOOPBACK}:{self.gateway}"

    @property
    def management_url(self) -> str:
        """Health and metrics of the hub."""
        return f"http://{LOOPBACK}:{self.management}"

    @property
    def portal_url(self) -> str:
        """The portal's simulator."""
        return f"http://{LOOPBACK}:{self.portal}"

    def write(self) -> None:
        """hub.yaml, and the secrets it refers to, readable by their owner only."""
        for name, secret in self._secrets().items():
            file = self.folder / name
            file.touch(mode=0o600)
            file.write_text(secret, "utf-8")
        self._write_cast()
        text = yaml.safe_dump(self._settings(), allow_unicode=True, sort_keys=False)
        self.config.write_text(f"# Written by `hub demo`, anew for each run.\n{text}", "utf-8")

    def _write_cast(self) -> None:
        parts = []
        for each in self.counterparts():
            part = {
                "connector": each.kind,
                "port": self.ports[each.kind],
                "log": f"{each.kind}-calls.jsonl",
                "set": dict(each.options),
            }
            if self.faults and each.faults:
                script = {"seed": 2023, "faults": list(each.faults)}
                file = self.folder / f"{each.kind}-faults.yaml"
                file.write_text(yaml.safe_dump(script), "utf-8")
                part["faults"] = file.name
            parts.append(part)
        self.cast.touch(mode=0o600)
        self.cast.write_text(yaml.safe_dump(parts, allow_unicode=True, sort_keys=False), "utf-8")

    def _secrets(self) -> dict[str, str]:
        return {
            "postgres.secret": self.postgres,
            "one_stop.secret": self.password,
            "session.secret": secrets.token_urlsafe(24),
            "portal.secret": PORTAL_PASSWORD,
            "counterparts.secret": PASSWORD,
            "petition_source.secret": f"{PASSWORD}-nguon",
            "petition_agency.secret": f"{PASSWORD}-co-quan",
            "portal_push.secret": PASSWORD,
            **({"signing.secret": self.signer.key} if self.signer else {}),
        }

    def _settings(self) -> dict[str, Any]:
        others = {each.kind: dict(each.block) for each in self.counterparts()}
        receives = {"receives": {"token": "${file:portal_push.secret}"}} if others else {}
        mounts = {"mounts": {"payment_gateway": MOUNT}} if others else {}
        return {
            "version": 1,
            "kafka": {"bootstrap_servers": self.kafka, "prefix": self.prefix},
            "postgres": {"url": "${file:postgres.secret}"},
            "blobs": {"url": f"file://{self.folder / 'blobs'}"},
            "gateway": {"port": self.gateway, **mounts},
            "management": {"port": self.management},
            "units": {unit: {"name": name} for unit, name in self.place.units.items()},
            "connectors": {
                "one_stop": {
                    "accounts": self._accounts("one_stop"),
                    "dstcode": PORTAL_MEMBER,
                    "session_secret": "${file:session.secret}",
                    "reads_from": "national_portal",
                    **others.pop("one_stop", {}),
                },
                "national_portal": {
                    "base_url": self.portal_url,
                    "auth_path": "/auth",
                    "integration_path": "/integration",
                    "share_path": "/share",
                    "dstcode": PORTAL_MEMBER,
                    "accounts": self._accounts("portal"),
                    **receives,
                },
                **others,
            },
            **({"routes": self._impatient(others)} if self.faults else {}),
        }

    def _impatient(self, kinds: Iterable[str]) -> dict[str, Any]:
        """Terms under faults, for every standard route to one of the counterparts."""
        to = {"one_stop", "national_portal", *kinds} if self.ports else {"national_portal"}
        return {name: {"terms": IMPATIENT} for name, r in standard_routes().items() if r.to in to}

    def _accounts(self, secret: str) -> dict[str, Any]:
        """One for each unit; the demo's all have the same password."""
        return {
            unit: {"username": unit, "password": f"${{file:{secret}.secret}}"}
            for unit in self.place.units
        }


IMPATIENT = {
    "timeout_seconds": 2,
    "breaker_open_seconds": 0.5,
    "round_wait_initial_seconds": 1,
    "round_wait_max_seconds": 4,
}
"""Terms under faults: a demo does not wait a minute for an answer that will not come, nor five
seconds after each burst of errors."""


class History:
    """What the runs of a folder have made at Kafka and PostgreSQL, oldest first."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "made.json"

    def names(self) -> list[str]:
        """Names of earlier runs; empty where the file is missing or broken."""
        try:
            found = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return []
        return [name for name in found if isinstance(name, str) and name.startswith("demo_")]

    def write(self, names: list[str]) -> None:
        """Remember exactly these."""
        self._file.write_text(json.dumps(names) + "\n", "utf-8")


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on now."""
    found = (port for port in random.sample(PORTS, k=len(PORTS)) if port_is_free(port))
    return [next(found) for _ in range(count)]
