"""Details: on a Chinese page an error is told in Chinese, with its own facts in it."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from dashboard_api.details import ZH, detail_of
from dashboard_api.problem import respond
from schema.errors import FengsuiError

ROOT = Path(__file__).parent.parent.parent


def _raised() -> Iterator[tuple[str, set[str]]]:
    """Code and parameter names wherever one of these errors is made."""
    for tier in ("collector", "dashboard_api", "schema"):
        for file in (ROOT / tier).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                match node:
                    case ast.Call(
                        func=ast.Name(id="FengsuiError" | "IndexUnavailableError"),
                        args=[ast.Constant(value=code), *_],
                    ) if code in ZH:
                        yield code, {str(keyword.arg) for keyword in node.keywords}
                    # The importer of registers says where each time: file, line and column.
                    case ast.Call(
                        func=ast.Attribute(attr="error") | ast.Name(id="fault"),
                        args=[ast.Constant(value=reason), *_],
                    ) if f"collector.register.{reason}" in ZH:
                        yield f"collector.register.{reason}", {"file", "line", "column"}


def test_every_fact_in_a_sentence_comes_with_the_error_wherever_it_is_raised() -> None:
    raised = list(_raised())
    assert {code for code, _ in raised} == set(ZH)
    for code, params in raised:
        assert {name for _, name, _, _ in string.Formatter().parse(ZH[code]) if name} <= params


@pytest.mark.parametrize(
    ("languages", "detail"),
    [
        ("zh-CN", "没有字段 nope：可用字段见"),
        ("en", "there is no field"),
        ("", "there is no field"),
    ],
)
def test_the_detail_is_in_the_readers_language(languages: str, detail: str) -> None:
    error = FengsuiError("collector.index.field", "there is no field 'nope'", field="nope")
    body = msgspec.json.decode(respond(error, languages=languages).body)
    assert body["detail"].startswith(detail)


def test_an_error_without_a_chinese_sentence_keeps_its_own() -> None:
    assert detail_of(FengsuiError("a.b.c", "what happened"), "zh") == "what happened"
