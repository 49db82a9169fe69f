"""What is wrong with a table that names for each limit of a connector the test at its edge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from tests.rules.names import named_tests


def faults(file: str, kind: str, table: Mapping[str, str], limits: Set[str]) -> Iterator[str]:
    """One line each: a limit without a test, a row about none, a test that there is not.

    Args:
        file: where the table `EDGES` stands.
        table: names of settings, one or more, -> name of a test.
        limits: settings of the connector that need one.
    """
    row = f"{file}: EDGES[{kind!r}]"
    shown = {name: test for names, test in table.items() for name in names.split()}
    for name in sorted(limits - shown.keys()):
        yield f"{row} does not name the test at the edge of the setting {name}"
    for name in sorted(shown.keys() - limits):
        yield f"{row} speaks of {name}, which is no such limit of the connector"
    for test in sorted(set(shown.values()) - set(named_tests())):
        yield f"{row} names {test}, which is no test"
