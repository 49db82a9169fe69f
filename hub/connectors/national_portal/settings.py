"""Settings of the national portal's connector in hub.yaml."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from hub.connector import ConnectorSettings

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Path = Annotated[str, Field(pattern=r"^/[!-~]*$")]


class Account(BaseModel):
    """One unit's account at the portal."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    username: str = Field(min_length=1, description="User name.")
    password: SecretStr = Field(description="Password; by reference only.")


class NationalPortalSettings(ConnectorSettings):
    """Where the portal is, as whom the hub signs in, and how its answers are read.

    Code and word lists default to what products that talk to the portal are known to use; the
    portal's own list is not published, so a deployment may change them.
    """

    base_url: str = Field(description="Address of the portal's adapter, without the paths below.")
    auth_path: Path = Field(description="Login endpoint.")
    integration_path: Path = Field(description="Endpoint of services about dossiers.")
    share_path: Path = Field(description="Endpoint of catalogue services.")
    dstcode: str = Field(
        pattern=r"^[!-~]+$", description="Destination member, sent with every call."
    )
    accounts: dict[str, Account] = Field(
        min_length=1, description="The portal's account of each unit, by organisation id."
    )
    form_year: Literal[2020, 2023] = Field(
        2023, description="Year of the interface whose mandatory fields are checked first."
    )
    unknown_step_status_code: str = Field(
        "4",
        pattern=r"^([1-9]|10)?$",
        description="TrangThai of a step whose status is not one of 1..10; empty: cannot be sent.",
    )
    share_services: tuple[str, ...] = Field(
        ("LayThuTuc", "LayDanhSachTTHC", "LayDanhMucCoQuan", "LayDanhMucLinhVuc"),
        description="Services that answer at share_path; all others at integration_path.",
    )
    success_codes: tuple[str, ...] = Field(("0", "00"), description="error_code of a success.")
    success_words: tuple[str, ...] = Field(
        ("thành công",), description="A success's message, if it has one, contains one of these."
    )
    duplicate_codes: tuple[str, ...] = Field(
        ("0", "3", "-3"), description="error_code that may mean: the dossier exists."
    )
    duplicate_words: tuple[str, ...] = Field(
        ("đã tồn tại",), description="What the message then contains."
    )
    session_codes: tuple[str, ...] = Field(
        (), description="error_code that means: the session is not valid."
    )
    session_words: tuple[str, ...] = Field(
        ("session", "phiên làm việc", "phiên đăng nhập"),
        description="A refusal whose message contains one of these is about the session.",
    )
    final_codes: tuple[str, ...] = Field(
        (), description="error_code that this deployment knows to be final: not tried again."
    )
    connections_count: Count = Field(64, description="Most connections at once.")
    keepalive_seconds: Seconds = Field(15, description="How long an idle connection is kept.")
    query_timeout_seconds: Seconds = Field(60, description="Longest wait of reads and probes.")
    reply_bytes: Count = Field(32_000_000, description="Largest answer that is read.")
    login_pause_seconds: Seconds = Field(
        30, description="After a refused login, the account is left alone this long."
    )
    known_dossiers_count: Count = Field(
        50_000, description="Dossiers remembered as known to the portal, so that it is not asked."
    )

    @field_validator("base_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("must be an http or https address")
        if parts.username or parts.query or parts.fragment:
            raise ValueError("must have no user, query or fragment")
        return url.rstrip("/")
