"""Settings of a one-stop connector: who may send, at which addresses, and who is told what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from hub.connector import ConnectorSettings
from hub.connectors.one_stop.units import unit_and_above
from hub.fields import BaseUrl, Count, OwnUnit, Path, PeerName, UnitId
from hub.wire.dvcqg.catalogues import TRUSTED_SECONDS


class Account(BaseModel):
    """What one unit's product signs in with."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    username: str = Field(min_length=1, description="User name of the product's login.")
    password: SecretStr = Field(min_length=1, description="Password of the product's login.")
    lgsp_unit: UnitId | None = Field(
        None, description="MaDinhDanhDV of the provincial form; the unit's own id if left out."
    )
    lgsp_token: SecretStr | None = Field(
        None,
        min_length=1,
        description="Value of the token header of the provincial form; none: not offered.",
    )


class Product(BaseModel):
    """What one product is told, and by which counterpart it believes to be told.

    A path that is left out switches that form off: the product is not told, and nothing waits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: BaseUrl = Field(description="Address of the product, without the paths below.")
    authorization: SecretStr | None = Field(
        None, description="Value of the header Authorization of every call; none: no header."
    )
    dossier_path: Path | None = Field(
        None, description="Takes what the portal pushes: dossiers and steps, {error_code} back."
    )
    confirm_path: Path | None = Field(
        None, description="Takes the payment platform's CONFIRM; needs payment_secret."
    )
    link_path: Path | None = Field(None, description="Takes the link at which a citizen pays.")
    receipt_path: Path | None = Field(None, description="Takes the facts of an e-receipt.")
    handover_path: Path | None = Field(
        None, description="Takes dossiers of other agencies, and what came of those handed over."
    )
    payment_partner: str | None = Field(
        None, min_length=1, description="MaDoiTac, under which it calls the payment platform."
    )
    payment_secret: SecretStr | None = Field(
        None,
        min_length=1,
        description="Secret of MaXacThuc, both ways; none: no payment form at all.",
    )
    post_customer: str | None = Field(
        None,
        min_length=1,
        description="CustomerCode, under which it orders at the post; none: no postal form.",
    )
    office: bool = Field(False, description="It speaks to its document office through the hub.")
    received_code: str = Field(
        "",
        max_length=10,
        description="LoaiKetQua under which a document that came from another office about one of "
        "its dossiers is listed; no code is documented: empty, it is not.",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.payment_partner is None) != (self.payment_secret is None):
            raise ValueError("payment_partner and payment_secret belong together")
        if self.confirm_path and self.payment_secret is None:
            raise ValueError("confirm_path needs payment_secret")
        return self


class OneStopSettings(ConnectorSettings):
    """One one-stop product, or several that share an address."""

    accounts: dict[OwnUnit, Account] = Field(
        min_length=1, description="Accounts by organisation id of the unit (madonvi)."
    )
    dstcode: str = Field(
        min_length=1, description="Destination member that products name in the header dstcode."
    )
    session_secret: SecretStr = Field(
        min_length=16, description="Signs sessions; the same for every gateway process."
    )
    session_seconds: float = Field(3600, gt=0, description="How long a session is valid.")
    auth_endpoint: Path = Field("/auth", description="Path of the session login.")
    integration_endpoint: Path = Field("/integration", description="Path of integration calls.")
    share_endpoint: Path = Field("/share", description="Path of share (catalogue) calls.")
    lgsp_endpoint: Path = Field(
        "/SynsTTHCC", description="Path of the provincial form, before the name of the operation."
    )
    lgsp_header: str = Field(
        "Authorization",
        pattern=r"^[A-Za-z0-9-]+$",
        description="Header that carries the token of the provincial form.",
    )
    reads_from: PeerName | None = Field(
        None, description="Connector instance that answers look-ups; none: they are refused."
    )
    catalogue_trusted_seconds: float = Field(
        TRUSTED_SECONDS,
        gt=0,
        description="Age beyond which a catalogue that reads_from has pulled no longer says that "
        "something is unknown.",
    )
    fields_of_year: Literal[2020, 2023] = Field(
        2023, description="Year of the interface whose mandatory fields are asked for."
    )
    body_limit_bytes: int = Field(5_000_000, ge=1, description="Largest body of one call.")
    items_limit_count: int = Field(500, ge=1, description="Most items in one call.")
    own_codes: bool = Field(
        False,
        description="Products give dossiers filed at a portal codes of their own (MaHoSoQG stands "
        "beside them): every item is looked up among the aliases.",
    )
    slips: bool = Field(
        False, description="Also tell which slips (phiếu) a dossier's states mean, as events."
    )
    products: dict[OwnUnit, Product] = Field(
        default_factory=dict,
        description="Whom the hub tells what, by organisation id; H99 stands for H99.01 as well, "
        "and so does 000.00.28.H22 for 000.15.28.H22.",
    )
    public_url: BaseUrl | None = Field(
        None, description="Address at which citizens reach the gateway; payment links begin so."
    )
    payment_endpoint: Path = Field("/payplat", description="Path of INIT, QUERY and GET_BILL.")
    pay_page_endpoint: Path = Field(
        "/thanh-toan", description="Path that leads a citizen to the payment, once it is known."
    )
    token_endpoint: Path = Field("/token", description="Path of the post's token.")
    post_endpoint: Path = Field("/apiVNPostNGSP/p1.0", description="Path of the post's calls.")
    tracking_endpoint: Path = Field(
        "/apiVNPostNGSP/p1.0/tracking", description="Path of the post's tracking feed."
    )
    tracking_time: Literal["seconds", "milliseconds"] = Field(
        "seconds", description="Unit of EventTime in the feed, counted from 1970."
    )
    tracking_codes: dict[str, str] = Field(
        default_factory=lambda: {
            "posted": "50",
            "delivering": "70",
            "delivered": "90",
            "returning": "100",
        },
        description="State of a parcel -> StatusCode, where the post has told no code of its own.",
    )
    post_orders: Literal["return", "pick_up"] = Field(
        "return", description="What an order of the post is for; its form does not say it."
    )
    office_endpoint: Path = Field("/qlvb", description="Path of the document office's calls.")
    office_body_limit_bytes: int = Field(
        50_000_000, ge=1, description="Largest call to the document office, files included."
    )
    files_limit_bytes: int = Field(
        20_000_000, ge=0, description="Most bytes of files that a pushed dossier holds inside."
    )
    page_limit_count: Count = Field(100, description="Most rows or packages in one answer.")
    success_codes: tuple[str, ...] = Field(
        ("0", "00"), description="error_code or MaLoi with which a product takes a push."
    )
    duplicate_codes: tuple[str, ...] = Field(
        ("1",), description="error_code with which a product says that it has it already."
    )
    final_codes: tuple[str, ...] = Field(
        (), description="error_code that this deployment knows to be final: not tried again."
    )
    payment_pending_code: str = Field(
        "01", min_length=1, description="MaLoi of QUERY while the payment is not decided."
    )
    payment_failed_code: str = Field(
        "99",
        min_length=1,
        description="MaLoi of CONFIRM when the payment tells no code of its own.",
    )
    linked_results: dict[str, Literal["done", "refused"]] = Field(
        {"9": "done", "10": "done", "3": "refused", "7": "refused"},
        description="KetQua of an inter-agency dossier -> what it means.",
    )
    connections_count: Count = Field(64, description="Most connections to products at once.")
    reply_bytes: Count = Field(1_000_000, description="Largest answer of a product that is read.")

    def more_kinds(self) -> tuple[str, ...]:
        """Slips, while they are told."""
        return ("slip.issued",) if self.slips else ()

    def product_of(self, unit: str) -> tuple[str, Product] | None:
        """The product of a unit and its name in `products`: its own, or the nearest above it."""
        name = next((each for each in unit_and_above(unit) if each in self.products), None)
        return None if name is None else (name, self.products[name])

    @model_validator(mode="after")
    def _tells_accounts_and_paths_apart(self) -> Self:
        _refuse_twice("username", (account.username for account in self.accounts.values()))
        _refuse_twice("lgsp_unit", (a.lgsp_unit or unit for unit, a in self.accounts.items()))
        _refuse_twice(
            "endpoint",
            (
                self.auth_endpoint,
                self.integration_endpoint,
                self.share_endpoint,
                self.lgsp_endpoint,
                self.payment_endpoint,
                self.pay_page_endpoint,
                self.token_endpoint,
                self.post_endpoint,
                self.tracking_endpoint,
                self.office_endpoint,
            ),
        )
        products = self.products.values()
        _refuse_twice("payment_partner", (p.payment_partner for p in products if p.payment_partner))
        if self.public_url is None and any(p.payment_secret for p in products):
            raise ValueError("payment forms need public_url")
        return self


def _refuse_twice(name: str, values: Iterable[str]) -> None:
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise ValueError(f"each {name} must be different")
