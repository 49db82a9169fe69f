"""Overlaps: two routes that tell one destination the same event.

Each would deliver it, in an order of its own. Whether two conditions can both be true is decided
for what can be seen at a glance: comparisons of one thing with literals (`==`, `!=`, `in`,
`startsWith`), and a condition beside its negation, joined with `&&` and `||`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from hub.event import KINDS
from hub.route import Route
from hub.settings.document import Document
from hub.settings.findings import Path, listed
from hub.settings.words import Literal, closing, literal, literals, words_of

JOINS = frozenset({"&&", "||", "?", "!"})
TODO = "Give the two conditions (`when`) that exclude each other, or change the one route"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a condition.

    Attributes:
        about: what is compared; the whole part, where it is no comparison with literals.
        values: what it may be, for `==` and `in`.
        prefix: what it begins with, for `startsWith`.
        holds: false for the negation.
    """

    about: str
    values: tuple[Literal, ...] = ()
    prefix: str = ""
    holds: bool = True

    def admits(self, value: Literal) -> bool:
        """Whether it can be true of a value."""
        if self.values:
            return (value in self.values) == self.holds
        if self.prefix:
            return (isinstance(value, str) and value.startswith(self.prefix)) == self.holds
        return True

    def excludes(self, other: Part) -> bool:
        """Whether the two cannot both be true, seen from this one."""
        if self.about != other.about:
            return False
        if self.values and self.holds:
            return not any(other.admits(value) for value in self.values)
        if self.prefix and other.prefix and self.holds:
            inside = self.prefix.startswith(other.prefix)
            around = other.prefix.startswith(self.prefix)
            return not (inside or around) if other.holds else inside
        plain = not (self.values or other.values or self.prefix or other.prefix)
        return plain and self.holds != other.holds


def refuse_overlaps(document: Document, routes: Mapping[str, Route]) -> None:
    """Report each written route that tells its destination what another one tells it.

    An error where it is certain: one of the two has no condition, or both have the same. A warning
    where their conditions may both be true, or one of the routes starts paused.
    """
    written = document.data.get("routes")
    names = [*written] if isinstance(written, Mapping) else []
    first = [name for name in routes if name not in names]
    last = [name for name in names if name in routes and document.is_sound(("routes", name))]
    for one, other in combinations([*first, *last], 2):
        if other in last:
            _compare(document, routes[other], routes[one])


def _compare(document: Document, route: Route, other: Route) -> None:
    if route.to != other.to:
        return
    shared = [kind for kind in KINDS if route.takes(kind) and other.takes(kind)]
    twice = [kind for kind in shared if not never(kind, route.when, other.when)]
    if not twice:
        return
    path: Path = ("routes", route.name)
    todo = f"{TODO}: `routes: {{{other.name}: …}}`."
    what = f"`{route.to}` is told {listed(twice)} by `{other.name}` already"
    if route.paused or other.paused:
        document.warn(path, f"{what}, once both run", todo, at_key=True)
    elif not (route.when and other.when) or words_of(route.when) == words_of(other.when):
        document.report(path, what, todo, at_key=True)
    else:
        document.warn(path, f"{what}, where both conditions are true", todo, at_key=True)


def never(kind: str, *conditions: str) -> bool:
    """Whether it shows at a glance that conditions cannot all be true of an event of a kind."""
    ways: list[list[Part]] = [[Part("kind", (kind,))]]
    for text in conditions:
        either = [_parts(words) for words in _split(_bare(words_of(text)), "||")] if text else [[]]
        ways = [[*way, *parts] for way in ways for parts in either]
        ways = [way for way in ways if not _contradicts(way)]
    return not ways


def _contradicts(parts: Sequence[Part]) -> bool:
    return any(a.excludes(b) or b.excludes(a) for a, b in combinations(parts, 2))


def _parts(words: Sequence[str]) -> list[Part]:
    """What must all be true; `words` has no `||` outside of brackets."""
    return [_part(_bare(part)) for part in _split(words, "&&")]


def _part(words: Sequence[str]) -> Part:
    if words[0] == "!" and (words[1] != "(" or closing(words, 1) == len(words) - 1):
        inner = _part(_bare(words[1:]))
        return replace(inner, holds=not inner.holds)
    if JOINS & set(words):
        return Part(" ".join(words))
    for at, word in enumerate(words):
        if word in ("==", "!="):
            return _equation(words[:at], words[at + 1 :], holds=word == "==")
        if word == "in" and words[at + 1 : at + 2] == ["["] and words[-1] == "]":
            values = literals(words[at + 2 : -1])
            if values is not None:
                return Part("".join(words[:at]), tuple(values))
        if word == "startsWith" and at + 4 == len(words):
            prefix = literal(words[at + 2])
            if isinstance(prefix, str) and prefix:
                return Part("".join(words[: at - 1]), prefix=prefix)
    return Part(" ".join(words))


def _equation(left: Sequence[str], right: Sequence[str], *, holds: bool) -> Part:
    for about, other in ((left, right), (right, left)):
        value = literal(other[0]) if len(other) == 1 else None
        if value is not None:
            return Part("".join(about), (value,), holds=holds)
    return Part(f"{' '.join(left)} == {' '.join(right)}", holds=holds)


def _bare(words: Sequence[str]) -> Sequence[str]:
    """Without the brackets around the whole."""
    while words and words[0] == "(" and closing(words, 0) == len(words) - 1:
        words = words[1:-1]
    return words


def _split(words: Sequence[str], operator: str) -> list[Sequence[str]]:
    """The parts between an operator that stands outside of brackets."""
    if "?" in words:
        return [words]
    found: list[Sequence[str]] = []
    begin = at = 0
    while at < len(words):
        if words[at] in ("(", "[", "{"):
            at = closing(words, at)
        elif words[at] == operator:
            found.append(words[begin:at])
            begin = at + 1
        at += 1
    return [*found, words[begin:]]
