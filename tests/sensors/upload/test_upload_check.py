"""What is marked is found in every kind of file; what cannot be looked at is said."""

from __future__ import annotations

import base64
import io
import os
import stat
import struct
import time
import zlib
from pathlib import Path

import crafted
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import sm3
from schema.errors import FengsuiError
from sensors.upload import Checker, OnFailure, Protected
from sensors.upload import check as checks
from sensors.upload.budget import UNCHECKED, Budget
from sensors.upload.text import texts

KINDS = {
    "utf-8.txt": str.encode,
    "utf-8-mark.txt": lambda text: text.encode("utf-8-sig"),
    "utf-16.txt": lambda text: text.encode("utf-16"),
    "gb18030.txt": lambda text: text.encode("gb18030"),
    "word.docx": crafted.word,
    "slides.pptx": crafted.slides,
    "sheet.xlsx": crafted.sheet,
    "page.ofd": crafted.ofd,
    "old.doc": lambda text: b"\xd0\xcf\x11\xe0\0\0\0" + text.encode("utf-16-le"),
    "plain.pdf": lambda text: crafted.pdf((crafted.drawn(text), False)),
    "flate.pdf": lambda text: crafted.pdf((crafted.drawn(text, "gb18030"), True)),
    "font.pdf": lambda text: crafted.pdf(*((one, True) for one in crafted.drawn_by_font(text))),
    "archive.zip": lambda text: crafted.packed({"a/b.docx": crafted.word(text)}),
}


def checker(folder: Path, on_failure: OnFailure = "closed", protected: str = "") -> Checker:
    listed = folder / "protected.csv"
    listed.write_text(f"file_sm3,matter,holder\n{protected}\n", "utf-8")
    return Checker(
        Protected(listed), isolate=folder / "isolated", on_failure=on_failure,
        folders=[folder / "uploads"],
    )  # fmt: skip


def put(folder: Path, content: bytes, name: str = "upload") -> Path:
    (folder / "uploads").mkdir(exist_ok=True)
    path = folder / "uploads" / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_marking_is_found_in_each_kind_of_file(kind: str, tmp_path: Path) -> None:
    marked = f"{crafted.PLAIN}\n{crafted.MARKED}\n"
    verdict = checker(tmp_path).check(put(tmp_path, KINDS[kind](marked)), kind)
    assert (verdict.allow, verdict.reason) == (False, "classified_marking")
    assert "秘密★" in verdict.marked


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_without_one_is_allowed(kind: str, tmp_path: Path) -> None:
    path = put(tmp_path, KINDS[kind](crafted.PLAIN + "商业秘密，国家秘密，绝密文件"))
    verdict = checker(tmp_path).check(path, kind)
    assert (verdict.allow, verdict.reason, verdict.marked) == (True, "", "")
    assert path.exists()


def test_a_marking_split_over_runs_is_one(tmp_path: Path) -> None:
    verdict = checker(tmp_path).check(put(tmp_path, crafted.word("机", "密", "★", "长期")), "a")
    assert verdict.reason == "classified_marking"


def test_a_marking_in_the_name_counts(tmp_path: Path) -> None:
    verdict = checker(tmp_path).check(put(tmp_path, b"nothing"), "机密★5年.docx")
    assert verdict.reason == "classified_marking"


def test_a_refused_file_is_moved_under_its_hash_and_readable_by_its_owner_alone(
    tmp_path: Path,
) -> None:
    content = crafted.word(crafted.MARKED)
    path = put(tmp_path, content)
    verdict = checker(tmp_path).check(path, "a.docx")
    (isolated,) = (tmp_path / "isolated").iterdir()
    assert isolated.name == verdict.sm3 == sm3.digest(content).hex()
    assert verdict.isolated == str(isolated)
    assert isolated.read_bytes() == content
    assert stat.S_IMODE(isolated.stat().st_mode) == 0o600
    assert not path.exists()


def test_the_same_file_refused_twice_is_isolated_once(tmp_path: Path) -> None:
    for _ in range(2):
        checker(tmp_path).check(put(tmp_path, crafted.MARKED.encode()), "a")
    assert len(list((tmp_path / "isolated").iterdir())) == 1


def test_a_protected_file_is_refused_whatever_it_holds(tmp_path: Path) -> None:
    content = b"\0\1\2 a drawing"
    listed = f'"{sm3.digest(content).hex()}","M-1","wang"'
    verdict = checker(tmp_path, "open", listed).check(put(tmp_path, content), "a.dwg")
    assert (verdict.allow, verdict.reason) == (False, "protected_file")


def test_the_list_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    asked = checker(tmp_path)
    assert asked.check(put(tmp_path, b"a drawing"), "a").allow
    (tmp_path / "protected.csv").write_text(sm3.digest(b"a drawing").hex(), "utf-8")
    assert asked.check(put(tmp_path, b"a drawing"), "a").reason == "protected_file"
    (tmp_path / "protected.csv").unlink()
    assert asked.check(put(tmp_path, b"another"), "a").reason == "not_checked:no_list"


def test_a_list_of_anything_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError, match="line 2 does not begin with an SM3 hash"):
        checker(tmp_path, protected="12ab,M-1")


def test_a_zip_that_grows_without_end_is_not_unpacked(tmp_path: Path) -> None:
    bomb = crafted.packed({"word/document.xml": bytes(80 * 1024 * 1024)})
    assert len(bomb) < 100_000
    verdict = checker(tmp_path).check(put(tmp_path, bomb), "a.docx")
    assert verdict.reason == "not_checked:too_much_unpacked"


def test_what_is_packed_inside_counts_for_the_whole(tmp_path: Path) -> None:
    part = crafted.packed({"a.txt": bytes(30 * 1024 * 1024)})
    bomb = crafted.packed({f"{number}.zip": part for number in range(3)})
    verdict = checker(tmp_path).check(put(tmp_path, bomb), "a.zip")
    assert verdict.reason == "not_checked:too_much_unpacked"


def test_archives_in_archives_end_somewhere(tmp_path: Path) -> None:
    content = b"x"
    for _ in range(5):
        content = crafted.packed({"a.zip": content})
    verdict = checker(tmp_path).check(put(tmp_path, content), "a.zip")
    assert verdict.reason == "not_checked:packed_too_deep"


def test_an_archive_of_very_many_parts_is_not_opened(tmp_path: Path) -> None:
    bomb = crafted.packed({f"{number}": b"" for number in range(5_001)})
    verdict = checker(tmp_path).check(put(tmp_path, bomb), "a.zip")
    assert verdict.reason == "not_checked:too_many_parts"


def test_a_directory_too_large_is_not_read(tmp_path: Path) -> None:
    whole = bytearray(crafted.packed({"a": b""}))
    struct.pack_into("<L", whole, len(whole) - 10, 2**31)
    verdict = checker(tmp_path).check(put(tmp_path, bytes(whole)), "a.zip")
    assert verdict.reason == "not_checked:too_many_parts"


def test_a_pdf_stream_that_grows_without_end_is_given_up(tmp_path: Path) -> None:
    bomb = crafted.pdf((bytes(80 * 1024 * 1024), True))
    verdict = checker(tmp_path).check(put(tmp_path, bomb), "a.pdf")
    assert verdict.reason == "not_checked:too_much_unpacked"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (crafted.packed({"word/document.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}),
         "document_type"),
        (crafted.packed({"word/document.xml": "<a><b></a>"}), "damaged"),
        (crafted.word("a")[:-30], "damaged"),
        (b"PK\x03\x04 no archive at all", "damaged"),
        (crafted.pdf((b"x", False)) + b"trailer << /Encrypt 5 0 R >>", "encrypted"),
        (b"%PDF-1.7\n1 0 obj << >> stream\nnever ends", "damaged"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("on_failure", ["closed", "open"])
def test_what_cannot_be_looked_through_is_decided_by_the_setting_and_said(
    content: bytes, why: str, on_failure: OnFailure, tmp_path: Path
) -> None:
    path = put(tmp_path, content)
    verdict = checker(tmp_path, on_failure).check(path, "a")
    assert verdict.reason == f"not_checked:{why}"
    assert verdict.allow is (on_failure == "open")
    assert verdict.sm3 == sm3.digest(content).hex()
    assert path.exists() is verdict.allow


def test_an_encrypted_archive_cannot_be_looked_through(tmp_path: Path) -> None:
    whole = bytearray(crafted.packed({"a.txt": b"x"}))
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    verdict = checker(tmp_path).check(put(tmp_path, bytes(whole)), "a.zip")
    assert verdict.reason == "not_checked:encrypted"


def test_a_file_outside_the_folders_is_neither_read_nor_moved(tmp_path: Path) -> None:
    put(tmp_path, b"")
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret").write_text(crafted.MARKED, "utf-8")
    (tmp_path / "uploads" / "way").symlink_to(other)
    (tmp_path / "uploads" / "link").symlink_to(other / "secret")
    asked = checker(tmp_path)
    ways = {"way/secret": "outside_folders", "../other/secret": "outside_folders",
            "link": "unreadable", "gone": "unreadable"}  # fmt: skip
    for way, why in ways.items():
        verdict = asked.check(tmp_path / "uploads" / way, "a")
        assert (verdict.allow, verdict.reason) == (False, f"not_checked:{why}")
        assert verdict.sm3 == ""
    assert (other / "secret").exists()
    assert not (tmp_path / "isolated").exists()


def test_a_pipe_does_not_hold_the_check(tmp_path: Path) -> None:
    put(tmp_path, b"")
    os.mkfifo(tmp_path / "uploads" / "pipe")
    verdict = checker(tmp_path).check(tmp_path / "uploads" / "pipe", "a")
    assert verdict.reason == "not_checked:no_file"


def test_a_folder_that_cannot_be_written_still_refuses(tmp_path: Path) -> None:
    (tmp_path / "isolated").write_text("no folder")
    path = put(tmp_path, crafted.MARKED.encode())
    verdict = checker(tmp_path).check(path, "a")
    assert (verdict.allow, verdict.isolated) == (False, "")
    assert path.exists()


def look(content: bytes) -> str:
    """All texts, or why they cannot be read: nothing else may come out."""
    try:
        return "\n".join(texts(io.BytesIO(content), Budget(bytes_max=1_000_000)))
    except FengsuiError as error:
        if error.code != UNCHECKED:
            raise
        return str(error.params["why"])


@given(st.sampled_from([b"", b"PK\x03\x04", b"%PDF-", b"\xff\xfe", b"\0"]), st.binary())
def test_no_bytes_break_the_readers(head: bytes, rest: bytes) -> None:
    look(head + rest)


@given(
    st.sampled_from([crafted.word("a", "b"), crafted.ofd("c"),
                     crafted.pdf(*((one, True) for one in crafted.drawn_by_font("密★")))]),
    st.data(),
)  # fmt: skip
def test_no_damaged_file_breaks_the_readers(whole: bytes, data: st.DataObject) -> None:
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    look(bytes(damaged))


@given(st.text(r"()<>\\0789afR \n密★", max_size=100), st.booleans())
def test_no_drawing_breaks_the_reader_of_pdf(drawing: str, flate: bool) -> None:
    look(crafted.pdf((b"(\\8)" + drawing.encode(), flate)))
    look(crafted.pdf((b"beginbfchar <0001> <5bc6>" + drawing.encode() + b"endbfchar", flate)))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(0, 200))
def test_an_excerpt_is_short_and_the_masker_knows_it(text: str, at: int) -> None:
    whole = text[:at] + "绝密★30年" + text[at:]
    excerpt = checks.found_marking(io.BytesIO(b""), whole)
    assert len(excerpt) <= 2 * checks.EXCERPT_CHARS + 20
    assert any(one.kind == "classified" for one in checks.privacy.find(excerpt))


@pytest.mark.parametrize("piece", ["国家秘密的规定", "秘密", "秘    ", "%25", "密*", "秘 + 密 "])
def test_a_text_made_to_be_slow_is_looked_through_at_once(piece: str, tmp_path: Path) -> None:
    path = put(tmp_path, (piece * (4 * 1024 * 1024 // len(piece.encode()))).encode())
    start = time.process_time()
    assert checker(tmp_path).check(path, "a.txt").reason == ""
    assert time.process_time() - start < 5.0


@pytest.mark.parametrize("piece", [rb"\(", b"(", b"(a" * 9, b"<a", b"<" + b"a" * 9000, b"<<"])
def test_a_pdf_made_to_be_slow_is_looked_through_at_once(piece: bytes, tmp_path: Path) -> None:
    path = put(tmp_path, crafted.pdf((piece * (2 * 1024 * 1024 // len(piece)), True)))
    start = time.process_time()
    assert checker(tmp_path).check(path, "a.pdf").reason == ""
    assert time.process_time() - start < 5.0


def test_a_page_in_ascii85_is_read(tmp_path: Path) -> None:
    raw = base64.a85encode(zlib.compress(crafted.drawn(crafted.MARKED))) + b"~>"
    whole = b"%PDF-1.4\n1 0 obj << /Filter [ /ASCII85Decode /FlateDecode ] >>\nstream\n"
    path = put(tmp_path, whole + raw + b"endstream endobj")
    assert checker(tmp_path).check(path, "a.pdf").reason == "classified_marking"


def test_the_pictures_of_a_scanned_pdf_do_not_use_up_the_budget(tmp_path: Path) -> None:
    scanned = crafted.pdf((bytes(10 * 1024 * 1024), True)).replace(
        b"/Length", b"/Subtype /Image /Length"
    )
    page = crafted.pdf((crafted.drawn(crafted.MARKED), True))
    path = put(tmp_path, scanned * 10)
    assert checker(tmp_path).check(path, "a.pdf").reason == ""
    path = put(tmp_path, scanned * 10 + page)
    assert checker(tmp_path).check(path, "a.pdf").reason == "classified_marking"
