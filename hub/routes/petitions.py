"""Standard route of petitions: what was done about one goes back to the system it came from."""

from __future__ import annotations

from hub.route import Route

ROUTES = (
    Route(
        name="petitions-back",
        to="petitions",
        kinds=(
            "petition.assigned",
            "petition.transferred",
            "petition.answered",
            "petition.published",
            "petition.rejected",
            "petition.redirected",
        ),
        when="data.origin == 'petitions'",
    ),
)
