"""Settings of a payment gateway: which profile an instance speaks, as whom, and where.

Everything that no public document of a gateway says (reply codes, the words of a twin protocol,
the form of the settlement file) is here, with what products are known to use as default.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from hub.connector import ConnectorSettings
from hub.fields import Count, Path, Seconds

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
OrganisationId = Annotated[
    str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._-]{0,63})$")
]

INIT_FIELDS = (
    *("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan"),
    *("MaKenhThanhToan", "MaThietBi", "NgonNgu", "MaTienTe", "MaNganHang", "ThongTinGiaoDich"),
    *("ThoiGianGD", "Ip"),
)
CONFIRM_FIELDS = (
    *("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich"),
    *("MaNganHang", "ThoiGianGD", "ThongTinGiaoDich"),
)
QUERY_FIELDS = ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
ANSWER_FIELDS = ("MaLoi", "MoTaLoi", "MaDoiTac", "MaThamChieu", "ThoiGianGD")


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class VnpayTerminal(_Block):
    """The merchant's terminal at VNPAY (version 2.1.0)."""

    pay_url: Url = Field(description="Address of the payment page (…/paymentv2/vpcpay.html).")
    api_url: Url = Field(description="Address of QueryDR and refund (…/api/transaction).")
    return_url: Url = Field(description="Public address of return_endpoint, for the browser.")
    tmn_code: str = Field(pattern=r"^[A-Za-z0-9]{8}$", description="Code of the terminal.")
    hash_secret: SecretStr = Field(min_length=1, description="Shared secret; by reference only.")
    order_type: Word = Field("other", description="vnp_OrderType.")
    bank_code: str = Field(
        "", pattern=r"^[A-Z0-9]*$", description="vnp_BankCode; empty: the payer chooses."
    )
    locale: Literal["vn", "en"] = Field("vn", description="Language of the payment page.")


class Vocabulary(_Block):
    """The words of the protocol, by PayPlat's names; VNPT Pay is the same with other words."""

    names: dict[Word, Word] = Field(
        default_factory=dict, description="Wire names that differ, by PayPlat's name."
    )
    confirm_names: dict[Word, Word] = Field(
        default_factory=dict, description="The same, only in CONFIRM and in the reply to QUERY."
    )
    init_word: Word = Field("INIT", description="What asks for a link.")
    confirm_word: Word = Field("CONFIRM", description="What the platform calls back with.")
    query_word: Word = Field("QUERY", description="What asks for a payment.")
    bill_word: Word = Field("GET_BILL", description="What asks for the platform's receipt.")
    init_fields: tuple[Word, ...] = Field(
        INIT_FIELDS, description="What INIT says and hashes, in this order, by PayPlat's names."
    )
    confirm_fields: tuple[Word, ...] = Field(
        CONFIRM_FIELDS, description="What CONFIRM hashes, in this order."
    )
    query_fields: tuple[Word, ...] = Field(
        QUERY_FIELDS, description="What QUERY and GET_BILL say and hash, in this order."
    )
    query_reply_fields: tuple[Word, ...] = Field(
        CONFIRM_FIELDS, description="What the reply to QUERY hashes, in this order."
    )
    answer_fields: tuple[Word, ...] = Field(
        ANSWER_FIELDS, description="What our answer to CONFIRM says and hashes, in this order."
    )
    receipt_details: bool = Field(True, description="INIT carries ThongTinBienLai.")
    wrapped_reply: bool = Field(
        True, description="The reply to INIT is error_code, and message with JSON as text."
    )


class AnswerCodes(_Block):
    """MaLoi of our answer to CONFIRM; only the success is published."""

    taken: Word = Field("00", description="Recorded, whatever the result was.")
    unknown_order: Word = Field("01", description="No such order.")
    known: Word = Field("02", description="Recorded before.")
    wrong_amount: Word = Field("04", description="Amount or currency is not the order's.")
    wrong_hash: Word = Field("97", description="The hash is wrong.")
    failed: Word = Field("99", description="Anything else; the platform calls again.")


class Beneficiary(_Block):
    """The account that a unit's fees go to (tài khoản thụ hưởng)."""

    account: str = Field(min_length=1, description="TKThuHuong.")
    bank_code: str = Field(min_length=1, description="MaNHThuHuong.")
    account_name: str = Field(min_length=1, description="TenTKThuHuong.")
    unit_name: str = Field("", description="TenDonVi.")


class PayplatPartner(_Block):
    """The partner at the national payment platform, or at a twin of it."""

    init_url: Url = Field(description="Address of INIT.")
    query_url: Url = Field(description="Address of QUERY.")
    bill_url: Url | None = Field(None, description="Address of GET_BILL; none: not offered.")
    partner_code: Word = Field(description="MaDoiTac.")
    hash_secret: SecretStr = Field(min_length=1, description="Shared secret; by reference only.")
    bearer_token: SecretStr | None = Field(None, description="Authorization, if one is asked for.")
    version: Word = Field("1.0.6", description="PhienBan.")
    beneficiaries: dict[OrganisationId, Beneficiary] = Field(
        default_factory=dict, description="Accounts by organisation id; `*` for all others."
    )
    constants: dict[Word, str] = Field(
        default_factory=lambda: {
            "LoaiHinhThanhToan": "PAY",
            "MaKenhThanhToan": "1",
            "MaThietBi": "1",
            "NgonNgu": "vi-VN",
            "MaNganHang": "PAYMENT",
        },
        description="Values of INIT that are always the same, by PayPlat's names.",
    )
    service_code: str = Field("2", description="MaDichVu: 2 is a dossier's fees.")
    service_suffix: str = Field(".01", description="MaDVC is MaTTHC and this.")
    reference_prefix: str = Field("dvc", pattern=r"^[A-Za-z0-9]{0,10}$", description="Of ours.")
    success_codes: tuple[str, ...] = Field(
        ("0", "00"), description="error_code or MaLoi of a success."
    )
    duplicate_codes: tuple[str, ...] = Field(
        (), description="Code of INIT that means: the reference is used; another is taken then."
    )
    final_codes: tuple[str, ...] = Field(
        (), description="Code of INIT that this deployment knows to be final."
    )
    unknown_codes: tuple[str, ...] = Field(
        (), description="MaLoi of QUERY that means: no such order."
    )
    paid_statuses: tuple[str, ...] = Field(("1",), description="TrangThaiGD of a success.")
    failed_statuses: tuple[str, ...] = Field(("4",), description="TrangThaiGD of a failure.")
    answers: AnswerCodes = Field(
        default_factory=AnswerCodes, description="Codes of our answer to CONFIRM."
    )
    vocabulary: Vocabulary = Field(
        default_factory=Vocabulary, description="Words of the protocol; VNPT Pay has others."
    )


class Columns(_Block):
    """Names of the settlement file's columns."""

    reference: str = Field("reference", min_length=1, description="Our reference of the order.")
    transaction: str = Field("transaction", min_length=1, description="Transaction number.")
    amount: str = Field("amount", min_length=1, description="Amount.")
    status: str = Field("", description="State of the transaction; empty: there is none.")


class Settlement(_Block):
    """The gateway's daily file of payments; no gateway publishes its form."""

    file_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s#@]*\{day\}[^\s#@]*$")] = (
        Field(description="Where the file is; {day} becomes the day as day_form says.")
    )
    day_form: Literal["%Y%m%d", "%Y-%m-%d", "%d%m%Y"] = Field(
        "%Y%m%d", description="How the address says the day."
    )
    bearer_token: SecretStr | None = Field(None, description="Authorization, if one is asked for.")
    due_seconds: Seconds = Field(
        7 * 3600, description="How long after the day's end the file is looked for first."
    )
    patience_seconds: Seconds = Field(
        3 * 86400, description="A file that is not there so long after the day's end is missing."
    )
    columns: Columns = Field(default_factory=Columns, description="Names of its columns.")
    paid_values: tuple[str, ...] = Field(
        (), description="What the status column says of a payment; other rows do not count."
    )
    delimiter: Literal[",", ";", "|", "\t"] = Field(",", description="Between its columns.")
    encoding: Literal["utf-8", "utf-16", "cp1258"] = Field("utf-8", description="Its encoding.")
    per_vnd_count: Count = Field(1, description="Units of the amount column in one VND.")
    limit_bytes: Count = Field(20_000_000, description="Largest file.")
    rows_limit_count: Count = Field(100_000, description="Most rows.")
    differences_limit_count: Count = Field(500, description="Most differences that are told.")


class PaymentGatewaySettings(ConnectorSettings):
    """One gateway account; the profile says which protocol it speaks."""

    profile: Literal["vnpay", "payplat"] = Field(description="Protocol of this instance.")
    vnpay: VnpayTerminal | None = Field(None, description="The terminal, for profile vnpay.")
    payplat: PayplatPartner | None = Field(None, description="The partner, for profile payplat.")
    currency: str = Field("VND", pattern=r"^[A-Z]{3}$", description="Currency of all orders.")
    caller_ip: str = Field(
        pattern=r"^[0-9a-fA-F.:]{2,45}$", description="Address of the hub, as gateways want it."
    )
    link_seconds: Seconds = Field(900, description="How long a link can be used.")
    paid_covers_seconds: Seconds = Field(
        30 * 86400,
        description="So long after a payment the same amount of the same dossier is not due again.",
    )
    callback_endpoint: Path = Field(
        "/payments/callback", description="Path that the gateway calls."
    )
    return_endpoint: Path = Field("/payments/return", description="Path of the page after paying.")
    return_page_url: Url | None = Field(
        None, description="Where the browser is sent from there; none: a plain page is shown."
    )
    callback_sources: tuple[str, ...] = Field(
        (), description="Networks that may call back (CIDR); none listed: all."
    )
    callback_limit_bytes: Count = Field(20_000, description="Largest callback.")
    poll_seconds: Seconds = Field(60, description="How often open payments are looked at.")
    ask_after_seconds: Seconds = Field(
        600, description="An open payment is asked about when it has been quiet for so long."
    )
    give_up_seconds: Seconds = Field(
        86400, description="A payment that is not settled so long after expiry has failed."
    )
    asked_limit_count: Count = Field(50, description="Most payments asked about in one look.")
    settlement: Settlement | None = Field(None, description="The daily file; none: not compared.")
    timeout_seconds: Seconds = Field(30, description="Longest wait of questions and probes.")
    reply_bytes: Count = Field(1_000_000, description="Largest reply that is read.")
    bill_limit_bytes: Count = Field(10_000_000, description="Largest receipt (GET_BILL).")
    connections_count: Count = Field(16, description="Most connections at once.")

    @field_validator("callback_sources")
    @classmethod
    def _are_networks(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        for source in sources:
            try:
                ipaddress.ip_network(source)
            except ValueError:
                raise ValueError("each must be a network, as 10.0.0.0/8 or one address") from None
        return sources

    @model_validator(mode="after")
    def _has_its_profile(self) -> Self:
        if getattr(self, self.profile) is None:
            raise ValueError("the block of the profile is missing")
        if self.callback_endpoint == self.return_endpoint:
            raise ValueError("callback_endpoint and return_endpoint must differ")
        return self
