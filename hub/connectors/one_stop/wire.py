"""Names on the wire between a product and the counterparts that the hub plays for it."""

from __future__ import annotations

HANDOVER_SERVICE = "ChuyenHoSoLienThong"
HANDOVER_RESULT_SERVICE = "KetQuaHoSoLienThong"
"""An inter-agency dossier and its outcome: the hub's own form, in the portal's envelope."""

INIT, CONFIRM, QUERY, GET_BILL = "INIT", "CONFIRM", "QUERY", "GET_BILL"
"""`LoaiBanTin` of the payment platform."""

PAYMENT_LINK, RECEIPT = "ThongBaoThanhToan", "ThongBaoBienLai"
"""The link for the citizen and the facts of an e-receipt: the hub's own forms."""

ORDER, CANCEL, POST_DOCUMENT, TRACKING = "order/post", "order/cancel", "postDocument", "rh:doc"
"""Calls of the post's interface, and the rows of its tracking feed."""

SUBMIT, ISSUE, PACKAGE = "GuiHoSo", "PhatHanhVanBan", "GoiTinVanBan"
"""Calls to the document office, and its result packages; `PhatHanhVanBan` is the hub's own."""

NOTHING = "KhongGui"
"""A product that has switched a form off is not told; see the settings."""
