"""For each rule what it must refuse and what it must let pass: (path, source)."""

from __future__ import annotations

CLIENT = "hub/connectors/toy/client.py"
DECODE = "hub/connectors/toy/decode.py"
CORE = "hub/inbound.py"
TEST = "tests/test_toy.py"


def _lines(count: int) -> str:
    return "x = 1\n" * count


def _body(count: int) -> str:
    return "def act():\n" + "    x = 1\n" * count


REFUSED: dict[str, list[tuple[str, str]]] = {
    "single_importers": [
        (CORE, "import aiokafka"),
        (CORE, "from aiokafka.errors import KafkaError"),
        ("hub/kafka.py", "from tenacity import retry"),
        (CORE, "def late():\n    from sqlalchemy import text"),
        ("hub/gateway/pages.py", "import psycopg"),
    ],
    "connectors_apart": [
        (CLIENT, "from hub.connectors.post import decode"),
        (CLIENT, "from ..post import wire"),
        (CORE, "import hub.connectors.post"),
    ],
    "pure": [
        (DECODE, "import time"),
        (DECODE, "from hub.kafka import Producer"),
        (DECODE, "import urllib.request"),
        (DECODE, "from datetime import datetime\nNOW = datetime.now()"),
        (DECODE, "def read(path):\n    return open(path)"),
    ],
    "no_foreign_retries": [
        (CLIENT, "import backoff"),
        (CLIENT, "client = Client(max_retries=3)"),
        (CLIENT, "client = Client(retry=True)"),
        (
            CLIENT,
            "while True:\n    try:\n        call()\n    except OSError:\n        time.sleep(1)",
        ),
        (
            CLIENT,
            "for n in range(3):\n    try:\n        call()\n    finally:\n        asyncio.sleep(n)",
        ),
    ],
    "module_length": [(CORE, _lines(401)), (TEST, _lines(601))],
    "function_length": [(CORE, _body(60))],
    "parameters": [
        (CORE, "def act(a, b, c, d, e, f): ..."),
        (CORE, "class A:\n    def act(self, a, b, *, c, d, e, f): ..."),
        (CORE, "class A:\n    def __init__(self, a, b, c, d, e, f): ..."),
    ],
    "names": [
        ("hub/utils.py", ""),
        ("hub/store/common.py", ""),
        ("hub/date_helpers/vn.py", ""),
        (CORE, "class RouteManager: ..."),
        (CORE, "class Base: ..."),
    ],
    "docstrings": [
        (CORE, "x = 1"),
        (CORE, '"""Doc."""\n\nclass A: ...'),
        (CORE, '"""Doc."""\n\ndef act(): ...'),
        (CORE, '"""Doc."""\n\nclass A:\n    """Doc."""\n    def act(self): ...'),
    ],
    "broad_excepts": [
        (CORE, "try:\n    x()\nexcept Exception:\n    pass"),
        (CORE, "try:\n    x()\nexcept:\n    pass"),
        (CORE, "try:\n    x()\nexcept (ValueError, BaseException):  # noqa: BLE001\n    pass"),
    ],
    "reasons": [
        (CORE, "x = 1  # noqa: S105"),
        (CORE, "x = 1  # type: ignore[arg-type]"),
        (CORE, "x = 1  # pragma: no cover"),
    ],
    "prints": [(CORE, "print(1)"), (CLIENT, "sys.stdout.write('a')")],
    "no_sleeping_tests": [(TEST, "time.sleep(1)"), (TEST, "await asyncio.sleep(delay)")],
    "telling_tests": [(TEST, "def test_route(): ..."), (TEST, "def test_it_works(): ...")],
}

ACCEPTED: dict[str, list[tuple[str, str]]] = {
    "single_importers": [
        ("hub/kafka.py", "import aiokafka"),
        ("hub/kafka/consumer.py", "import aiokafka"),
        ("hub/recovery.py", "import tenacity"),
        ("hub/store/held.py", "from sqlalchemy import text"),
    ],
    "connectors_apart": [
        (CLIENT, "from hub.connectors.toy import wire"),
        (CLIENT, "from .wire import Toy"),
        (CORE, "from hub.connector import discover"),
    ],
    "pure": [
        (DECODE, "from hub.errors import DecodeError\nfrom hub.connectors.toy.wire import Toy"),
        (DECODE, "from datetime import datetime\nAT = datetime.fromisoformat('2023-01-02')"),
    ],
    "no_foreign_retries": [
        (CLIENT, "client = Client(max_retries=0, retry=None)"),
        (
            CLIENT,
            "for item in items:\n    try:\n        call(item)\n    except OSError:\n        raise",
        ),
        ("hub/recovery.py", "import tenacity"),
    ],
    "module_length": [(CORE, _lines(400)), (TEST, _lines(600))],
    "function_length": [(CORE, _body(59))],
    "parameters": [
        (CORE, "class A:\n    def act(self, a, b, *, c, d, e): ..."),
        (CORE, "class A:\n    def __init__(self, a, b, c, d, *, e, f): ..."),
        ("hub/commands/demo.py", "def demo(a, b, c, d, e, f): ..."),
    ],
    "names": [
        ("hub/store/database.py", "class Database: ..."),
        (CORE, "class Serviceable: ..."),
        (CORE, "class CommonsenseLess: ..."),
    ],
    "docstrings": [
        (CORE, '"""Doc."""\n\ndef _act(): ...'),
        ("hub/connectors/toy/__init__.py", ""),
        (CLIENT, '"""Doc."""\n\nclass Toy:\n    """Doc."""\n    def deliver(self): ...'),
    ],
    "broad_excepts": [
        (
            CORE,
            "try:\n    x()\nexcept Exception:  # noqa: BLE001 - the probe must say why\n    y()",
        ),
        (
            CORE,
            "try:\n    x()\n# One broken folder must not stop all.\nexcept Exception:\n    y()",
        ),
        (CORE, "try:\n    x()\nexcept ValueError:\n    pass"),
        (CORE, "try:\n    x()\nexcept BaseException:\n    y()\n    raise"),
    ],
    "reasons": [(CORE, "x = 1  # noqa: S105 - a name, not a secret"), (CORE, "x = 1  # a number")],
    "prints": [("hub/commands/show.py", "print(1)"), (CORE, "log.info('a')")],
    "no_sleeping_tests": [(TEST, "time.sleep(0.01)"), (CORE, "await asyncio.sleep(5)")],
    "telling_tests": [(TEST, "def test_a_refused_message_is_not_retried(): ...")],
}
