"""When: the condition of a route, a CEL text over what an event says. The only importer of cel.

The text sees `kind`, `source`, `subject`, `unit` (texts) and `data` (the event's fields as JSON,
those that were not told with their defaults: null, "", []). It is bounded: 1,000 characters, at
most one walk over a list that builds none and speaks of no other, so that it costs at most one look
at each element of one event.

CEL: https://github.com/google/cel-spec (macros `has`, `all`, `exists`, `exists_one`; functions of
the standard).
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hub.errors import ConfigError, EncodeError

if TYPE_CHECKING:
    import cel
else:
    # The package's face imports its command line, and that a terminal library: 11 MB and a third
    # of a second that no worker needs.
    sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
    cel = importlib.import_module("cel")

NAMES = ("kind", "source", "subject", "unit", "data")
"""What an expression may speak of."""

FUNCTIONS = frozenset(
    {
        *("contains", "startsWith", "endsWith", "matches", "size"),
        *("int", "double", "string", "timestamp", "duration"),
    }
)
"""Functions an expression may call, beside operators and macros."""

REMEMBERED_COUNT = 4096
_TEXT = re.compile(r"""("(\\.|[^"\\])*"|'(\\.|[^'\\])*')""")
_WALK = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*\(\s*(\w*)")
_HIDING = re.compile(r"//|''''|[rRbB]''")
"""Comments, and texts that `_TEXT` does not read: a walk could hide behind them."""
_OPERATOR = re.compile(r"\W")
_EXAMPLES = {"kind": "a.b", "source": "/a/b/c", "subject": "S", "unit": "U"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a text.

    Attributes:
        what: one sentence.
        todo: what to do about it.
        nearest: the known name closest to an unknown one, `` for none.
    """

    what: str
    todo: str
    nearest: str = ""


def problem_of(text: str) -> Problem | None:
    """What is wrong with a text, as far as that shows without an event; none: nothing."""
    try:
        program = cel.compile(text)
    except ValueError as error:
        _, _, found = str(error).partition("ERROR: ")
        where, _, why = (found.splitlines() or ["it cannot be read"])[0].partition(": ")
        place = where.rpartition(":")[2]
        what = f"it is no CEL expression (character {place}): {why}" if why else where
        return Problem(what, "Write a condition like `data.status == 'done'`.")
    bare = _TEXT.sub("''", text)
    walks = list(_WALK.finditer(bare))
    problem = _unbounded(bare, walks)
    if problem is not None:
        return problem
    known: tuple[tuple[str, list[str], list[str]], ...] = (
        ("name", program.variables(), [*NAMES, *(walk[2] for walk in walks)]),
        ("function", program.functions(), sorted(FUNCTIONS)),
    )
    for noun, used, allowed in known:
        for name in used:
            if name not in allowed and not _OPERATOR.search(name):
                near = get_close_matches(name, allowed, 1)
                todo = f"Known: {', '.join(allowed)}."
                return Problem(f"it uses the unknown {noun} `{name}`", todo, *near)
    if "data" in program.variables():
        return None
    answer = _answer(program, _EXAMPLES)
    return _uncomputable(answer) if isinstance(answer, Exception) else _no_condition(answer)


def _unbounded(bare: str, walks: Sequence[re.Match[str]]) -> Problem | None:
    """What may cost more than one look at each element; `bare` has no texts.

    The library copies the list that `map` and `filter` build for every element: 5,000 elements
    would hold up a worker for ten seconds.
    """
    if _HIDING.search(bare):
        return Problem(
            "it has a comment, or a text with a prefix or three quotes", "Write plain texts only."
        )
    if len(walks) > 1:
        return Problem("it walks over lists more than once", "Use one `exists` or `all` at most.")
    for walk in walks:
        if walk[1] in ("map", "filter"):
            return Problem(
                f"it builds a list (`{walk[1]}`)", "Use `exists`, `exists_one` or `all`."
            )
        if walk[2] == "data" or re.search(r"\bdata\b", _inside(bare, walk.end(1))):
            return Problem(
                "it speaks of `data` again within a walk", "Compare the element with texts."
            )
    return None


def _inside(bare: str, start: int) -> str:
    """What stands between the first parenthesis from there on and the one that closes it."""
    depth, first = 0, bare.index("(", start)
    for place in range(first, len(bare)):
        depth += {"(": 1, ")": -1}.get(bare[place], 0)
        if not depth:
            return bare[first:place]
    return bare[first:]


def problem_with(text: str, examples: Iterable[Mapping[str, Any]]) -> Problem | None:
    """What shows when a text is tried on examples of events; none: nothing.

    That it cannot be computed counts only if the types never fit: an example may lack what the
    text speaks of.

    Args:
        text: one that `problem_of` finds nothing wrong with.
        examples: values of NAMES.
    """
    program = cel.compile(text)
    answers = [_answer(program, each) for each in examples]
    if answers and all(isinstance(answer, TypeError) for answer in answers):
        return _uncomputable(answers[0])
    told = [_no_condition(answer) for answer in answers if not isinstance(answer, Exception)]
    return next(filter(None, told), None)


def _answer(program: cel.Program, values: Mapping[str, Any]) -> Any:
    """The value of a text, or the error that computing it raises."""
    try:
        return program.execute(dict(values))
    except Exception as error:  # noqa: BLE001 - the library raises built-in errors of many kinds
        return error


def _no_condition(answer: object) -> Problem | None:
    if isinstance(answer, bool):
        return None
    return Problem("its value is neither true nor false", "Compare it with something.")


def _uncomputable(error: Exception) -> Problem:
    return Problem(
        f"it cannot be computed ({type(error).__name__})",
        "Compare texts with texts, and join conditions with && and ||.",
    )


class When:
    """One condition, compiled once.

    Args:
        text: CEL, at most `Route.when`'s length.

    Raises:
        ConfigError: the text is wrong; `hub check` has said so before.
    """

    def __init__(self, text: str) -> None:
        problem = problem_of(text)
        if problem is not None:
            raise ConfigError(f"when: {problem.what}", code="config")
        self._program = cel.compile(text)
        self.names = frozenset(self._program.variables()) & frozenset(NAMES)
        self._cached = tuple(sorted(self.names - {"data"}))
        self._remembers = not self.names & {"data", "subject"}  # both differ from event to event
        self._known: dict[tuple[str, ...], bool] = {}

    def holds(self, attributes: Callable[[str], str], data: Callable[[], Any]) -> bool:
        """Whether an event is for the route.

        Args:
            attributes: the event's kind, source, subject and unit, by name.
            data: its fields as JSON-able values; asked only if the text speaks of them.

        Raises:
            EncodeError: code `when_failed`; it cannot be computed for this event, or its value is
                neither true nor false.
        """
        told = tuple(map(attributes, self._cached))
        if self._remembers and told in self._known:
            return self._known[told]
        values: dict[str, Any] = dict(zip(self._cached, told, strict=True))
        if "data" in self.names:
            values["data"] = data()
        answer = self._computed(values)
        if self._remembers:
            if len(self._known) >= REMEMBERED_COUNT:
                self._known.clear()
            self._known[told] = answer
        return answer

    def _computed(self, values: Mapping[str, Any]) -> bool:
        try:
            answer = self._program.execute(dict(values))
        except Exception as error:  # built-in errors of many kinds; their texts may show values
            raise EncodeError(
                f"the route's condition raised {type(error).__name__}",
                path="/when",
                code="when_failed",
            ) from error
        if not isinstance(answer, bool):
            raise EncodeError(
                "the route's condition is neither true nor false", path="/when", code="when_failed"
            )
        return answer
