"""Standard routes of what citizens ask at a portal: the answer goes back to where it was asked.

`origin` is the instance that leads back; a system that answers for others tells it by its setting.
"""

from __future__ import annotations

from hub.route import Route

ROUTES = (
    Route(
        name="answers-to-national-portal",
        to="national_portal",
        kinds=("petition.answered",),
        when='data.origin == "national_portal"',
    ),
)
