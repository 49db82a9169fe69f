"""Events of public post (bưu chính công ích): orders of the one-stop shop, and their parcels.

A dossier has at most one order of each service and number: papers picked up at home (thu gom hồ
sơ), the result brought home (trả kết quả), or both registered together. A parcel is known to the
post by customer code and order number; `order_alias` names what leads from there to the dossier.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from hub.event import Contact, EventData, Part, Personal, Public, data_of

ORDER_ALIAS = "post.order"
"""Kind of the alias that leads from an order to its dossier."""

ITEM_ALIAS = "post.item"
"""Kind of the alias that leads from a tracking number (mã vận đơn) to its dossier."""


def order_alias(customer_code: str, order_number: str) -> tuple[str, str]:
    """Kind and value of an order's alias: numbers are unique per customer only."""
    return ORDER_ALIAS, f"{customer_code}/{order_number}"


class PostErrand(StrEnum):
    """What the post does for a dossier."""

    PICK_UP = "pick_up"  # thu gom hồ sơ: from the citizen to the desk
    RETURN = "return"  # trả kết quả: from the desk to the citizen
    BOTH = "both"  # both registered together
    UNKNOWN = "unknown"


class ParcelState(StrEnum):
    """How far a parcel is; `unknown` keeps its code in `state_code`."""

    REGISTERED = "registered"  # the order is taken
    COLLECTING = "collecting"  # somebody is on the way to fetch it
    POSTED = "posted"  # nhập bưu cục
    IN_TRANSIT = "in_transit"
    DELIVERING = "delivering"  # đang giao, chuyển phát
    DELIVERED = "delivered"  # phát thành công
    RETURNING = "returning"  # chuyển hoàn
    FAILED = "failed"  # not picked up, not delivered
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


KIND_OF_STATE: dict[ParcelState, str] = {
    **dict.fromkeys(ParcelState, "post.tracked"),
    ParcelState.REGISTERED: "post.order_accepted",
    ParcelState.DELIVERED: "post.delivered",
    ParcelState.FAILED: "post.failed",
    ParcelState.CANCELLED: "post.cancelled",
}
"""Which kind of event tells that a parcel has this state."""


class Party(Part):
    """Who gives a parcel to the post, or gets it."""

    name: Personal[str] = Field("", description="Name.")
    phone: Contact[str] = Field("", description="Telephone.")
    email: Contact[str] = Field("", description="E-mail.")
    address: Contact[str] = Field("", description="Address.")
    province_code: Public[str] = Field("", description="Province, code of the post.")
    province_name: Public[str] = Field("", description="Province, name.")
    district_code: Public[str] = Field("", description="District, code of the post.")
    district_name: Public[str] = Field("", description="District, name.")
    note: Personal[str] = Field("", description="Note for the postman.")


class PostedProcedure(Part):
    """The procedure as the post is told."""

    code: Public[str] = Field("", description="Procedure code (mã TTHC).")
    title: Public[str] = Field("", description="Name.")
    category: Public[str] = Field("", description="Field (lĩnh vực).")
    elements: Public[tuple[str, ...]] = Field((), description="Papers to be picked up, by name.")


@data_of("post.order_requested")
class PostOrderRequested(EventData):
    """The one-stop shop asks the post to pick papers up, to bring the result, or both.

    The office itself is known from the unit: it may be left out (sender of a return, receiver of a
    pick-up). With `both`, sender and receiver are the citizen's two addresses.
    """

    code: Public[str] = Field(description="Dossier code, as on the wire.")
    unit: Public[str] = Field(description="Organisation id of the unit.")
    service: Public[PostErrand] = Field(description="What is asked.")
    number: Public[int] = Field(
        1, ge=1, description="Which order of this service: 2 for the second, after a failed one."
    )
    sender: Personal[Party | None] = Field(None, description="Who gives it to the post.")
    receiver: Personal[Party | None] = Field(None, description="Who gets it.")
    item_code: Public[str] = Field("", description="Tracking number, if one was drawn before.")
    cod_amount_vnd: Public[int] = Field(0, ge=0, description="To be collected from the receiver.")
    description: Personal[str] = Field("", description="What it is.")
    procedure: Public[PostedProcedure | None] = Field(None, description="The procedure.")
    state_code: Public[str] = Field("", description="State of the dossier, as on the wire.")
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")


@data_of("post.cancel_requested")
class PostCancelRequested(EventData):
    """The one-stop shop no longer wants an order."""

    code: Public[str] = Field(description="Dossier code, as on the wire.")
    unit: Public[str] = Field(description="Organisation id of the unit.")
    service: Public[PostErrand] = Field(description="Which order: its service.")
    number: Public[int] = Field(1, ge=1, description="Which order: its number.")
    reason: Personal[str] = Field("", description="Why.")


@data_of("post.order_accepted", "The post has taken an order.")
@data_of("post.tracked", "A parcel has come further.")
@data_of("post.delivered", "A parcel was delivered.")
@data_of("post.failed", "A parcel could not be delivered.")
@data_of("post.cancelled", "An order was cancelled.")
class ParcelEvent(EventData):
    """What has become of an order and its parcel; the kind tells the outcome.

    `service` tells the direction: a delivered pick-up is at the desk, a delivered return is with
    the citizen.
    """

    code: Public[str] = Field(
        "", description="Dossier code where the wire tells it; the event's subject always is it."
    )
    unit: Public[str] = Field("", description="Organisation id of the unit, if it is known.")
    service: Public[PostErrand] = Field(PostErrand.UNKNOWN, description="Of which service.")
    state: Public[ParcelState] = Field(description="How far it is.")
    state_code: Public[str] = Field("", description="State as on the wire.")
    message: Personal[str] = Field("", description="The post's own words for the state.")
    customer_code: Public[str] = Field("", description="Contract of the office with the post.")
    order_number: Public[str] = Field("", description="Order number (OrderNumber).")
    item_code: Public[str] = Field("", description="Tracking number (mã vận đơn), if known.")
    post_office: Public[str] = Field("", description="Post office (POSID).")
    at: Public[datetime | None] = Field(None, description="When, according to the post.")
    notes: Personal[str] = Field("", description="Notes of the post.")
    tracking_id: Public[str] = Field("", description="Id of the entry in the tracking feed.")
    operation_key: Public[str] = Field("", description="Of the hub's request, if this answers one.")
    existed: Public[bool | None] = Field(None, description="The post had the order already.")
    originals: Personal[dict[str, str]] = Field(
        default_factory=dict, description="Wire texts that have no canonical form, by field."
    )
    unknown: Personal[dict[str, Any]] = Field(default_factory=dict, description="Other fields.")
