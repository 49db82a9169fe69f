"""Flow: which connectors tell which kinds of event, and which routes take them where.

Made from the settings, so that it shows what is in force and nothing else. What a connector tells
is read from the events of its own samples, and from the settings where these add to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from hub.connector import Connector, ConnectorSettings
from hub.event import KINDS
from hub.settings import HubSettings

LABEL_COUNT = 6
"""More kinds than this make a label of a picture unreadable."""
OWN = "hub"
"""What tells the events of deadlines: the hub itself."""


@dataclass(frozen=True, slots=True)
class Node:
    """One connector instance, or the hub itself.

    Attributes:
        name: of the instance; `kind` its folder.
        title_vi, title_en: what people call the system.
        ways: how it reaches the hub and the hub it: `calls`, `polled`, `delivers`.
        tells: kinds of event that come from it.
    """

    name: str
    kind: str
    title_vi: str
    title_en: str
    ways: tuple[str, ...]
    tells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """One route.

    Attributes:
        kinds: as the route says; `takes`: the kinds that they stand for now.
        when: its condition, `` for none.
        sources: names of the nodes that tell any of them. The condition may exclude some.
    """

    name: str
    to: str
    kinds: tuple[str, ...]
    takes: tuple[str, ...]
    when: str
    paused: bool
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """Everything that is in force, in the order of hub.yaml."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def flow_of(settings: HubSettings, connectors: Mapping[str, Connector]) -> Flow:
    """The flow of a deployment."""
    nodes = [
        _node(name, connectors[settings.kind_of(name)], settings) for name in settings.connectors
    ]
    own = tuple(sorted(kind for kind in KINDS if kind.startswith("sla.")))
    nodes.append(Node(OWN, OWN, "Hub (thời hạn)", "The hub (deadlines)", (), own))
    edges = []
    for route in settings.routes.values():
        takes = tuple(sorted(kind for kind in KINDS if route.takes(kind)))
        sources = tuple(node.name for node in nodes if set(node.tells) & set(takes))
        edges.append(
            Edge(route.name, route.to, route.kinds, takes, route.when, route.paused, sources)
        )
    return Flow(tuple(nodes), tuple(edges))


def _node(name: str, connector: Connector, settings: HubSettings) -> Node:
    ways = {
        "calls": connector.endpoints is not None,
        "polled": connector.poller is not None,
        "delivers": any(route.to == name for route in settings.routes.values()),
    }
    return Node(
        name,
        connector.kind,
        connector.title_vi,
        connector.title_en,
        tuple(way for way, there in ways.items() if there),
        _tells(connector, settings.connectors[name]) if connector.decode is not None else (),
    )


def _tells(connector: Connector, block: ConnectorSettings) -> tuple[str, ...]:
    return tuple(sorted({*told_kinds(connector.kind), *block.more_kinds()}))


def told_kinds(kind: str) -> tuple[str, ...]:
    """Kinds of event in the samples of a connector's folder; none where it has no samples."""
    folder = files("hub.connectors").joinpath(kind, "samples", "in")
    found: set[str] = set()
    for file in _files(folder) if folder.is_dir() else ():
        if file.name.endswith(".events.jsonl"):
            for line in file.read_text(encoding="utf-8").splitlines():
                said = json.loads(line).get("type", "") if line.strip() else ""
                found |= {said} & KINDS.keys()
    return tuple(sorted(found))


def _files(folder: Traversable) -> Iterator[Traversable]:
    for each in folder.iterdir():
        yield from _files(each) if each.is_dir() else (each,)


def text_of(flow: Flow) -> Iterator[str]:
    """Lines of a tree: each system, what it tells, and what is brought to it."""
    for node in flow.nodes:
        kind = "" if node.kind == node.name else f" ({node.kind})"
        ways = f"  [{', '.join(node.ways)}]" if node.ways else ""
        yield f"{node.name}{kind}  {node.title_vi} / {node.title_en}{ways}"
        branches = [(f"tells {noun}: {', '.join(verbs)}", "") for noun, verbs in _nouns(node.tells)]
        for edge in flow.edges:
            if edge.to == node.name:
                paused = "  (starts paused)" if edge.paused else ""
                branches.append(
                    (f"hears {', '.join(edge.kinds)}  by {edge.name}{paused}", edge.when)
                )
        for index, (branch, when) in enumerate(branches):
            last = index == len(branches) - 1
            yield f"{'└─' if last else '├─'} {branch}"
            if when:
                yield f"{'  ' if last else '│ '}    when {when}"


def _nouns(kinds: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    verbs: dict[str, list[str]] = {}
    for kind in kinds:
        noun, _, verb = kind.partition(".")
        verbs.setdefault(noun, []).append(verb)
    yield from verbs.items()


def mermaid_of(flow: Flow) -> Iterator[str]:
    """Lines of a Mermaid flowchart: who tells, the topic, and the routes to who hears."""
    yield "flowchart LR"
    for node in flow.nodes:
        if node.tells:
            yield f'    from_{node.name}["{_label(node)}"]'
    yield '    events[("events")]'
    for node in flow.nodes:
        if any(edge.to == node.name for edge in flow.edges):
            yield f'    to_{node.name}["{_label(node)}"]'
    for node in flow.nodes:
        if node.tells:
            nouns = "<br/>".join(f"{noun}.*" for noun, _ in _nouns(node.tells))
            yield f'    from_{node.name} -- "{nouns}" --> events'
    for edge in flow.edges:
        words = [f"<b>{edge.name}</b>", *_shortened(edge.kinds)]
        if edge.when:
            words.append(f"when {edge.when}")
        yield f'    events -- "{"<br/>".join(map(_quoted, words))}" --> to_{edge.to}'


def _shortened(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Kinds as written, or their nouns with counts where there are too many for a label."""
    if len(kinds) <= LABEL_COUNT:
        return kinds
    return tuple(f"{noun}: {len(verbs)} kinds" for noun, verbs in _nouns(kinds))


def _label(node: Node) -> str:
    return f"{_quoted(node.name)}<br/>{_quoted(node.title_vi)}"


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "#quot;")
