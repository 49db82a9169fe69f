"""The offline checker: what producers sent against what the systems say they were asked.

Producers write `(subject, seq)`, simulators log every call, taken or refused; `Checker` reads
both and says what was lost, disordered, overtaken or done twice. It knows nothing of the hub's
own stores, so that it can contradict them.
"""

from hub.check_log.checker import Checker, Report, Violation
from hub.check_log.lane import Fault
from hub.check_log.rows import Crashes, Held, Row, Sent, read_effects
from hub.check_log.rules import Rules

__all__ = [
    "Checker",
    "Crashes",
    "Fault",
    "Held",
    "Report",
    "Row",
    "Rules",
    "Sent",
    "Violation",
    "read_effects",
]
