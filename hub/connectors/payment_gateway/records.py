"""The hub's own records of what was asked of a gateway and what it answered; pure.

A gateway's answer says neither whose fees were paid nor by whom. So what a delivery or a look
gives back travels as one JSON object: what was agreed (`order`), what is paid for (`document`),
and the answer exactly as it came (`answer`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hub.schemas.payment import OwedData

Text = Annotated[str, StringConstraints(max_length=500)]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,100}$")]
LINK, ANSWER, REFUND = "link", "answer", "refund"


class Document(BaseModel):
    """What was kept under an order's reference when its link was made."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    owed: OwedData = Field(description="The fees and who pays.")
    pay_url: str = Field("", max_length=8000, description="The link.")


class Record(BaseModel):
    """One call and its answer.

    Attributes:
        about: `link` (one was made), `answer` (the gateway was asked), `refund` (it took one).
        order: facts of the order's alias when it was asked.
        document: `None` if it is gone.
        answer: the body of the gateway's answer, `` where nothing was sent.
        given_up: the time to settle is over.
        amount_vnd, refunded_vnd: of a refund: this one, and all of the order with it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    about: Literal["link", "answer", "refund"]
    profile: Literal["vnpay", "payplat"]
    reference: Reference
    subject: Subject
    unit: Text = ""
    operation_key: Text = ""
    order: dict[Annotated[str, StringConstraints(max_length=50)], Text] = Field(
        default_factory=dict
    )
    document: Document | None = None
    answer: str = Field("", max_length=1_000_000)
    given_up: bool = False
    amount_vnd: int | None = Field(None, ge=0, lt=10**18)
    refunded_vnd: int | None = Field(None, ge=0, lt=10**18)
