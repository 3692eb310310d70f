"""Problems: a refusal is told in two languages, with its status, from its code alone."""

import ast
import re
import string
from pathlib import Path

import pytest

from crypto.errors import CryptoError
from dashboard_api.signing import sentences
from dashboard_api.signing.problems import malformed, problem_of, refused
from dashboard_api.signing.sentences import SENTENCES, ZH
from dashboard_api.statuses import status_of
from dashboard_api.titles import TITLES

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("key", sorted(SENTENCES))
def test_both_sentences_of_a_cause_tell_the_same_facts(key: str) -> None:
    facts = [
        {name for _, name, _, _ in string.Formatter().parse(one) if name} for one in SENTENCES[key]
    ]
    assert facts[0] == facts[1]
    assert re.search("[\u4e00-\u9fff]", SENTENCES[key].zh)
    assert not re.search("[\u4e00-\u9fff]", SENTENCES[key].en)


def test_every_sentence_is_of_an_error_that_can_happen() -> None:
    told = (ROOT / "crypto" / "errors.py").read_text("utf-8")
    for code in ZH:
        noun, _, reason = code.rpartition(".")
        assert noun.removeprefix("crypto.") in told
        assert reason in told


def test_every_cause_that_is_raised_has_its_sentences() -> None:
    named = {"MALFORMED", "TOO_MANY", "SCOPE", "UNCERTIFIED", "BAD_SIGNATURE", "BAD_MAC"}
    causes = set()
    for file in (ROOT / "dashboard_api" / "signing").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="malformed"), args=[ast.Constant(value), *_]):
                    causes.add(f"{sentences.MALFORMED}.{value}")
                case ast.Call(func=ast.Name(id="refused"), args=[ast.Name(id), *rest]) if (
                    id in named
                ):
                    cause = rest[0].value if rest and isinstance(rest[0], ast.Constant) else ""
                    code = getattr(sentences, id)
                    if cause or not rest:
                        causes.add(f"{code}.{cause}" if cause else code)
    assert causes <= set(SENTENCES)
    unused = {key for key in SENTENCES if not key.startswith(sentences.BAD_SIGNATURE)} - causes
    assert not unused


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("crypto.key.unknown", 404),
        ("crypto.key.destroyed", 410),
        ("crypto.key.policy", 403),
        ("crypto.key.expired", 409),
        ("crypto.key.tampered", 503),
        ("crypto.signature.invalid", 422),
        ("crypto.certificate.expired", 422),
        ("crypto.sdf.closed", 503),
        ("dashboard_api.scope.missing", 403),
        ("dashboard_api.call.too_many", 413),
    ],
)
def test_the_status_follows_from_the_code(code: str, status: int) -> None:
    assert status_of(code) == status
    assert status in TITLES


def test_an_error_of_the_crypto_package_is_told_in_chinese_where_there_is_a_sentence() -> None:
    error = CryptoError("crypto.key.disabled", "Key a.b is disabled.", {"id": "a.b"})
    assert problem_of(error, "zh-CN").detail == "密钥 a.b 已停用"
    assert problem_of(error, "en").detail == "Key a.b is disabled."
    other = CryptoError("crypto.key.disabled", "It is disabled.")
    assert problem_of(other, "zh").detail == "It is disabled."
    assert problem_of(CryptoError("crypto.x.y", "What."), "zh").detail == "What."


def test_an_items_place_stands_in_its_words_and_facts() -> None:
    problem = problem_of(malformed("base64", "message", option="encoding"), "en", 7)
    assert problem.detail.startswith("items[7].message: not standard base64")
    assert problem.params == {
        "reason": "base64",
        "where": "items[7].message",
        "option": "encoding",
        "item": 7,
    }
    scope = problem_of(refused(sentences.SCOPE, operation="sign", key="a.b"), "en", 7)
    assert scope.params == {"operation": "sign", "key": "a.b"}


def test_the_page_for_integrators_tells_of_every_hint_and_reason() -> None:
    page = (ROOT / "docs" / "integrator" / "refused-signatures.md").read_text("utf-8")
    first, second = (
        [row.split("|")[1] for row in table.splitlines()[2:]]
        for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    )
    told = [re.findall(r"`(\w+)`", " ".join(rows)) for rows in (first, second)]
    assert told[0] == list(sentences.HINTS)
    reasons = {key.rpartition(".")[2] for key in SENTENCES if key.startswith(sentences.MALFORMED)}
    assert sorted(told[1]) == sorted(reasons)
