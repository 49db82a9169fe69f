"""Standard route of public post: what the one-stop shop asks of the post, the post hears."""

from __future__ import annotations

from hub.route import Route

ROUTES = (
    Route(
        name="post-orders",
        to="public_post",
        kinds=("post.order_requested", "post.cancel_requested"),
    ),
)
