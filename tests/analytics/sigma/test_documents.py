"""A file is split where its documents begin; each keeps its lines."""

from __future__ import annotations

import pytest

from analytics.language.reading import RULE_BYTES_MAX
from analytics.sigma import documents
from schema.errors import FengsuiError


@pytest.mark.parametrize(
    ("raw", "plains"),
    [
        (b"a: 1\n", [{"a": 1}]),
        (b"---\na: 1\n---\nb: 2\n...\n", [{"a": 1}, {"b": 2}]),
        (b"# only words\n---\na: 1\n---\n", [{"a": 1}]),
        (b"--- # first\na: 1\n--- {b: 2}\n", [{"a": 1}, {"b": 2}]),
        (b"a: |\n  ---\n  text\n", [{"a": "---\ntext\n"}]),
        (b"a: 1\r\n---\r\nb: 2\r\n", [{"a": 1}, {"b": 2}]),
        (b"", []),
    ],
)
def test_documents_are_read_in_order(raw: bytes, plains: list[dict]) -> None:
    assert [documents.read(part).plain for part in documents.split(raw)] == plains


def test_a_document_stands_on_the_lines_it_has_in_the_file() -> None:
    _, second = documents.split(b"a: 1\nb: 2\n---\nc: 3\n")
    assert second.split(b"\n").index(b"c: 3") == 3
    with pytest.raises(FengsuiError, match=r"line 4"):
        documents.read(documents.split(b"a: 1\n---\nb: 2\nc: }\n")[1])


def test_files_are_bounded() -> None:
    with pytest.raises(FengsuiError, match="more than 100"):
        documents.split(b"---\na: 1\n" * 101)
    with pytest.raises(FengsuiError, match="over the limit"):
        documents.split(b"#" * (RULE_BYTES_MAX + 1))
