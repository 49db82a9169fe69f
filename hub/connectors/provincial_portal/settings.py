"""Settings of a provincial portal's connector in hub.yaml."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from hub.connector import ConnectorSettings
from hub.fields import BaseUrl, Count, OwnUnit, Path, Seconds

Header = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
Words = tuple[str, ...]


class Account(BaseModel):
    """One unit at the platform."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    platform_unit: str = Field(
        "", description="MaDinhDanhDV of the unit there; its own id if left out."
    )
    token: SecretStr | None = Field(
        None,
        min_length=1,
        description="Value of the token header when the hub sends; none: see `oauth`.",
    )
    receive_token: SecretStr | None = Field(
        None,
        min_length=1,
        description="What the platform must send in the same header; none: it cannot push.",
    )


class OAuth(BaseModel):
    """Client credentials at the platform's gateway (WSO2 style)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path: Path = Field("/token", description="Token endpoint.")
    consumer_key: str = Field(min_length=1, description="Consumer key.")
    consumer_secret: SecretStr = Field(description="Consumer secret; by reference only.")
    life_seconds: Seconds = Field(3600, description="Life of a token that does not tell its own.")
    renew_before_seconds: float = Field(60, ge=0, description="Renewed this long before its end.")


class Receiving(BaseModel):
    """Where the platform pushes dossiers to the hub."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path: Path = Field("/lgsp", description="Before the name of the operation.")
    body_limit_bytes: Count = Field(30_000_000, description="Largest body of one call.")
    items_limit_count: Count = Field(500, description="Most items in one call.")
    files_limit_count: Count = Field(20, description="Most files inside one dossier.")
    file_limit_bytes: Count = Field(20_000_000, description="Largest file inside a dossier.")


class ProvincialPortalSettings(ConnectorSettings):
    """Where the platform is, in which form it is spoken to, and how its answers are read."""

    base_url: BaseUrl = Field(description="Address of the platform, without the paths below.")
    profile: Literal["adapter", "two_urls", "ministry"] = Field(
        "adapter",
        description="adapter: `{path}/<operation>?MaDinhDanhDV&isUpdating`; two_urls: one address "
        "for new dossiers and one for updates; ministry: Documents and Traces.",
    )
    accounts: dict[OwnUnit, Account] = Field(
        min_length=1, description="Units, by organisation id in the hub."
    )
    header: Header = Field("Authorization", description="Header that carries the token.")
    oauth: OAuth | None = Field(None, description="Where a token is got for units without one.")
    path: Path = Field("/SynsTTHCC", description="adapter: before the name of the operation.")
    add_path: Path = Field("/ThemMoi", description="two_urls: new dossiers.")
    update_path: Path = Field("/CapNhat", description="two_urls: updates.")
    progress_path: Path = Field("/TienDo", description="two_urls: steps.")
    document_path: Path = Field("/Document/SyncDocument", description="ministry: dossiers.")
    traces_path: Path = Field("/Document/UpdateDocumentTraces", description="ministry: steps.")
    form_year: Literal[2020, 2023] = Field(
        2023, description="Year of the interface whose mandatory fields are checked first."
    )
    statuses: Literal["code", "word"] = Field(
        "code",
        description="TrangThaiHoSo, TrangThai as 1..10, or as words of adapters (`processing`).",
    )
    booleans: Literal["digit", "word"] = Field(
        "digit", description="Booleans as `0`/`1`, or as `False`/`True`."
    )
    untold_officer: str = Field(
        "Hệ thống",
        max_length=50,
        description="NguoiXuLy of a step that a system told and no officer; empty: cannot be sent.",
    )
    iso_dates: bool = Field(False, description="ministry: `yyyy-MM-ddTHH:mm:ss`, else 14 digits.")
    sends_other_codes: bool = Field(
        True,
        description="Say the platform's own code of a dossier, and the national one beside it "
        "(MaHoSoQG), where the hub knows them.",
    )
    code_fields: Words = Field(
        ("error_code", "errorCode"), description="Where an answer has its code; the first counts."
    )
    success_codes: Words = Field(("0", "00"), description="Codes of a success.")
    success_words: Words = Field(
        ("thành công",), description="A success's message, if it has one, contains one of these."
    )
    failure_words: Words = Field(
        ("không thành công", "chưa thành công"), description="One with these is no success's."
    )
    duplicate_codes: Words = Field(
        ("0", "3", "-3"), description="Codes that may mean: the dossier exists."
    )
    duplicate_words: Words = Field(("đã tồn tại",), description="What the message then contains.")
    absent_words: Words = Field(
        ("không tồn tại", "không tìm thấy", "chưa tồn tại"),
        description="An update's refusal with one of these is sent as new.",
    )
    final_codes: Words = Field((), description="Codes that are known to be final.")
    token_faults: Words = Field(
        ("900901", "900902", "900903", "900904"),
        description="Gateway faults: the token is not valid; so is any other with HTTP 401.",
    )
    account_faults: Words = Field(
        ("900900", "900908"), description="Gateway faults: this account may not."
    )
    receives: Receiving | None = Field(None, description="None: the platform cannot push.")
    connections_count: Count = Field(32, description="Most connections at once.")
    keepalive_seconds: Seconds = Field(15, description="How long an idle connection is kept.")
    query_timeout_seconds: Seconds = Field(60, description="Longest wait of tokens and probes.")
    reply_bytes: Count = Field(4_000_000, description="Largest answer that is read.")
    known_dossiers_count: Count = Field(
        50_000, description="Dossiers remembered as known to the platform."
    )

    @model_validator(mode="after")
    def _tells_units_apart(self) -> Self:
        listed = [account.platform_unit or unit for unit, account in self.accounts.items()]
        if len(set(listed)) != len(listed):
            raise ValueError("each platform_unit must be different")
        if self.oauth is None and any(account.token is None for account in self.accounts.values()):
            raise ValueError("an account without token needs oauth")
        return self
