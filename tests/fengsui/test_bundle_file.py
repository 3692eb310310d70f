"""A bundle is read member by member within its limits, and any change of it is named."""

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from fengsui import bundle_file
from fengsui.bundle_file import Manifest, Member, Signed
from schema.errors import FengsuiError

TEXT = {"a/one": b"first", "b": b"x" * 1500}


def member(name: str, content: bytes) -> Member:
    sha256 = hashlib.sha256(content).hexdigest()
    return Member(name=name, size=len(content), sm3="0" * 64, sha256=sha256)


def manifest(*members: Member) -> Manifest:
    return Manifest(
        format=1, product="fengsui", version="1.2.0", made_at="", python="3.11",
        updates_from="1.0.0", state=1, keystore=1, requirement="fengsui==1.2.0",
        architectures=("x86_64",), carries={}, members=members,
    )  # fmt: skip


def written(tmp_path: Path) -> bytes:
    contents = {}
    for number, (name, content) in enumerate(TEXT.items()):
        contents[name] = tmp_path / str(number)
        contents[name].write_bytes(content)
    told = manifest(*(member(name, content) for name, content in TEXT.items()))
    signed = Signed(manifest=told, payload=bundle_file.encode(told), point="04", signature="30")
    out = io.BytesIO()
    bundle_file.write(out, signed, contents)
    return out.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    file = io.BytesIO(data)
    told = bundle_file.read_head(file).manifest
    members = bundle_file.read_members(file, told, digest=hashlib.sha256, proof="sha256")
    return {one.name: b"".join(chunks) for one, chunks in members}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read(written(tmp_path)) == TEXT


def test_any_tar_reads_a_bundle(tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(written(tmp_path))) as archive:
        assert archive.getnames() == ["manifest.json", "manifest.sig", "a/one", "b"]


def test_no_byte_of_a_member_or_between_can_change(tmp_path: Path) -> None:
    data = written(tmp_path)
    start = data.index(b"a/one\0")
    for place in range(start, len(data), 37):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(FengsuiError) as caught:
            read(bytes(changed))
        assert caught.value.code == "fengsui.bundle.changed"


def test_a_bundle_cut_anywhere_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path)
    for size in range(0, len(data), 101):
        with pytest.raises(FengsuiError):
            read(data[:size])


def test_something_added_behind_the_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError, match="behind its last member"):
        read(written(tmp_path) + b"\0")


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up", "a/../../up", "a//b", ".hidden", "a/.ssh", "a\\b", "a\nb", "a\n", "",
     "C:x", "a/b/c/d/e/f/g", "x" * 201, "manifest.json"],
)  # fmt: skip
def test_a_member_that_is_no_place_inside_is_refused(name: str) -> None:
    with pytest.raises(FengsuiError, match=r"no place inside|in the manifest itself"):
        bundle_file.decode(bundle_file.encode(manifest(member(name, b""))))


def test_two_members_in_one_place_are_refused() -> None:
    twice = (member("A", b""), member("a", b""))
    with pytest.raises(FengsuiError, match="upper and lower"):
        bundle_file.decode(bundle_file.encode(manifest(*twice)))
    with pytest.raises(FengsuiError, match="stands twice"):
        bundle_file.decode(bundle_file.encode(manifest(twice[0], twice[0])))


def test_more_or_larger_members_than_the_limits_are_refused() -> None:
    large = replace(member("a", b""), size=bundle_file.MEMBER_BYTES_MAX + 1)
    many = [member(f"m{number:05}", b"") for number in range(bundle_file.MEMBERS_MAX + 1)]
    parts = [replace(member(f"p{n}", b""), size=bundle_file.MEMBER_BYTES_MAX) for n in range(5)]
    for members in ([large], many, parts):
        with pytest.raises(FengsuiError) as caught:
            bundle_file.decode(bundle_file.encode(manifest(*members)))
        assert caught.value.code == "fengsui.bundle.too_large"


@pytest.mark.parametrize("size", [-1, True, 1.5, "1", None])
def test_a_size_that_is_no_number_is_refused(size: object) -> None:
    with pytest.raises(FengsuiError):
        bundle_file.decode(bundle_file.encode(manifest(replace(member("a", b""), size=size))))


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'"x"', b"[" * 100_000, b"\xff"])
def test_a_manifest_that_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(FengsuiError, match="not understood"):
        bundle_file.decode(payload)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, b"x"])
def test_links_and_extensions_are_refused(kind: bytes) -> None:
    head = tarfile.TarInfo("manifest.json")
    head.type, head.size = kind, 0
    with pytest.raises(FengsuiError):
        bundle_file.read_head(io.BytesIO(head.tobuf(tarfile.GNU_FORMAT) + bytes(1024)))


def test_a_manifest_over_its_limit_is_not_read() -> None:
    head = tarfile.TarInfo("manifest.json")
    head.size = bundle_file.MANIFEST_BYTES_MAX + 1
    with pytest.raises(FengsuiError) as caught:
        bundle_file.read_head(io.BytesIO(head.tobuf(tarfile.GNU_FORMAT)))
    assert caught.value.code == "fengsui.bundle.too_large"


@pytest.mark.parametrize("version", ["1.0rc1", "1", "v1.0", "1.0.0.0.0", "1.-1", "1.0\n"])
def test_a_version_that_is_no_release_is_refused(version: str) -> None:
    with pytest.raises(FengsuiError, match="no released version"):
        bundle_file.release(version)


def test_versions_compare_as_numbers() -> None:
    assert bundle_file.release("0.10.0") > bundle_file.release("0.9.9")
    assert bundle_file.release("1.0") == bundle_file.release("1.0.0")
