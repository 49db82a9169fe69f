"""Settings of the e-receipt connector in hub.yaml."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from hub.connector import ConnectorSettings
from hub.fields import BaseUrl, Count, OwnUnit, Seconds, UrlPath

KeyText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,20}$")]


class Meaning(StrEnum):
    """What an `ERR:n` says."""

    EXISTS = "exists"  # a receipt of this key is there
    NOT_FOUND = "not_found"  # there is none
    NOT_PAID = "not_paid"  # there is one, not marked as paid
    DONE_BEFORE = "done_before"  # adjusted, replaced or cancelled already
    STATE = "state"  # the receipt's state does not allow it
    ACCOUNT = "account"  # wrong account, or it may not
    TEMPLATE = "template"  # pattern and serial do not fit
    USED_UP = "used_up"  # no numbers left
    REFUSED = "refused"  # the request is wrong, for good
    UNCLEAR = "unclear"  # not done, for a reason that is not told


_REFUSED = {"3": Meaning.REFUSED, "10": Meaning.REFUSED}
_OURS = {"1": Meaning.ACCOUNT, "7": Meaning.ACCOUNT, "20": Meaning.TEMPLATE}


def _issue_codes() -> dict[str, Meaning]:
    rest = {"5": Meaning.UNCLEAR, "6": Meaning.USED_UP, "13": Meaning.EXISTS}
    change = {"2": Meaning.NOT_FOUND, "8": Meaning.DONE_BEFORE, "9": Meaning.STATE}
    return {**_OURS, **_REFUSED, **rest, **change}


def _cancel_codes() -> dict[str, Meaning]:
    rest = {"2": Meaning.NOT_FOUND, "8": Meaning.DONE_BEFORE, "9": Meaning.STATE}
    return {**_OURS, **_REFUSED, "5": Meaning.UNCLEAR, "6": Meaning.NOT_FOUND, **rest}


def _look_up_codes() -> dict[str, Meaning]:
    return {**_OURS, "2": Meaning.NOT_FOUND, "6": Meaning.NOT_FOUND, "11": Meaning.NOT_PAID}


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Collector(_Block):
    """A collecting unit at the receipt system: its two accounts, and its series of numbers."""

    account: str = Field(min_length=1, description="Account of the issuing officer.")
    account_password: SecretStr = Field(description="Its password (ACpass); by reference only.")
    username: str = Field(min_length=1, description="Account of the interface.")
    password: SecretStr = Field(description="Its password; by reference only.")
    pattern: str = Field(min_length=1, max_length=20, description="Template (`01BLP0-001`).")
    serial: str = Field(
        min_length=1,
        max_length=20,
        description="Serial (`AA-{yy}E`); {yy}: the year of the receipt's date.",
    )
    tax_code: str = Field("", description="Tax code of the collecting unit (ComTaxCode).")


class LookUp(_Block):
    """How a receipt is looked up by its key, and how the answer's fields are called."""

    operation: str = Field("listInvByCusFkey", description="Operation of the portal service.")
    key_name: str = Field("key", description="Parameter that takes the key.")
    more: dict[str, str] = Field(
        default_factory=lambda: {"fromDate": "", "toDate": ""},
        description="Further parameters with fixed values.",
    )
    item: str = Field("Item", description="Element of one receipt.")
    fkey: str = Field(
        "fkey", description="Its key; if the answer has none, a single one is taken for it."
    )
    pattern: str = Field("pattern", description="Template.")
    serial: str = Field("serial", description="Serial.")
    number: str = Field("invNum", description="Number.")
    amount: str = Field("amount", description="Amount.")
    status: str = Field("status", description="State.")
    cancelled_statuses: tuple[str, ...] = Field(("5",), description="States of a void receipt.")
    replaced_statuses: tuple[str, ...] = Field(("3",), description="States of a replaced one.")
    codes: dict[str, Meaning] = Field(
        default_factory=_look_up_codes, description="What ERR:n means here."
    )


class EReceiptSettings(ConnectorSettings):
    """Where the receipt system is, who collects, and how its answers are read.

    The lists of codes are known from products only, not from a published document.
    """

    base_url: BaseUrl = Field(description="Address of the services, without the paths below.")
    publish_path: UrlPath = Field("/PublishService.asmx", description="Service that issues.")
    business_path: UrlPath = Field("/BusinessService.asmx", description="Service that changes.")
    portal_path: UrlPath = Field("/PortalService.asmx", description="Service that shows.")
    namespace: str = Field("http://tempuri.org/", description="Namespace of the operations.")
    collectors: dict[OwnUnit, Collector] = Field(
        min_length=1, description="Collecting units, by organisation id."
    )
    fkey_prefix: KeyText = Field("", description="Before the payment's id in a receipt's key.")
    receipt_date: Literal["paid", "confirmed"] = Field(
        "paid", description="ArisingDate: the day of the payment, or of its confirmation."
    )
    payment_method: str = Field("TTO", description="PaymentMethod: TM cash, CK transfer, TTO.")
    payment_methods: dict[str, str] = Field(
        default_factory=lambda: {"": "TM"}, description="Another one, by profile of the payment."
    )
    fee_types: dict[str, str] = Field(
        default_factory=lambda: {"1": "0", "2": "1"},
        description="Extra2 of a line (0 phí, 1 lệ phí) by the fee's type on the dossier.",
    )
    fee_type: str = Field("0", description="Extra2 of a fee whose type is not listed.")
    replace_operation: str = Field(
        "ReplaceInvoie", description="Operation that replaces (spelt as the service spells it)."
    )
    mark_operation: str = Field(
        "confirmPaymentFkey",
        description="Operation that puts the payment mark on again after a refused cancel; empty: "
        "it stays off, and the refusal says so.",
    )
    parameter_names: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description=(
            "Other names of parameters, by operation, where the service's description (WSDL) has "
            "them: `{cancelInv: {userName: user, userPass: pass}}`."
        ),
    )
    issue_codes: dict[str, Meaning] = Field(
        default_factory=_issue_codes, description="What ERR:n means when issuing or replacing."
    )
    cancel_codes: dict[str, Meaning] = Field(
        default_factory=_cancel_codes, description="What ERR:n means when cancelling."
    )
    look_up: LookUp = Field(
        default_factory=lambda: LookUp.model_validate({}), description="Looking a receipt up."
    )
    links: bool = Field(False, description="Ask for the link under which the payer sees it.")
    connections_count: Count = Field(16, description="Most connections at once.")
    keepalive_seconds: Seconds = Field(15, description="How long an idle connection is kept.")
    query_timeout_seconds: Seconds = Field(30, description="Longest wait of reads and probes.")
    reply_bytes: Count = Field(2_000_000, description="Largest answer that is read.")
