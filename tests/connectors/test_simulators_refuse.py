"""Every simulator refuses what its documentation forbids: one table a kind of wrong.

A client's own call is changed on its way to a simulator that holds nothing yet. Refused is what is
not logged as taken and is answered otherwise than the whole call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hub.connector import Request, discover
from hub.errors import HubError, Rejected
from tests.connectors.broken_server import Change
from tests.connectors.contract import Folder, importable
from tests.connectors.outside import Outside, outside
from tests.connectors.spoiling import emptied, torn, with_other, without

NEEDED = {
    "document_exchange sendEdoc edoc": (
        "XroadVnpt-systemid: XroadVnpt-timestamp: XroadVnpt-from: XroadVnpt-to: "
        "XroadVnpt-servicetype: XroadVnpt-messagetype: XroadVnpt-hash-file: "
        "XroadVnpt-sign-header-key: XroadVnpt-sign-header: XroadVnpt-hash-header: "
        "XroadVnpt-version: Content-Type:"
    ),
    "document_exchange sendEdoc status": "XroadVnpt-systemid: XroadVnpt-sign-header: Content-Type:",
    "document_office GuiHoSo": (
        "Authorization: IDHoSo MaHoSo Ten DonVi MaDinhDanh VanBanDuThao TrichYeu DinhKem "
        "Base64 Link ThamSoAn"
    ),
    "e_receipt ImportAndPublishInv": (
        "SOAPAction: Envelope Body ImportAndPublishInv Account ACpass username password xmlInvData "
        "pattern serial convert Invoices Inv key Invoice CusCode ArisingDate CusName Total Amount "
        "AmountInWords VATAmount VATRate PaymentMethod PaymentStatus Extra Products Product "
        "ProdName ProdUnit ProdQuantity ProdPrice"
    ),
    "e_receipt ReplaceInvoie": (
        "SOAPAction: Envelope Body ReplaceInvoie Account ACpass username pass xmlInvData fkey "
        "AttachFile convert pattern serial"
    ),
    "e_receipt cancelInv": "SOAPAction: Envelope Body UnConfirmPaymentFkey fkey userName userPass",
    "national_portal DongBoHoSoMC": (
        "dstcode: session madonvi service isUpdating data MaHoSo MaTTHC TenTTHC MaLinhVuc "
        "TenLinhVuc KenhThucHien LoaiDoiTuong DinhDanhCHS LoaiDinhDanh SoDinhDanh TrichYeuHoSo "
        "NgayNopHoSo NgayTiepNhan TrangThaiHoSo HinhThuc DonViXuLy NoiNopHoSo HoSoCoThanhPhanSoHoa "
        "TaiKhoanDuocXacThucVoiVNeID DuocThanhToanTrucTuyen"
    ),
    "national_portal CapNhatTienDoHoSoMC": (
        "dstcode: session madonvi service data MaHoSo NguoiXuLy NoiDungXuLy ThoiDiemXuLy TrangThai"
    ),
    "national_portal DongBoTrangThaiHoSo": (
        "dstcode: session madonvi service data type MaHoSo MaHoSoDonVi TrangThai NgayXuLy"
    ),
    "national_portal DongBoKetQuaHoiDapGuiTuDVCQG": (
        "dstcode: session madonvi service data CAUHOIID NOIDUNGTRALOI TRANGTHAI"
    ),
    "one_stop DongBoHoSoMC": "service data MaHoSo MaTTHC TenTTHC TrangThaiHoSo",
    "one_stop CapNhatTienDoHoSoMC": "service data MaHoSo NoiDungXuLy ThoiDiemXuLy TrangThai",
    "one_stop ChuyenHoSoLienThong": "service data MaHoSo MaHoSoLT DonViChuyen DonViNhan",
    "one_stop KetQuaHoSoLienThong": "service data MaHoSo MaHoSoLT KetQua",
    "one_stop ThongBaoThanhToan": "MaHoSo MaThamChieu SoTien MaTienTe UrlThanhToan",
    "one_stop ThongBaoBienLai": "MaHoSo SoBienLai",
    "one_stop CONFIRM": (
        "LoaiBanTin MaLoi MaDoiTac MaThamChieu SoTien MaTienTe MaGiaoDich MaNganHang ThoiGianGD "
        "ThongTinGiaoDich MaXacThuc"
    ),
    "payment_gateway refund": (
        "vnp_RequestId vnp_Version vnp_Command vnp_TmnCode vnp_TransactionType vnp_TxnRef "
        "vnp_Amount vnp_OrderInfo vnp_TransactionNo vnp_TransactionDate vnp_CreateBy "
        "vnp_CreateDate vnp_IpAddr vnp_SecureHash"
    ),
    "payment_gateway querydr": (
        "vnp_RequestId vnp_Version vnp_Command vnp_TmnCode vnp_TxnRef vnp_OrderInfo "
        "vnp_TransactionDate vnp_CreateDate vnp_IpAddr vnp_SecureHash"
    ),
    "payplat INIT": (
        "LoaiBanTin PhienBan MaDoiTac SoTien LoaiHinhThanhToan MaKenhThanhToan MaThietBi NgonNgu "
        "MaTienTe MaNganHang ThongTinGiaoDich Ip MaThamChieu ThoiGianGD MaXacThuc ThongTinBienLai "
        "MaDichVu MaDVC MaTTHC TenTTHC MaDonVi MaHoSo HoTenNguoiNop PhiLePhi TKThuHuong "
        "MaNHThuHuong TenTKThuHuong"
    ),
    "vnpt_pay INIT": (
        "ACTION VERSION MERCHANT_SERVICE_ID AMOUNT SERVICE_ID DEVICE LOCALE CURRENCY_CODE "
        "PAYMENT_METHOD DESCRIPTION CLIENT_IP MERCHANT_ORDER_ID CREATE_DATE SECURE_CODE"
    ),
    "petitions pakn.received": "Authorization: Idempotency-Key: type paknId source organTarget",
    "petitions pakn.assigned": "Authorization: Idempotency-Key: type paknId source",
    "petitions pakn.transferred": "Authorization: Idempotency-Key: type paknId source toOrgan",
    "petitions pakn.answered": "Authorization: Idempotency-Key: type paknId source answer",
    "petitions pakn.published": "Authorization: Idempotency-Key: type paknId source",
    "petitions pakn.rejected": "Authorization: Idempotency-Key: type paknId source reason",
    "petitions pakn.redirected": "Authorization: Idempotency-Key: type paknId source",
    "provincial_portal DongBoHoSoMC": (
        "Authorization: MaHoSo MaTTHC TenTTHC LoaiDoiTuong TrichYeuHoSo DonViXuLy NgayTiepNhan "
        "TrangThaiHoSo"
    ),
    "provincial_portal CapNhatTienDoHoSoMC": (
        "Authorization: MaHoSo NguoiXuLy NoiDungXuLy ThoiDiemXuLy TrangThai"
    ),
    "ministry SyncDocument": "Authorization: DocTypeCode DocCode CitizenName DateReceived Status",
    "ministry UpdateDocumentTraces": ("Authorization: docCode userName dateCreated comment status"),
    "public_post order/post": (
        "Authorization: CustomerCode OrderNumber CODAmount SenderProvince SenderDistrict "
        "SenderAddress SenderName SenderTel ReceiverName ReceiverAddress ReceiverTel "
        "ReceiverProvince ReceiverDistrict FlagConfig"
    ),
    "public_post postDocument": (
        "Authorization: CustomerCode OrderNumber Procedure Code IsSendDocument IsReceiveResult "
        "DocumentSender Name Phone ProvinceCode Address ResultReceiver"
    ),
    "public_post order/cancel": "Authorization:",
}
"""Profile or connector, and operation: what must not miss."""

WRONG = {
    "document_exchange sendEdoc edoc": (
        "XroadVnpt-systemid:=vxp.saas.97 XroadVnpt-hash-file:=00 XroadVnpt-sign-header:=AAAA "
        "XroadVnpt-timestamp:=2020-01-05T09:30:00+0700 XroadVnpt-from:=H99.77 "
        "XroadVnpt-to:=H99.77 XroadVnpt-messagetype:=letter Subject=khac"
    ),
    "document_office GuiHoSo": "Authorization:=Basic_x Base64=***",
    "e_receipt ImportAndPublishInv": (
        "username=khac password=khac Account=khac ACpass=khac pattern=khac serial=khac "
        "Total=mot VATRate=x PaymentStatus=9 ProdPrice=mot ArisingDate=hom-nay"
    ),
    "e_receipt cancelInv": "userName=khac userPass=khac",
    "national_portal DongBoHoSoMC": (
        "dstcode:=khac session=khac madonvi=H99.77 service=KhongCo isUpdating=co "
        "TrangThaiHoSo=12 LoaiDoiTuong=5 NgayTiepNhan=05/01/2026 KenhThucHien=4 HinhThuc=2"
    ),
    "national_portal CapNhatTienDoHoSoMC": "session=khac TrangThai=12 ThoiDiemXuLy=hom-nay",
    "one_stop DongBoHoSoMC": "service=KhongCo TrangThaiHoSo=12",
    "one_stop CONFIRM": "SoTien=1 MaLoi=01 MaThamChieu=khac MaXacThuc=00",
    "payment_gateway refund": "vnp_TmnCode=KHAC vnp_Amount=1 vnp_SecureHash=00",
    "payment_gateway querydr": "vnp_TmnCode=KHAC vnp_TxnRef=KHAC vnp_SecureHash=00",
    "payplat INIT": "MaDoiTac=KHAC SoTien=1 MaXacThuc=00",
    "vnpt_pay INIT": "MERCHANT_SERVICE_ID=KHAC AMOUNT=1 SECURE_CODE=00",
    "petitions pakn.received": "Authorization:=Bearer_x type=pakn.khac",
    "provincial_portal DongBoHoSoMC": "Authorization:=Bearer_x TrangThaiHoSo=khac",
    "ministry SyncDocument": "Authorization:=Bearer_x",
    "public_post order/post": "Authorization:=Bearer_x FlagConfig=9",
    "public_post postDocument": "Authorization:=Bearer_x",
}
"""Unknown tokens, wrong hashes and signatures, values outside of their tables (`_` is a blank)."""

TOO_EARLY = {
    "e_receipt ReplaceInvoie": "ERR:2",
    "e_receipt cancelInv": "ERR:6",
    "national_portal CapNhatTienDoHoSoMC": "4",
    "national_portal DongBoKetQuaHoiDapGuiTuDVCQG": "4",
    "payment_gateway refund": "91",
    "petitions pakn.answered": "22",
    "petitions pakn.assigned": "22",
    "petitions pakn.published": "22",
    "petitions pakn.redirected": "22",
    "petitions pakn.rejected": "22",
    "petitions pakn.transferred": "22",
    "provincial_portal CapNhatTienDoHoSoMC": "5",
    "ministry UpdateDocumentTraces": "5",
    "public_post order/cancel": "103",
}
"""What follows on something that was never there, and the code that says so."""


class Spoiler:
    """One simulator, and the calls of its client by profile, operation and form."""

    def __init__(self, there: Outside) -> None:
        self._there = there

    async def refusals(self, name: str, changes: dict[str, Change]) -> list[str]:
        """Which of the changes of a call were not refused."""
        request = self._request(name)
        whole, _ = await self._deliver(request, None, 0)
        last = len(self._there.server.calls) - 1
        taken = []
        for told, change in changes.items():
            said, ok = await self._deliver(request, change, last)
            if ok or said == whole:
                taken.append(told)
        return taken

    async def said_to_the_whole(self, name: str) -> str:
        """What the simulator says to a call that nothing is wrong with."""
        said, _ = await self._deliver(self._request(name), None, 0)
        return said

    def _request(self, name: str) -> Request:
        operation = name.partition(" ")[2]
        requests = (e for e in self._there.requests() if e.message.operation == operation)
        request = next(requests, None)
        if request is None:
            pytest.fail(f"{name}: no sample makes such a request", pytrace=False)
        return request

    async def _deliver(self, request: Request, change: Change | None, at: int) -> tuple[str, bool]:
        """What comes of it, and whether the simulator took its last call."""
        await self._there.reset()
        if change is None:
            self._there.server.plan(None)
        else:
            self._there.server.spoil(change, from_call=at)
        before = len(list(self._there.log.last()))
        try:
            await self._there.deliver(request)
            said = "success"
        except HubError as error:
            code = error.foreign_code if isinstance(error, Rejected) else ""
            said = code or f"{type(error).__name__}: {error}"
        rows = list(self._there.log.last())[before:]
        return said, bool(rows) and rows[-1]["ok"]


@asynccontextmanager
async def spoiler(name: str) -> AsyncIterator[Spoiler]:
    """The simulator of a profile or connector, while the block runs."""
    wanted = name.split()[0]
    kinds = [wanted] if wanted in discover() else importable()
    folders = [Folder.named(kind) for kind in kinds]
    profiles = [each for folder in folders for each in (folder, *folder.profiles)]
    folder = next((each for each in profiles if each.path.name == wanted), None)
    if folder is None:
        pytest.fail(f"{wanted} is neither a connector nor a profile of one", pytrace=False)
    async with outside(folder) as there:
        yield Spoiler(there)


def _check(name: str, changes: dict[str, Change]) -> None:
    async def run() -> list[str]:
        async with spoiler(name) as there:
            return await there.refusals(name, changes)

    taken = asyncio.run(run())
    if taken:
        what = f"the simulator takes it with these missing or wrong: {', '.join(taken)}"
        pytest.fail(f"{name}: {what}", pytrace=False)


@pytest.mark.parametrize("name", NEEDED)
def test_a_call_without_what_it_needs_is_refused(name: str) -> None:
    _check(name, {each: without(each) for each in NEEDED[name].split()})


@pytest.mark.parametrize("name", WRONG)
def test_a_call_with_something_wrong_is_refused(name: str) -> None:
    pairs = [each.replace("_x", " x").rpartition("=") for each in WRONG[name].split()]
    _check(name, {f"{key}={value}": with_other(key, value) for key, _, value in pairs})


@pytest.mark.parametrize("name", [name for name in NEEDED if name != "public_post order/cancel"])
def test_half_a_call_and_none_are_refused(name: str) -> None:
    _check(name, {"empty": emptied, "torn": torn})


@pytest.mark.parametrize(("name", "code"), TOO_EARLY.items())
def test_what_follows_on_nothing_is_refused(name: str, code: str) -> None:
    async def run() -> str:
        async with spoiler(name) as there:
            return await there.said_to_the_whole(name)

    assert asyncio.run(run()) == code


@pytest.mark.parametrize("kind", [kind for kind, each in importable().items() if each.client])
@pytest.mark.parametrize("name", ["NEEDED", "WRONG"])
def test_every_simulator_has_its_rows(kind: str, name: str) -> None:
    if kind not in {row.split()[0] for row in globals()[name]}:
        row = f"no row `{kind} <operation>`"
        pytest.fail(f"tests/connectors/test_simulators_refuse.py: {name} has {row}", pytrace=False)
