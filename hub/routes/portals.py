"""Standard routes of what citizens ask at a portal: the answer goes back to where it was asked."""

from __future__ import annotations

from hub.route import Route

ROUTES = (
    Route(
        name="answers-to-national-portal",
        to="national_portal",
        kinds=("petition.answered",),
        when='data.channel == "dvcqg"',
    ),
)
