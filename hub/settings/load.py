"""Loading: hub.yaml and the environment to HubSettings, or every finding at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from hub.connector import Connector, ConnectorSettings, discover
from hub.route import Route
from hub.settings.document import Document, read_document
from hub.settings.findings import Finding, SettingsError, listed, nearest
from hub.settings.findings import Path as Steps
from hub.settings.model import INSTANCE_NAME, HubSettings, Sections
from hub.settings.names import check_addresses, check_names
from hub.settings.overlaps import refuse_overlaps
from hub.settings.references import resolve
from hub.settings.routes import routes_in_force, standard_routes
from hub.settings.sayable import refuse_unsayable
from hub.settings.validation import unknown_key, validate

S = TypeVar("S", bound=ConnectorSettings)

DEFAULT_FILE = Path("hub.yaml")
FILE_VARIABLE = "HUB_CONFIG"
ADDRESSES = {
    "HUB_KAFKA": ("kafka", "bootstrap_servers"),
    "HUB_POSTGRES": ("postgres", "url"),
}
"""Environment variables that override an address of the file."""


SECTIONS = (*Sections.model_fields, "connectors", "routes")
"""What may stand at the top of hub.yaml."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at a settings file found.

    Attributes:
        document: the file, with every finding; who looks at more reports it there.
        settings: what is sound of it; all of it, if the document has no errors.
    """

    document: Document
    settings: HubSettings


def settings_file(option: Path | None, environ: Mapping[str, str]) -> Path:
    """The file to load: the option, else HUB_CONFIG, else hub.yaml here."""
    named = environ.get(FILE_VARIABLE)
    return option or (Path(named) if named else DEFAULT_FILE)


def load_settings(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    connectors: Mapping[str, Connector] | None = None,
    routes: Mapping[str, Route] | None = None,
) -> HubSettings:
    """The settings of a deployment; warnings are for `look_at`.

    Raises:
        SettingsError: with everything that is wrong.
    """
    looked = look_at(path, environ, connectors=connectors, routes=routes)
    if looked.document.errors:
        raise SettingsError(looked.document.errors)
    return looked.settings


def look_at(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    connectors: Mapping[str, Connector] | None = None,
    routes: Mapping[str, Route] | None = None,
) -> Looked:
    """A settings file, with everything that is to be said about it.

    Args:
        path: hub.yaml; none: HUB_CONFIG, else hub.yaml in the working folder.
        environ: environment, for references and for the overrides in ADDRESSES.
        connectors: known connectors by kind; none: those of `hub.connectors`.
        routes: standard routes by name; none: those of `hub.routes`.

    Raises:
        SettingsError: it cannot be read.
    """
    file = settings_file(path, environ)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        todo = f"Name it with --config or {FILE_VARIABLE}; hub.example.yaml is a model."
        what = f"it cannot be read: {error.strerror}"
        raise SettingsError([Finding(str(file), 0, 0, "", what, todo=todo)]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([Finding(str(file), 0, 0, "", "it is not UTF-8 text")]) from error
    document = read_document(text, str(file))
    known = discover() if connectors is None else connectors
    standard = standard_routes() if routes is None else routes
    return Looked(document, _settings(document, file.parent, environ, (known, standard)))


def read_block(text: str, file: str, model: type[S]) -> S:
    """A connector's block of hub.yaml that stands in a file of its own, secrets written out.

    Raises:
        SettingsError: with everything that is wrong.
    """
    document = read_document(text, file)
    block = validate(document, model, document.data, (), set(document.values))
    if block is None or document.errors:
        raise SettingsError(document.errors)
    return block


def _settings(
    document: Document,
    folder: Path,
    environ: Mapping[str, str],
    known: tuple[Mapping[str, Connector], Mapping[str, Route]],
) -> HubSettings:
    """What is sound of a document; its findings tell the rest."""
    connectors, standard = known
    content_hash = hash_of(document.data)
    references = _resolved(document, folder, environ)
    kinds = _kinds(document, connectors)
    instances = _instances(document, kinds, references)
    delivering = {name for name, kind in kinds.items() if _delivers(kind, instances.get(name))}
    routes = routes_in_force(document, standard, delivering)
    sections = _sections(document, references)
    check_addresses(document, sections)
    check_names(document, sections, kinds)
    refuse_unsayable(document, routes, kinds, instances)
    refuse_overlaps(document, routes)
    if "calendars" in sections:
        calendar = sections["calendars"].calendar()
        instances = {name: own.counted_by(calendar) for name, own in instances.items()}
    parts = {
        **sections,
        "connectors": instances,
        "routes": routes,
        "content_hash": content_hash,
    }
    return HubSettings.model_construct(**parts) if document.errors else HubSettings(**parts)


def _resolved(document: Document, folder: Path, environ: Mapping[str, str]) -> set[Steps]:
    """Put references and overrides into the data; the paths of both."""
    overridden = {path: environ[name] for name, path in ADDRESSES.items() if environ.get(name)}
    for section, name in ADDRESSES.values():
        block = document.data.setdefault(section, {})
        if (section, name) in overridden and isinstance(block, dict):
            block[name] = ""  # what is overridden need not be resolvable
    references = resolve(document, folder, environ)
    for (section, name), address in overridden.items():
        if isinstance(document.data[section], dict):
            document.data[section][name] = address
            references.add((section, name))
    return references


def _sections(document: Document, references: set[Steps]) -> dict[str, Any]:
    """Each section that is sound; one that is left out as its default."""
    for name in document.data:
        if name not in SECTIONS:
            unknown_key(document, (name,), SECTIONS)
    own = {n: v for n, v in document.data.items() if n in Sections.model_fields}
    whole = validate(document, Sections, own, (), references)
    if whole is not None:
        return {name: getattr(whole, name) for name in Sections.model_fields}
    found: dict[str, Any] = {}
    for name, field in Sections.model_fields.items():
        if not document.is_sound((name,)):
            continue
        if name in own:
            adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
            found[name] = adapter.validate_python(own[name])
        else:
            found[name] = field.get_default(call_default_factory=True)
    return found


def _delivers(kind: Connector | None, own: ConnectorSettings | None) -> bool:
    """Whether an instance can be the end of a route; what cannot be judged is reported already."""
    if kind is None or own is None:
        return kind is None or kind.client is not None
    return kind.sends(own)


def hash_of(data: Mapping[str, Any]) -> str:
    """16 hex digits of the SHA-256 of a document's data, references not replaced."""
    canonical = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _kinds(document: Document, connectors: Mapping[str, Connector]) -> dict[str, Connector | None]:
    """The connector of each instance; none for one that does not exist, which is reported."""
    blocks = document.data.get("connectors") or {}
    if not isinstance(blocks, Mapping):
        document.report(("connectors",), "connectors must be a mapping of instance names")
        return {}
    found: dict[str, Connector | None] = {}
    for name, block in blocks.items():
        named = isinstance(block, Mapping) and "kind" in block
        kind = block["kind"] if named else name
        found[name] = connectors.get(kind) if isinstance(kind, str) else None
        if not INSTANCE_NAME.fullmatch(name):
            what = "an instance's name has lower case letters, digits and `_`"
            document.report(("connectors", name), what, "Rename it.", at_key=True)
        if found[name] is None:
            document.report(
                ("connectors", name, "kind") if named else ("connectors", name),
                f"there is no connector `{kind}`",
                f"Known: {listed(connectors)}. An instance of another name says `kind:`.",
                nearest=nearest(str(kind), connectors),
                at_key=not named,
            )
    return found


def _instances(
    document: Document, kinds: Mapping[str, Connector | None], references: set[Steps]
) -> dict[str, ConnectorSettings]:
    """Each connector block as its folder's own settings model."""
    found: dict[str, ConnectorSettings] = {}
    for name, connector in kinds.items():
        path: Steps = ("connectors", name)
        block = document.data["connectors"][name]
        if block is not None and not isinstance(block, Mapping):
            document.report(path, "a connector's settings must be a mapping")
        elif connector is not None:
            content = {"kind": connector.kind, **(block or {})}
            settings = validate(document, connector.settings, content, path, references)
            if settings is not None:
                found[name] = settings
    return found
