"""Packages as the simulated axis and its partners read and write them, with a table of their own.

They read as parsers in the wild do: by the literal text `edXML:Name`.
"""

from __future__ import annotations

import base64
import io
import re
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape, unescape

from lxml import etree
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from hub.wire.edxml import models

DATE = r"\d{4}/\d{2}/\d{2}"
RULES: dict[str, str] = {
    "From/OrganId": r"\S+",
    "From/OrganName": r".+",
    "To/OrganId": r"\S+",
    "DocumentId": r".+",
    "Code/CodeNumber": r".+",
    "Code/CodeNotation": r".+",
    "PromulgationInfo/PromulgationDate": DATE,
    "DocumentType/Type": r"\d+",
    "DocumentType/TypeName": r".+",
    "Subject": r".+",
    "SignerInfo/FullName": r".+",
    "OtherInfo/Priority": r"[0-4]",
}
"""What a document's header must hold, by path inside `MessageHeader`."""

STATUS_RULES: dict[str, str] = {
    "From/OrganId": r"\S+",
    "ResponseFor/OrganId": r"\S+",
    "ResponseFor/DocumentId": r".+",
    "StatusCode": "|".join(models.STATUS_CODES),
    "Timestamp": DATE + r" \d{2}:\d{2}:\d{2}",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the axis sees of a package.

    Attributes:
        fault: why it is refused, `` if it is not.
        to: organisation ids that it names.
    """

    fault: str
    document_id: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    notation: str = ""
    title: str = ""
    day: str = ""
    status_code: str = ""
    business: str = ""


def look_at(body: bytes, message_type: str) -> Seen:
    """Read a package and check it by the table."""
    end = body.find(b"</edXML:edXMLEnvelope>")
    try:
        text = body[: end if end >= 0 else 0].decode()
    except UnicodeDecodeError:
        return Seen("không phải UTF-8")
    header = _inside(text, "MessageHeader")
    if not header:
        return Seen("không có edXML:MessageHeader")
    for path, rule in (RULES if message_type == models.DOCUMENT else STATUS_RULES).items():
        if not re.fullmatch(rule, _at(header, path), re.DOTALL):
            return Seen(f"{path}: thiếu hoặc sai định dạng")
    answered = message_type == models.STATUS
    to = [_at(header, "ResponseFor/OrganId")] if answered else _all(header, "To", "OrganId")
    code = f"{_at(header, 'Code/CodeNumber')}/{_at(header, 'Code/CodeNotation')}"
    business = _at(text, "Bussiness/BussinessDocType")
    if not answered and business not in models.BUSINESS_CODES:
        return Seen("Bussiness/BussinessDocType: thiếu hoặc sai định dạng")
    return Seen(
        fault=_attachment_fault(text, body, end) if not answered else "",
        document_id=_at(header, "ResponseFor/DocumentId" if answered else "DocumentId"),
        sender=_at(header, "From/OrganId"),
        to=tuple(to),
        notation=code,
        title=_at(header, "Subject"),
        day=_at(header, "PromulgationInfo/PromulgationDate"),
        status_code=_at(header, "StatusCode"),
        business=business,
    )


def is_signed(body: bytes, certificate: str) -> bool:
    """Whether the whole package is validly signed with a certificate (PEM)."""
    where = SignatureConfiguration(location=".//")
    try:
        XMLVerifier().verify(body, x509_cert=certificate, expect_config=where)
    except (SignXMLException, etree.LxmlError, ValueError):
        return False
    return True


def _attachment_fault(text: str, body: bytes, end: int) -> str:
    """Whether each file that the manifest names is there, packed as its type says."""
    tail = body[end:]
    for name in re.findall(r"<edXML:ContentId>(.*?)</edXML:ContentId>", text):
        start = tail.find(f"<ContentId>{name}</ContentId>".encode())
        if start < 0:
            return "Attachment: thiếu tệp đã khai báo"
        head = re.search(
            rb"<ContentType>(.*?)</ContentType><edXML:ContentTransferEncoded[^>]*>(.{0,8})",
            tail[start : start + 20_000],
        )
        named = re.search(rb"<AttachmentName>(.*?)</", tail[start : start + 20_000])
        if head is None or named is None:
            return "Attachment: sai cấu trúc"
        said = named[1].decode().rpartition(".")[2].lower()
        raw = said in models.RAW_EXTENSIONS
        if head[1].decode() != (f"application/{said}" if raw else models.ZIP_TYPE):
            return "Attachment/ContentType: không đúng cách đóng gói"
        if not raw and not head[2].startswith(b"UEs"):
            return "Attachment: không phải zip"
    return ""


def _inside(text: str, name: str) -> str:
    found = re.search(rf"<edXML:{name}(?: [^>]*)?>(.*?)</edXML:{name}>", text, re.DOTALL)
    return found[1] if found else ""


def _at(text: str, path: str) -> str:
    for name in path.split("/"):
        text = _inside(text, name)
    return unescape(text)


def _all(text: str, outer: str, inner: str) -> list[str]:
    found = re.findall(rf"<edXML:{outer}>(.*?)</edXML:{outer}>", text, re.DOTALL)
    return [_at(each, inner) for each in found]


def _e(name: str, *inside: str) -> str:
    return f"<edXML:{name}>{''.join(inside)}</edXML:{name}>"


def _t(name: str, text: str) -> str:
    return _e(name, escape(text, quote=False))


def _organ(name: str, organ_id: str) -> str:
    return _e(name, _t("OrganId", organ_id), _t("OrganName", f"Cơ quan {organ_id}"))


def status_package(sender: str, about: Seen, to: str, code: str, at: str) -> bytes:
    """A status package; `at` is its `Timestamp`."""
    answered = _e(
        "ResponseFor",
        _t("OrganId", to),
        _t("Code", about.notation),
        _t("PromulgationDate", about.day),
        _t("DocumentId", about.document_id),
    )
    staff = _e("StaffInfo", _t("Department", "Văn phòng"), _t("Staff", "Lê Thị Mẫu"))
    said = _t("StatusCode", code) + _t("Description", models.STATUS_CODES[code])
    header = _organ("From", sender) + answered + staff + said + _t("Timestamp", at)
    return _wrap(_e("edXMLHeader", _e("MessageHeader", header)), "")


@dataclass(frozen=True, slots=True)
class Letter:
    """A document that a simulated partner writes.

    Attributes:
        answers: what it answers, revokes or updates.
        business: `BussinessDocType`.
        file: name and content of its attachment.
        packed: the attachment as packed, if it is not to be packed properly.
    """

    sender: str
    to: Sequence[str]
    number: str
    title: str
    at: str
    answers: Seen | None = None
    business: str = "0"
    file: tuple[str, bytes] = ("y-kien.pdf", b"%PDF-1.4 thu nghiem\n%%EOF\n")
    packed: bytes | None = None

    @property
    def document_id(self) -> str:
        """Its id by the rule of the form."""
        return f"{self.sender},{self.at[:10]},{self.number}/TL-VP"

    def package(self) -> bytes:
        """The package, in the order in which the reference kit writes."""
        links = ""
        if self.answers is not None:
            links = _e(
                "ResponseFor",
                _t("OrganId", self.to[0]),
                _t("Code", self.answers.notation),
                _t("DocumentId", self.answers.document_id),
                _t("PromulgationDate", self.answers.day),
            )
        code = _e("Code", _t("CodeNumber", self.number), _t("CodeNotation", "TL-VP"))
        kind = _t("Type", "1") + _t("TypeDetail", "0") + _t("TypeName", "Công văn")
        header = (
            _organ("From", self.sender)
            + "".join(_organ("To", each) for each in self.to)
            + _t("DocumentId", self.document_id)
            + code
            + _e("PromulgationInfo", _t("Place", "Mẫu"), _t("PromulgationDate", self.at[:10]))
            + _e("DocumentType", kind)
            + _t("Subject", self.title)
            + _e("SignerInfo", _t("Position", "Giám đốc"), _t("FullName", "Trần Văn Mẫu"))
            + _e("OtherInfo", _t("Priority", "0"), _t("PageAmount", "1"))
            + links
            + _t("SteeringType", "1")
        )
        trace = _e("TraceHeader", _t("OrganId", self.sender), _t("Timestamp", self.at))
        headers = _e("MessageHeader", header) + _e("TraceHeaderList", self._business() + trace)
        manifest = f'<edXML:edXMLManifest version="1.0">{self._reference()}</edXML:edXMLManifest>'
        return _wrap(_e("edXMLHeader", headers) + _e("edXMLBody", manifest), self._attachment())

    def _business(self) -> str:
        target = self.answers.document_id if self.answers else ""
        said = _t("BussinessDocType", self.business) + _t("BussinessDocReason", "Theo kịch bản")
        if self.business == "2":
            said = _t("DocumentId", target) + said
            said += _e(
                "BussinessDocumentInfo", _t("DocumentInfo", "1"), _t("DocumentReceiver", "0")
            )
        if self.business == "3":
            ids = _e("OrganIdList", *(_t("OrganId", each) for each in self.to))
            replaced = _e("ReplacementInfo", _t("DocumentId", target), ids)
            said += _e("ReplacementInfoList", replaced)
        return _e("Bussiness", said, _t("Paper", "0"))

    def _reference(self) -> str:
        name = self.file[0]
        said = _t("ContentId", "cid:1") + _t("ContentType", models.ZIP_TYPE)
        return _e("Reference", said, _t("Description", name), _t("AttachmentName", name))

    def _attachment(self) -> str:
        name, content = self.file
        said = name.rpartition(".")[2]
        raw = said in models.RAW_EXTENSIONS
        packed = self.packed if self.packed is not None else content if raw else _zip(said, content)
        kind = f"application/{said}" if raw else models.ZIP_TYPE
        return (
            "<AttachmentEncoded><Attachment><ContentId>cid:1</ContentId>"
            f"<AttachmentName>{name}</AttachmentName><Description>{name}</Description>"
            f'<ContentType>{kind}</ContentType><edXML:ContentTransferEncoded xmlns:edXML="'
            f'{models.URI}">{base64.b64encode(packed).decode()}</edXML:ContentTransferEncoded>'
            "</Attachment></AttachmentEncoded>"
        )


def _zip(said: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{uuid.uuid4()}.{said}", content)
    return out.getvalue()


def _wrap(envelope: str, attachments: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<edXML xmlns="{models.URI}"><edXML:edXMLEnvelope xmlns:edXML="{models.URI}">'
        f"{envelope}</edXML:edXMLEnvelope>{attachments}</edXML>"
    ).encode()
