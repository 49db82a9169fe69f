"""Reliability shown: kills, faults and long runs, each judged by the checker of `hub.check_log`.

A stand has a real Kafka and PostgreSQL, the portal's simulator and workers as processes. A load
of numbered messages runs through it while something goes wrong; afterwards what was sent is held
against what the portal logged. `hub crash`, `hub faults` and `hub soak` are the commands.

`stories` does the same with every counterpart: what the demo counts must come out under kills.
"""
