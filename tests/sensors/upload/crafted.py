"""Crafted files of the upload tests."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping

MARKED = "秘密★10年"
PLAIN = "关于召开安全生产会议的通知"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return whole.getvalue()


def word(*runs: str) -> bytes:
    texts = "".join(f"<w:r><w:t>{run}</w:t></w:r>" for run in runs)
    page = f'<w:document xmlns:w="{WORD}"><w:body><w:p>{texts}</w:p></w:body></w:document>'
    return packed({"[Content_Types].xml": "<Types/>", "word/document.xml": page})


def slides(text: str) -> bytes:
    page = f'<p:sld xmlns:p="p" xmlns:a="a"><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>'
    return packed({"ppt/slides/slide1.xml": page})


def sheet(text: str) -> bytes:
    return packed({"xl/sharedStrings.xml": f'<sst xmlns="s"><si><t>{text}</t></si></sst>'})


def ofd(text: str) -> bytes:
    page = (
        '<ofd:Page xmlns:ofd="o"><ofd:TextObject>'
        f"<ofd:TextCode>{text}</ofd:TextCode></ofd:TextObject></ofd:Page>"
    )
    return packed({"OFD.xml": "<OFD/>", "Doc_0/Pages/Page_0/Content.xml": page})


def pdf(*streams: tuple[bytes, bool]) -> bytes:
    whole = [b"%PDF-1.7\n"]
    for number, (content, flate) in enumerate(streams, 1):
        raw = zlib.compress(content) if flate else content
        named = b"/Filter /FlateDecode " if flate else b""
        whole.append(
            b"%d 0 obj\n<< %s/Length %d >>\nstream\n%s\nendstream\nendobj\n"
            % (number, named, len(raw), raw)
        )
    return b"".join([*whole, b"%%EOF\n"])


def drawn(text: str, encoding: str = "utf-16-be") -> bytes:
    return b"BT <%s> Tj ET" % text.encode(encoding).hex().encode()


def drawn_by_font(text: str) -> tuple[bytes, bytes]:
    """A page whose codes mean nothing without the font's table, and that table."""
    codes = {char: number for number, char in enumerate(dict.fromkeys(text), 1)}
    page = b"BT [%s] TJ ET" % b" ".join(b"<%04x>" % codes[char] for char in text)
    pairs = b"\n".join(
        b"<%04x> <%s>" % (number, char.encode("utf-16-be").hex().encode())
        for char, number in codes.items()
    )
    return page, b"begincmap\n%d beginbfchar\n%s\nendbfchar\nendcmap" % (len(codes), pairs)
