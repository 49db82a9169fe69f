"""Names of edXML and of the VXP axis, as on the wire: what both sides of a connection must know.

Source: the reference kit of the axis (SDKVXP 2.0) and its samples.
"""

from __future__ import annotations

URI = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
"""Namespace of the layered form; the prefix `edXML` and the default are both bound to it."""

FLAT_URI = "http://www.go.vn/eDoc"
"""Namespace of the flat form that some provincial axes used."""

XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"

BUSINESS_CODES = {"0": "new", "1": "revoke", "2": "update", "3": "replace"}
"""`BussinessDocType` -> what the package does."""

STATUS_CODES = {
    "01": "arrived",
    "02": "refused",
    "03": "registered",
    "04": "assigned",
    "05": "processing",
    "06": "done",
    "13": "recalled",
    "15": "change_accepted",
    "16": "change_refused",
}
"""`StatusCode` -> how far the receiver is."""

RAW_EXTENSIONS = ("pdf", "doc", "docx", "xsl", "xslx", "zip")
"""Endings (in the kit's own spelling) whose files are packed as they are; all others are zipped."""

ZIP_TYPE = "application/zip"

CONTENT_ID_PREFIX = "cid:"

# The axis

PREFIX = "XroadVnpt-"
"""What every logical header is called on the wire, before its name."""

KEY_HEADER = f"{PREFIX}sign-header-key"
JSON_HEADER = f"{PREFIX}sign-header"
HASH_HEADER = f"{PREFIX}hash-header"
VERSION_HEADER = f"{PREFIX}version"
VERSION = "3.0.201608"
USER_AGENT = "JAVASDKAgent/1.0.0 XRoad/VPCP"

SEND = "/sendEdoc"
RECEIVED_LIST = "/getReceivedEdocList"
SENT_LIST = "/getSentEdocList"
FETCH = "/getEdoc"
UPDATE_STATUS = "/updateStatus"
AGENCIES = "/getAgenciesList"
AGENCIES_QD20 = "/getAgenciesListQD20"
UNITS = "/getSynchronizeUnit"
REGISTER, DELETE = "/registerAgency", "/deleteAgency"
COUNT_DOCUMENTS, COUNT_STATUSES = "/countReceiveEdoc", "/countReceiveStatus"
DOWNLOAD = "/downloadEdoc"

DOCUMENT, STATUS = "edoc", "status"
"""Values of `messagetype`."""
SERVICE_TYPE = "eDoc"
