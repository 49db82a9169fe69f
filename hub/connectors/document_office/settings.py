"""Settings of the link to a document office in hub.yaml."""

from __future__ import annotations

from pydantic import Field, SecretStr

from hub.connector import ConnectorSettings
from hub.fields import BaseUrl, Count, Seconds, UrlPath


class DocumentOfficeSettings(ConnectorSettings):
    """Where the office's system is, as whom the hub calls, and how its answers are read.

    The interface publishes no list of codes, so each list of codes is the deployment's.
    """

    base_url: BaseUrl = Field(description="Address of the office's interface, without the paths.")
    username: str = Field("", description="User name of the Basic scheme.")
    password: SecretStr = Field(description="Password, or the whole credential of another scheme.")
    auth_scheme: str = Field(
        "Basic", pattern=r"^[A-Za-z][A-Za-z0-9-]*$", description="Scheme of Authorization."
    )
    parent_unit: str = Field(
        pattern=r"^[!-~]{1,64}$", description="maDonViCha: packages of units below it are fetched."
    )
    submit_path: UrlPath = Field("/GuiHoSo", description="Takes a draft.")
    list_path: UrlPath = Field("/LayDanhSachGoiTinVanBan", description="Lists result packages.")
    fetch_path: UrlPath = Field("/LayGoiTinVanBan", description="Gives one package.")
    acknowledge_path: UrlPath = Field("/CapNhatTrangThaiVanBan", description="Takes its state.")
    success_codes: tuple[str, ...] = Field(
        ("", "0", "00"), description="error.code of a success, besides an absent error."
    )
    duplicate_codes: tuple[str, ...] = Field(
        (),
        description="error.code of: this dossier's draft is there already. Empty: the office does "
        "not notice a repetition, and a lost answer waits for a person.",
    )
    account_codes: tuple[str, ...] = Field((), description="error.code that refuses the hub.")
    later_codes: tuple[str, ...] = Field((), description="error.code of: try again later.")
    final_codes: tuple[str, ...] = Field((), description="error.code of refusals that are final.")
    poll_seconds: Seconds = Field(60, description="Wait between two looks for results.")
    list_count: Count = Field(100, description="top: most package codes of one list.")
    fetch_count: Count = Field(10, description="Most packages that are fetched in one look.")
    poll_timeout_seconds: Seconds = Field(60, description="Longest wait of one call of a look.")
    connections_count: Count = Field(16, description="Most connections at once.")
    reply_bytes: Count = Field(1_000_000, description="Largest answer, packages aside.")
    package_bytes: Count = Field(100_000_000, description="Largest package that is read.")
    file_bytes: Count = Field(30_000_000, description="Largest file in a package or a draft.")
    call_bytes: Count = Field(60_000_000, description="Most bytes of files sent with one draft.")
    files_count: Count = Field(100, description="Most files of one package.")
