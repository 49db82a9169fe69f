"""Settings of the national portal's connector in hub.yaml."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from hub.connector import ConnectorSettings
from hub.fields import BaseUrl, Count, OwnUnit, Seconds, UrlPath
from hub.wire.dvcqg.catalogues import TRUSTED_SECONDS
from hub.wire.dvcqg.models import WireQuestion


class Account(BaseModel):
    """One unit's account at the portal."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    username: str = Field(min_length=1, description="User name.")
    password: SecretStr = Field(description="Password; by reference only.")


class Receiving(BaseModel):
    """Where and how the portal pushes dossiers to the unit."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path: UrlPath = Field("/dvcqg/ho-so", description="Address that the portal calls.")
    header: str = Field(
        "Authorization", pattern=r"^[A-Za-z0-9-]+$", description="Header that carries the token."
    )
    token: SecretStr = Field(min_length=8, description="What that header must hold.")
    unknown_procedure: Literal["accept", "warn", "refuse"] = Field(
        "warn",
        description="A dossier whose procedure is not in the catalogue: taken, taken and shown by "
        "`hub rejections`, or refused. Without a catalogue everything is taken.",
    )
    body_limit_bytes: Count = Field(30_000_000, description="Largest body of one call.")
    items_limit_count: Count = Field(50, description="Most dossiers in one call.")
    files_limit_count: Count = Field(20, description="Most files inside one dossier.")
    file_limit_bytes: Count = Field(20_000_000, description="Largest file inside a dossier.")


class Polling(BaseModel):
    """What the hub asks the portal for by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    every_seconds: Seconds = Field(300, description="Wait between two rounds of looking.")
    questions: bool = Field(True, description="Fetch citizens' questions for every account.")
    question_fields: dict[str, str] = Field(
        default_factory=dict,
        description="The portal's name of a field of a question -> ours, where they differ.",
    )
    catalogues: tuple[str, ...] = Field(
        ("LayDanhSachTTHC", "LayDanhMucLinhVuc", "LayDanhMucCoQuan"),
        description="Catalogue services that are pulled and kept.",
    )
    catalogue_seconds: Seconds = Field(86_400, description="Age at which one is pulled again.")
    catalogue_trusted_seconds: Seconds = Field(
        TRUSTED_SECONDS,
        description="Age beyond which one no longer says that something is unknown: then nothing "
        "is refused or doubted for it.",
    )

    @field_validator("question_fields")
    @classmethod
    def _are_known(cls, names: dict[str, str]) -> dict[str, str]:
        if unknown := set(names.values()) - set(WireQuestion.model_fields):
            raise ValueError(f"a question has no field {min(unknown)}")
        return names

    @model_validator(mode="after")
    def _are_trusted_between_two_pulls(self) -> Polling:
        if self.catalogue_trusted_seconds <= self.catalogue_seconds:
            raise ValueError("catalogue_trusted_seconds must be longer than catalogue_seconds")
        return self


class NationalPortalSettings(ConnectorSettings):
    """Where the portal is, as whom the hub signs in, and how its answers are read.

    Code and word lists default to what products that talk to the portal are known to use; the
    portal's own list is not published, so a deployment may change them.
    """

    base_url: BaseUrl = Field(
        description="Address of the portal's adapter, without the paths below."
    )
    auth_path: UrlPath = Field(description="Login endpoint.")
    integration_path: UrlPath = Field(description="Endpoint of services about dossiers.")
    share_path: UrlPath = Field(description="Endpoint of catalogue services.")
    dstcode: str = Field(
        pattern=r"^[!-~]+$", description="Destination member, sent with every call."
    )
    accounts: dict[OwnUnit, Account] = Field(
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
    receives: Receiving | None = Field(
        None, description="The unit's own address for the portal; none: nothing can be pushed."
    )
    polls: Polling | None = Field(
        None, description="Catalogues and questions; none: nothing is asked for by itself."
    )
    national_code_pattern: str = Field(
        r"(G22(\.[0-9]{2,3})*|000\.00\.00\.G22)-[0-9]{6}-[0-9]{4,8}",
        description="Codes that the portal itself gave. Such a dossier was filed there: its states "
        "go back as DongBoTrangThaiHoSo. Empty: no code is.",
    )
    states_of_filed_here: bool = Field(
        True, description="Whether they do; else they go as every other dossier's."
    )
    state_type: str = Field("2", description="`type` of DongBoTrangThaiHoSo.")
    state_codes: dict[str, str] = Field(
        default_factory=dict,
        description="TrangThai -> what DongBoTrangThaiHoSo says instead (a product writes 11 for "
        "3).",
    )
    refuses_unknown_procedures: bool = Field(
        False, description="Do not send a dossier whose procedure is not in the pulled catalogue."
    )
    result_store_service: str = Field(
        "KhoSoHoaDVCQG", description="Service that finds digitised results of a person."
    )
    result_file_service: str = Field(
        "KhoSoHoaDVCQGTep", description="Service that gives one file of them."
    )
    file_hosts: tuple[str, ...] = Field(
        (), description="Further hosts that files of pushed dossiers may be fetched from."
    )
    file_bytes: Count = Field(50_000_000, description="Largest file that is fetched.")
    success_codes: tuple[str, ...] = Field(("0", "00"), description="error_code of a success.")
    success_words: tuple[str, ...] = Field(
        ("thành công",), description="A success's message, if it has one, contains one of these."
    )
    failure_words: tuple[str, ...] = Field(
        ("không thành công", "chưa thành công"), description="One with these is no success's."
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

    @property
    def catalogue_trusted_seconds(self) -> float:
        """How long a catalogue counts; without `polls`, of one that was pulled before."""
        return self.polls.catalogue_trusted_seconds if self.polls else TRUSTED_SECONDS

    @field_validator("national_code_pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError("must be a regular expression") from error
        return pattern
