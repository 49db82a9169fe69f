"""Settings of the document axis's connector in hub.yaml."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from hub.connector import ConnectorSettings
from hub.fields import BaseUrl, Count, Seconds

OrganId = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]

DOSSIER_CODE = r"(?<![0-9A-Za-z.-])[0-9A-Z]+(?:\.[0-9A-Z]+){0,6}-\d{6}-\d{4,8}(?![0-9A-Za-z-])"


class SignaturePolicy(StrEnum):
    """What signatures decide."""

    OFF = "off"
    WARN = "warn"
    ENFORCE = "enforce"


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Partner(_Block):
    """What is agreed with one organisation."""

    name: str = Field("", description="Its name, where an event has only the id.")
    old_id: str = Field(
        "",
        pattern=r"^(\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2})?$",
        description="Its id in the form of QCVN 102:2016, read as the new one.",
    )
    other_ids: tuple[OrganId, ...] = Field((), description="Further ids that are read as it.")
    write_old_id: bool = Field(False, description="Its system reads ids of the old form.")
    certificates: tuple[str, ...] = Field((), description="PEM of what it signs with.")
    signer_names: tuple[str, ...] = Field(
        (), description="Its names in certificates of `authorities`, for signed PDFs."
    )
    takes_signature: bool = Field(False, description="Its system takes a real XML signature.")

    @field_validator("certificates")
    @classmethod
    def _are_certificates(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            x509.load_pem_x509_certificate(text.encode())
        return texts


class Signing(_Block):
    """With what our packages are signed."""

    key: SecretStr = Field(description="PEM of the private key (RSA or EC); by reference only.")
    certificate: str = Field(description="PEM of its certificate.")


class DocumentExchangeSettings(ConnectorSettings):
    """Where the axis is, as whom the hub speaks, and what is agreed with partners.

    The axis publishes no list of its error codes; the lists below begin with what a provincial
    axis is known to answer, and a deployment may change them.
    """

    base_url: BaseUrl = Field(description="Address of the axis, without the paths.")
    system_id: str = Field(pattern=r"^[!-~]+$", description="`systemid` of our system.")
    secret: SecretStr = Field(description="Secret of the system; by reference only.")
    units: tuple[OrganId, ...] = Field(min_length=1, description="Our organisation ids.")
    partners: dict[OrganId, Partner] = Field(
        default_factory=dict, description="Agreements by organisation id (new form), ours too."
    )
    dossier_code_pattern: str = Field(
        DOSSIER_CODE, max_length=300, description="How a dossier code looks in a subject."
    )
    signature_policy: SignaturePolicy = Field(
        SignaturePolicy.WARN, description="off: not looked at; warn: told; enforce: refused."
    )
    allow_sha1: bool = Field(False, description="Take signatures with SHA-1.")
    authorities: tuple[str, ...] = Field((), description="PEM of who issues signers' certificates.")
    signing: Signing | None = Field(None, description="With what packages are signed; none: not.")
    pulls_organisations: bool = Field(
        True, description="The axis lists old and new ids of organisations: ask for the list."
    )
    organisations_seconds: Seconds = Field(
        86_400, description="Age at which that list is pulled again."
    )
    poll_seconds: Seconds = Field(30, description="Pause between two looks at the list.")
    page_count: Count = Field(20, description="Packages fetched in one look.")
    hold_back_seconds: Seconds = Field(
        900, description="How long later packages of a sender wait for one that cannot be fetched."
    )
    mark_processing: bool = Field(True, description="Tell the axis that a package is being read.")
    keep_original: bool = Field(True, description="Keep each package as received.")
    ask_without_id: bool = Field(
        True, description="The axis lists what was sent when it is asked without docId."
    )
    final_codes: tuple[str, ...] = Field(
        ("10", "18", "21", "22", "23"), description="ErrorCode of a refusal that stays."
    )
    account_codes: tuple[str, ...] = Field(
        ("15", "19"), description="ErrorCode that refuses us: secret, or sender not registered."
    )
    busy_codes: tuple[str, ...] = Field((), description="ErrorCode that asks to come again.")
    package_bytes: Count = Field(52_428_800, description="Largest package, both ways.")
    around_bytes: Count = Field(2_000_000, description="Most text around the attachments.")
    attachments_count: Count = Field(100, description="Most attachments of a package.")
    unpacked_bytes: Count = Field(104_857_600, description="Largest attachment once unpacked.")
    memory_bytes: Count = Field(
        8_000_000, description="Largest package that is read from memory (`hub decode`)."
    )
    period_form: str = Field(
        "%d/%m/%Y %H:%M:%S",
        pattern=r"^[ -~]*$",
        description="How a list that is too long is asked for in parts (fromDate, toDate); empty: "
        "the axis knows no periods.",
    )
    reply_bytes: Count = Field(8_000_000, description="Largest answer other than a package.")
    connections_count: Count = Field(10, le=10, description="Most connections at once.")
    keepalive_seconds: Seconds = Field(15, description="How long an idle connection is kept.")
    query_timeout_seconds: Seconds = Field(60, description="Longest wait of reads.")
    fetch_timeout_seconds: Seconds = Field(300, description="Longest wait for a package.")

    @field_validator("dossier_code_pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError("must be a regular expression") from error
        return pattern

    @cached_property
    def new_ids(self) -> dict[str, str]:
        """Every other id of a partner -> the one that the hub uses."""
        return {
            other: organ_id
            for organ_id, partner in self.partners.items()
            for other in (partner.old_id, *partner.other_ids)
            if other
        }

    def id_of(self, wire_id: str) -> str:
        """An organisation id as on the wire -> the hub's form, as agreed; see `ids.Ids`."""
        return self.new_ids.get(wire_id, wire_id)

    def partner(self, organ_id: str) -> Partner:
        """What is agreed with an organisation; nothing, if it is not configured."""
        return self.partners.get(organ_id, Partner())

    @field_validator("authorities")
    @classmethod
    def _are_certificates(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            x509.load_pem_x509_certificate(text.encode())
        return texts
