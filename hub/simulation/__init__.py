"""What simulators of outside systems share: fault scripts, the call log, the control endpoint.

Only simulators, `hub sim` and tests import this. A connector's simulator is a function

    simulator(faults: FaultScript, log: CallLog, **options: Any) -> Starlette

whose keyword-only `options` all have defaults. It makes one `Simulation`, answers each call
through `Simulation.perform`, and adds `Simulation.control_routes()` to its own routes:

    GET, PUT, DELETE /_control/faults   the fault script being played (YAML or JSON)
    GET              /_control/state    counts of what the simulator holds
    GET              /_control/log      the last log lines (`?subject=` filters)
    POST             /_control/reset    forget what was sent; faults go on
"""

from hub.simulation.call_log import Call, CallLog, Item
from hub.simulation.faults import (
    AnyFault,
    Duplicate,
    ExpiredSession,
    FaultScript,
    Malformed,
    Refuse,
    ServerError,
    Slow,
    TimeoutAfterSuccess,
    TimeoutWithoutEffect,
    TooManyRequests,
    load_script,
    read_script,
)
from hub.simulation.player import FaultPlayer, Verdict
from hub.simulation.serving import running, serve
from hub.simulation.stage import Answer, Inner, Simulation, Subsystem, json_response

__all__ = [
    "Answer",
    "AnyFault",
    "Call",
    "CallLog",
    "Duplicate",
    "ExpiredSession",
    "FaultPlayer",
    "FaultScript",
    "Inner",
    "Item",
    "Malformed",
    "Refuse",
    "ServerError",
    "Simulation",
    "Slow",
    "Subsystem",
    "TimeoutAfterSuccess",
    "TimeoutWithoutEffect",
    "TooManyRequests",
    "Verdict",
    "json_response",
    "load_script",
    "read_script",
    "running",
    "serve",
]
