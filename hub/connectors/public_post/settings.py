"""Settings of the public post's connector in hub.yaml."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic import model_validator as validator

from hub.connector import ConnectorSettings
from hub.fields import BaseUrl, Count, OwnUnit, Seconds, UrlPath
from hub.schemas.post import ParcelState, PostErrand

Suffix = Annotated[str, StringConstraints(pattern=r"^([-_./][A-Z]{1,8})?$")]


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class OAuthAccount(_Block):
    """Signing in with client credentials; the token is renewed before it ends."""

    token_path: UrlPath = Field("/token", description="Where tokens are given.")
    key: str = Field(min_length=1, description="Consumer key.")
    secret: SecretStr = Field(description="Consumer secret; by reference only.")
    renew_before_seconds: Seconds = Field(
        60, description="A token is renewed when it has no more than this left."
    )
    pause_seconds: Seconds = Field(
        30, description="After a refused login, the account is left alone this long."
    )


class Office(_Block):
    """A one-stop desk as the post knows it: its contract, and where parcels come and go."""

    customer_code: str = Field(
        pattern=r"^[!-.0-~]{1,50}$", description="Contract of the office with the post."
    )
    name: str = Field(min_length=1, description="Name of the desk.")
    phone: str = Field(min_length=1, description="Telephone.")
    email: str = Field("", description="E-mail.")
    address: str = Field(min_length=1, description="Address.")
    province_code: str = Field(
        pattern=r"^[1-9][0-9]{0,8}$", description="Province, code of the post."
    )
    province_name: str = Field("", description="Province, name.")
    district_code: str = Field(
        "0", pattern=r"^[0-9]{1,9}$", description="District, code of the post; 0: none."
    )
    district_name: str = Field("", description="District, name.")
    note: str = Field("", description="Note for the postman.")


class Suffixes(_Block):
    """What follows the dossier code in an order number, so that each order has its own.

    `OrderNumber` is unique per customer code. A second order of one service has `.2` behind.
    """

    pick_up: Suffix = Field("-TG", description="Thu gom: papers picked up.")
    return_: Suffix = Field("", alias="return", description="Trả kết quả: the result brought.")
    both: Suffix = Field("-HC", description="Both, registered together.")

    @validator(mode="after")
    def _differ(self) -> Self:
        if len({self.pick_up, self.return_, self.both}) < 3:
            raise ValueError("each service needs a suffix of its own")
        return self

    def of(self, service: PostErrand) -> str | None:
        """The suffix of a service; none: it cannot be ordered."""
        return {
            PostErrand.PICK_UP: self.pick_up,
            PostErrand.RETURN: self.return_,
            PostErrand.BOTH: self.both,
        }.get(service)


class FeedStatus(_Block):
    """What a StatusCode of the tracking feed means."""

    state: ParcelState = Field(description="How far the parcel is.")
    service: PostErrand | None = Field(
        None, description="The code belongs to this leg; none: the order's service."
    )


def _seen_codes() -> dict[str, FeedStatus]:
    """Codes of an older interface; the feed's own list is not published."""
    return {
        "50": FeedStatus(state=ParcelState.POSTED),
        "70": FeedStatus(state=ParcelState.DELIVERING),
        "80": FeedStatus(state=ParcelState.DELIVERING),
        "90": FeedStatus(state=ParcelState.DELIVERED),
        "100": FeedStatus(state=ParcelState.RETURNING),
    }


class Feed(_Block):
    """How the tracking feed is read."""

    path: UrlPath = Field("/apiVNPostNGSP/p1.0/order/tracking", description="Where it is.")
    every_seconds: Seconds = Field(60, description="Wait between two looks.")
    page_count: Annotated[int, Field(ge=1, le=1000)] = Field(100, description="Entries of a page.")
    first_id: str = Field("", description="lastId of the first look ever; empty: from the start.")
    overlap_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        0, description="Look so far back behind the cursor for entries that appear late; 0: never."
    )
    timeout_seconds: Seconds = Field(30, description="Longest wait for a page.")
    statuses: dict[str, FeedStatus] = Field(
        default_factory=_seen_codes, description="What each StatusCode means."
    )


class PublicPostSettings(ConnectorSettings):
    """Where the post's door is, for which desks the hub orders, and how answers are read.

    Codes that no public document lists are settings: a deployment knows its post office's.
    """

    base_url: BaseUrl = Field(description="Address of the door, without the paths below.")
    oauth: OAuthAccount | None = Field(None, description="Sign in with client credentials.")
    static_token: SecretStr | None = Field(None, description="Or: one token for every call.")
    static_header: str = Field(
        "access_token", pattern=r"^[A-Za-z0-9_-]+$", description="Header of the static token."
    )
    offices: dict[OwnUnit, Office] = Field(
        min_length=1, description="The desks, by organisation id of the unit."
    )
    order_path: UrlPath = Field("/apiVNPostNGSP/p1.0/order/post", description="Orders.")
    cancel_path: UrlPath = Field("/apiVNPostNGSP/p1.0/order/cancel", description="Cancelling.")
    document_path: UrlPath = Field(
        "/apiVNPostNGSP/p1.0/order/postDocument", description="Registrations of papers."
    )
    pick_up_as: Literal["order", "document"] = Field(
        "order", description="How a pick-up is asked for; both together always as document."
    )
    return_as: Literal["order", "document"] = Field("order", description="How a return is.")
    suffixes: Suffixes = Field(
        default_factory=lambda: Suffixes.model_validate({}), description="Of order numbers."
    )
    flag_config: str = Field("2", pattern=r"^[0-9]{1,4}$", description="FlagConfig of every order.")
    accepted_codes: tuple[str, ...] = Field(("100",), description="Status: taken.")
    exists_codes: tuple[str, ...] = Field(("101",), description="Status: there already.")
    cancelled_codes: tuple[str, ...] = Field(
        ("100",), description="Status of a cancel that leaves the order cancelled."
    )
    unknown_codes: tuple[str, ...] = Field(
        ("500",), description="Status that says nothing: a fault on the way to the post."
    )
    busy_codes: tuple[str, ...] = Field((), description="Status: not taken, try again.")
    final_codes: tuple[str, ...] = Field(
        (), description="Status that this deployment knows to be final: not tried again."
    )
    documents_noticed: bool = Field(
        False,
        description="This door answers 101 to a registration sent twice, as it does to an order.",
    )
    connections_count: Count = Field(16, description="Most connections at once.")
    keepalive_seconds: Seconds = Field(15, description="How long an idle connection is kept.")
    reply_bytes: Count = Field(8_000_000, description="Largest answer that is read.")
    feed: Feed = Field(default_factory=lambda: Feed.model_validate({}), description="Tracking.")

    @validator(mode="after")
    def _signs_in_one_way(self) -> Self:
        if (self.oauth is None) == (self.static_token is None):
            raise ValueError("either oauth or static_token")
        return self

    def unit_of(self, customer_code: str, order_number: str) -> str:
        """The unit of an order: whose contract it is; of several, whose id the number begins with.

        Empty where that does not tell.
        """
        units = [u for u, office in self.offices.items() if office.customer_code == customer_code]
        named = order_number.partition("-")[0]
        return units[0] if len(units) == 1 else named if named in units else ""
