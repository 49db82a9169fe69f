"""XML from outside is read with everything off and within limits."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import DecodeError
from hub.wire.xml import XmlLimits, local_name, parse, path_of

BOMB = (
    '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><r>&c;</r>'
)
IN_ATTRIBUTE = '<!DOCTYPE r [<!ENTITY a "ha">]><r x="&a;&a;"/>'
EXTERNAL = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>'
PARAMETER = '<!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]><r/>'
EMPTY_TYPE = "<!DOCTYPE r><r/>"
SMALL = XmlLimits(size_bytes=400, depth_count=3, element_count=4, attribute_count=2)


def refused(body: bytes, limits: XmlLimits = SMALL) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        parse(body, limits=limits)
    return caught.value


@pytest.mark.parametrize("document", [BOMB, IN_ATTRIBUTE, EXTERNAL, PARAMETER, EMPTY_TYPE])
@pytest.mark.parametrize(
    "before", ["", "\ufeff", '<?xml version="1.0"?>', " <!-- a --> <?b c?>\n", "<!-- <r> -->"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_doctype_is_refused_wherever_it_hides(document: str, before: str, encoding: str) -> None:
    error = refused((before + document).encode(encoding), XmlLimits())
    # UTF-16 without a mark is known by its `<`; what begins with a space is not.
    known = encoding == "utf-8" or not before.startswith(" ")
    assert error.code == ("doctype" if known else "undecodable")


@pytest.mark.parametrize(
    "body",
    [
        "<a>Phí</a>".encode(),
        "\ufeff<a>Phí</a>".encode(),
        '<?xml version="1.0" encoding="utf-16"?><a>Phí</a>'.encode(),
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- b --><a>P<!-- c -->hí</a>'.encode(),
        "<a><![CDATA[Phí]]></a>".encode(),
        "\ufeff<a>Phí</a>".encode("utf-16-le"),
        "\ufeff<a>Phí</a>".encode("utf-16-be"),
        '<?xml version="1.0" encoding="utf-16"?><a>Phí</a>'.encode("utf-16-le"),
        b"<a>&#80;h&#xed;</a>",
    ],
)
def test_the_same_text_is_read_from_every_allowed_encoding(body: bytes) -> None:
    assert parse(body).text == "Phí"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{}",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&b;</a>",
        b"<a>\x00</a>",
        b"<a x='1' x='2'/>",
        b"<p:a/>",
        "<a>Phí</a>".encode("cp1258"),
        b'<?xml version="1.0" encoding="windows-1258"?><a/>',
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        "\ufeff<a/>".encode("utf-32-le"),
        "\ufeff<a>\ud800</a>".encode("utf-16-le", "surrogatepass"),
        "<a/>".encode("utf-16-le")[:-1],
        b"<canary7f3a91></b>",
    ],
)
def test_what_is_no_document_is_refused_without_repeating_it(body: bytes) -> None:
    error = refused(body)
    assert (error.code, error.__cause__) == ("undecodable", None)
    assert "canary" not in str(error)


def test_limits_hold_at_the_edge() -> None:
    assert parse(b"<a><b><c/></b></a>", limits=SMALL).tag == "a"
    too_deep = refused(b"<a><b><c><d/></c></b></a>")
    assert (too_deep.code, too_deep.path) == ("too_deep", "/a/b/c/d")
    assert len(parse(b"<a><b/><b/><b/></a>", limits=SMALL)) == 3
    assert refused(b"<a><b/><b/><b/><b/></a>").code == "too_large"
    assert parse(b"<a x='1' xmlns:p='q'/>", limits=SMALL).tag == "a"
    crowded = refused(b"<a><b x='1' y='2' xmlns:p='q'/></a>")
    assert (crowded.code, crowded.path) == ("too_large", "/a/b")
    assert parse(b"<a/>".ljust(400), limits=SMALL).tag == "a"
    assert refused(b"<a/>".ljust(401)).code == "too_large"


@pytest.mark.parametrize(
    "body",
    [
        b"<a>" * 100_000,
        b"<a>" + b"<b/>" * 100_000 + b"</a>",
        b"<a " + b"".join(b"x%d='1' " % number for number in range(50_000)) + b"/>",
        b"<a " + b"".join(b"xmlns:x%d='1' " % number for number in range(5_000)) + b"/>",
    ],
)
def test_too_much_ends_early(body: bytes) -> None:
    assert refused(body, XmlLimits()).code in {"too_deep", "too_large"}


def test_a_long_text_is_read_where_the_limit_allows_it() -> None:
    body = b"<a>" + b"x" * 11_000_000 + b"</a>"
    assert len(parse(body, limits=XmlLimits(size_bytes=20_000_000)).text) == 11_000_000
    assert refused(body, XmlLimits()).code == "too_large"


def test_a_path_names_elements_and_counts_those_of_a_name() -> None:
    root = parse("<s:E xmlns:s='u'><s:B><I/><I><k/></I></s:B><đ/></s:E>".encode())
    assert path_of(root[0][1][0]) == "/E/B/I/1/k"
    assert path_of(root[1]) == "/E/*"
    assert local_name(root[0]) == "B"


@given(st.binary() | st.text().map(str.encode) | st.text("<>&;!?[]-ab =\"'/").map(str.encode))
def test_any_bytes_give_an_element_or_a_decode_error(body: bytes) -> None:
    with suppress(DecodeError):
        assert path_of(parse(body, limits=SMALL)).startswith("/")
