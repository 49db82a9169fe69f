"""Settings of a petitions connector: who may push, where answers go, and how fields are called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    model_validator,
)

from hub.connector import ConnectorSettings
from hub.connectors.petitions import wire
from hub.fields import BaseUrl, Count, Path, PeerName
from hub.worktime import VIETNAM_CALENDAR, Calendar

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
WirePath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$")]


class Account(BaseModel):
    """One system that pushes: a source of petitions, or an agency that handles them."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(min_length=1, description="What it sends in the token header.")
    role: Literal["source", "agency"] = Field(
        description="source: sends petitions and votes; agency: says what became of petitions."
    )


class PetitionSettings(ConnectorSettings):
    """One system of petitions, or several that share an address and a form."""

    accounts: dict[Name, Account] = Field(
        min_length=1, description="Who may push, by organisation id or name of the system."
    )
    base_url: BaseUrl = Field(
        description="Address that answers and forwarded petitions are sent to."
    )
    token: SecretStr = Field(description="What the hub sends in the token header.")
    deliver_path: Path = Field("/pakn", description="Path behind base_url.")
    push_endpoint: Path = Field("/pakn", description="Path of the gateway that takes pushes.")
    token_header: str = Field(
        "Authorization", pattern=r"^[A-Za-z0-9-]+$", description="Header of the token, both ways."
    )
    token_prefix: str = Field("Bearer ", description="What stands before the token.")
    key_header: str = Field(
        "Idempotency-Key", pattern=r"^[A-Za-z0-9-]+$", description="Header of the operation key."
    )
    origins: dict[str, PeerName] = Field(
        default_factory=dict,
        description="Instance that leads back to a source, by its wire name; else this instance.",
    )
    field_names: dict[str, WirePath] = Field(
        default_factory=dict,
        description="How the system calls the fields of our contract (`submitter.name: HoTen`).",
    )
    attachment_names: dict[str, Name] = Field(
        default_factory=dict, description="The same for the fields of one attachment."
    )
    type_names: dict[str, Name] = Field(
        default_factory=dict, description="The same for the values of `type`."
    )
    default_type: str = Field("", description="Type of a body that names none; empty: refused.")
    default_source: str = Field("", description="Source of a body that names none.")
    reply_code_field: Name = Field("code", description="Field of the code in answers.")
    reply_message_field: Name = Field("message", description="Field of the text in answers.")
    success_codes: tuple[str, ...] = Field(("00", "0"), description="Codes of a success.")
    duplicate_codes: tuple[str, ...] = Field(("01",), description="Codes of: taken earlier.")
    final_codes: tuple[str, ...] = Field(
        ("20", "21", "22", "23", "30"), description="Codes of refusals that are final."
    )
    account_codes: tuple[str, ...] = Field(("10", "11"), description="Codes that refuse the hub.")
    later_codes: tuple[str, ...] = Field(("50",), description="Codes of: try again later.")
    redirected_categories: dict[str, str] = Field(
        default_factory=lambda: dict(wire.CATEGORIES),
        description="Categories that are not processed here, and who is competent for them.",
    )
    redirected_title_words: dict[str, str] = Field(
        default_factory=lambda: dict(wire.TITLE_WORDS),
        description="Words that a title begins with, and the category they mean.",
    )
    vote_codes: dict[str, wire.Vote] = Field(
        default_factory=lambda: dict(wire.VOTES), description="What a vote's text or code means."
    )
    transfer_days_count: int = Field(
        5, ge=0, description="Working days in which it is transferred to the competent body."
    )
    answer_days_count: int = Field(15, ge=0, description="Working days in which it is answered.")
    body_limit_bytes: Count = Field(20_000_000, description="Largest body of one push.")
    text_limit_count: Count = Field(20_000, description="Longest text, in characters.")
    attachments_count: Count = Field(10, description="Most attachments of one message.")
    attachment_bytes: Count = Field(5_000_000, description="Largest attachment.")
    attachment_endings: tuple[str, ...] = Field(
        ("pdf", "doc", "docx", "xls", "xlsx", "odt", "txt", "jpg", "jpeg", "png", "mp3", "mp4"),
        description="Endings of file names that are taken, lower case.",
    )
    connections_count: Count = Field(16, description="Most connections at once.")
    probe_timeout_seconds: float = Field(10, gt=0, description="Longest wait of a probe.")
    reply_bytes: Count = Field(100_000, description="Largest answer that is read.")

    _calendar: Calendar = PrivateAttr(VIETNAM_CALENDAR)

    def counted_by(self, calendar: Calendar) -> Self:
        """These settings with due dates by that calendar instead of the hub's own tables."""
        counted = self.model_copy()
        counted._calendar = calendar
        return counted

    @property
    def calendar(self) -> Calendar:
        """By whose working days due dates are computed."""
        return self._calendar

    @property
    def names(self) -> wire.Names:
        """How the system calls what our contract calls otherwise."""
        return wire.Names(self.field_names, self.attachment_names, self.type_names)

    @model_validator(mode="after")
    def _names_are_known_and_different(self) -> Self:
        for table, known in (
            (self.field_names, wire.FIELDS),
            (self.attachment_names, wire.ATTACHMENT_FIELDS),
            (self.type_names, wire.TYPES),
        ):
            if set(table) - set(known):
                raise ValueError("a name is not one of the contract")
            _refuse_twice([table.get(name, name) for name in known])
        if wire.BLOB in self.attachment_names.values():
            raise ValueError(f"{wire.BLOB} is the hub's own name in an attachment")
        _refuse_nesting([self.field_names.get(name, name) for name in wire.FIELDS])
        if self.default_type and self.default_type not in wire.TYPES:
            raise ValueError("default_type is not a type of the contract")
        _refuse_twice(account.token.get_secret_value() for account in self.accounts.values())
        return self


def _refuse_twice(values: Iterable[str]) -> None:
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise ValueError("two of the contract's names, or two tokens, are the same")


def _refuse_nesting(paths: Iterable[str]) -> None:
    listed = set(paths)
    for path in listed:
        steps = path.split(".")
        if any(".".join(steps[:count]) in listed for count in range(1, len(steps))):
            raise ValueError("a field stands inside another")
