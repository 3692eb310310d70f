"""Each modifier does what the table in ``docs/contributor/sigma.md`` says of it."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigma_world import compiled, holds, refusal, true

from analytics.expression import Atom, Not, atoms
from analytics.sigma.modifiers import DASHES, MODIFIERS, expand
from schema.errors import FengsuiError


def test_contains() -> None:
    assert holds({"f|contains": "bc"}, {"f": "aBCd"})
    assert holds({"f|contains": "b*d"}, {"f": "abxxde"})
    assert not holds({"f|contains": "bc"}, {"f": "b c"})


def test_startswith() -> None:
    assert holds({"f|startswith": "ab"}, {"f": "ABc"})
    assert not holds({"f|startswith": "ab"}, {"f": "xab"})


def test_endswith() -> None:
    assert holds({"f|endswith": r"\cmd.exe"}, {"f": r"C:\CMD.EXE"})
    assert not holds({"f|endswith": r"\cmd.exe"}, {"f": r"C:\cmd.exe "})


def test_all() -> None:
    assert holds({"f|contains|all": ["a", "b"]}, {"f": "b a"})
    assert not holds({"f|contains|all": ["a", "b"]}, {"f": "a"})
    # Of a single value it changes nothing; the specification would not have it.
    assert holds({"f|contains|all": "a"}, {"f": "a"})


def test_all_leaves_the_forms_of_one_value_alternatives() -> None:
    event = {"f": "tool /one –two"}
    assert holds({"f|windash|contains|all": [" -one", " -two"]}, event)
    assert not holds({"f|windash|contains|all": [" -one", " -three"]}, event)


def test_cased() -> None:
    assert holds({"f|cased": "Root"}, {"f": "Root"})
    assert not holds({"f|cased": "Root"}, {"f": "root"})
    assert not holds({"f|contains|cased": "oo"}, {"f": "rOOt"})


def test_exists() -> None:
    assert holds({"f|exists": True}, {"f": ""})
    assert holds({"f|exists": False}, {})
    assert not holds({"f|exists": False}, {"f": ""})
    assert refusal({"f|exists": "yes"}).params["pointer"] == "/selection/f|exists"


def test_neq() -> None:
    assert not holds({"f|neq": "root"}, {"f": "ROOT"})
    assert holds({"f|neq": "root"}, {"f": "x"})
    assert not holds({"f|neq": [1, 2]}, {"f": 2})
    assert compiled({"f|fieldref|neq": "g"}) == Not(Atom("f", "same_as", "g"))


def test_neq_holds_where_the_field_is_absent() -> None:
    assert holds({"f|neq": "root"}, {})


@pytest.mark.parametrize("written", DASHES)
@pytest.mark.parametrize("seen", DASHES)
def test_windash(written: str, seen: str) -> None:
    assert holds({"f|windash|contains": f" {written}enc"}, {"f": f"tool {seen}Enc x"})


@pytest.mark.parametrize("written", DASHES)
def test_windash_means_the_same_whichever_dash_is_written(written: str) -> None:
    assert compiled({"f|windash": f"a {written}b {written}c"}) == compiled({"f|windash": "a -b -c"})


def test_windash_leaves_dashes_inside_of_words() -> None:
    assert not holds({"f|windash|contains": " --with-name"}, {"f": "x --with/name"})
    assert not holds({"f|windash|contains": "a-b"}, {"f": "a/b"})


def test_windash_refuses_a_fourth_dash() -> None:
    assert len(list(atoms(compiled({"f|windash": "-a -b -c"})))) == 125
    assert "at most 3" in str(refusal({"f|windash": "-a -b -c -d"}))


def test_base64() -> None:
    assert holds({"f|base64|contains": "http://a"}, {"f": "x aHR0cDovL2E= y"})
    assert "no base64" in str(refusal({"f|base64": "a*b"}))


@given(before=st.binary(max_size=7), after=st.binary(max_size=7), word=st.text(min_size=3))
def test_base64offset_finds_the_word_wherever_it_stands(
    before: bytes, after: bytes, word: str
) -> None:
    if any(char in word for char in "*?\\"):
        return
    encoded = b64encode(before + word.encode() + after).decode()
    assert holds({"f|base64offset|contains": word}, {"f": encoded})


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_base64offset(offset: int) -> None:
    encoded = b64encode(b"x" * offset + b"powershell" + b"yy").decode()
    assert holds({"f|base64offset|contains": "powershell"}, {"f": encoded})
    assert not holds({"f|base64offset|contains": "powershall"}, {"f": encoded})


def test_base64offset_refuses_what_is_too_short_to_be_told() -> None:
    assert "too short" in str(refusal({"f|base64offset|contains": "a"}))


@pytest.mark.parametrize("word", ["cmd", "口令", "naïve €"])
@pytest.mark.parametrize(
    ("modifier", "encoding", "mark"),
    [
        ("wide", "utf-16le", b""),
        ("utf16le", "utf-16le", b""),
        ("utf16be", "utf-16be", b""),
        ("utf16", "utf-16le", b"\xff\xfe"),
    ],
)
def test_utf16_before_base64(word: str, modifier: str, encoding: str, mark: bytes) -> None:
    encoded = b64encode(mark + word.encode(encoding)).decode()
    assert holds({f"f|{modifier}|base64": word}, {"f": encoded})
    shifted = b64encode(b"x" + mark + word.encode(encoding) + b"z").decode()
    assert holds({f"f|{modifier}|base64offset|contains": word}, {"f": shifted})


def test_wide_alone_is_text_with_zero_bytes() -> None:
    assert holds({"f|wide|contains": "cmd"}, {"f": "x c\0m\0d\0"})
    assert "add base64" in str(refusal({"f|wide": "口令"}))


def test_re() -> None:
    assert holds({"f|re": "o{2}t$"}, {"f": "root"})
    assert not holds({"f|re": "O{2}"}, {"f": "root"})
    assert holds({"f|re": r"^C:\\[a-z]+"}, {"f": r"C:\win"})


@pytest.mark.parametrize("expression", [r"(?=a)b", r"(?!a)b", r"(?<=a)b", r"(a)\1", r"(?>a)b", "("])
def test_re_refuses_what_is_not_linear_in_time(expression: str) -> None:
    found = refusal({"f|re": expression})
    assert "linear" in str(found)
    assert found.params["pointer"] == "/selection/f|re"


def test_re_i() -> None:
    assert holds({"f|re|i": "O{2}"}, {"f": "root"})


def test_re_m() -> None:
    assert holds({"f|re|m": "^b$"}, {"f": "a\nb\nc"})
    assert not holds({"f|re": "^b$"}, {"f": "a\nb\nc"})


def test_re_s() -> None:
    assert holds({"f|re|s": "a.b"}, {"f": "a\nb"})
    assert not holds({"f|re": "a.b"}, {"f": "a\nb"})


def test_re_with_an_end_to_hold_to() -> None:
    assert holds({"f|re|startswith": "b|a"}, {"f": "ab"})
    assert not holds({"f|re|startswith": "b|c"}, {"f": "ab"})
    assert holds({"f|re|endswith": "b|a"}, {"f": "ab"})
    assert not holds({"f|re|endswith": "c|a"}, {"f": "ab"})
    assert holds({"f|re|contains": "b"}, {"f": "abc"})
    written = r"(?:a\\?b*\.[*?]|c)+"
    assert compiled({"f|re|endswith": written}) == Atom("f", "regex", rf"(?:{written})\z")


def test_cidr() -> None:
    assert holds({"f|cidr": ["fd00::/8", "10.0.0.0/8"]}, {"f": "10.2.3.4"})
    assert holds({"f|cidr": "fd00::/8"}, {"f": "FD12::1"})
    assert not holds({"f|cidr": "10.0.0.0/8"}, {"f": "11.0.0.1"})
    assert not holds({"f|cidr": "10.0.0.0/8"}, {"f": "no address"})
    assert refusal({"f|cidr": "10.0.0.0/99"}).params["pointer"] == "/selection/f|cidr"


@pytest.mark.parametrize(
    ("modifier", "yes", "no"), [("lt", 9, 10), ("lte", 10, 11), ("gt", 11, 10), ("gte", 10, 9)]
)
def test_comparisons(modifier: str, yes: int, no: int) -> None:
    assert holds({f"f|{modifier}": 10}, {"f": yes})
    assert holds({f"f|{modifier}": 10}, {"f": str(yes)})
    assert not holds({f"f|{modifier}": 10}, {"f": no})
    assert not holds({f"f|{modifier}": 10}, {})
    refusal({f"f|{modifier}": "ten"})


def test_comparisons_with_fractions() -> None:
    assert holds({"f|gt": 1.5}, {"f": 2})
    assert not holds({"f|gt": 1.5}, {"f": 1})


def test_fieldref() -> None:
    assert holds({"f|fieldref": "g"}, {"f": "a", "g": "A"})
    assert not holds({"f|fieldref": "g"}, {"f": "a"})
    assert holds({"f|fieldref|startswith": "g"}, {"f": "ab", "g": "a"})
    assert holds({"f|fieldref|endswith": "g"}, {"f": "ab", "g": "b"})
    assert holds({"f|fieldref|contains": "g"}, {"f": "abc", "g": "b"})
    assert not holds({"f|fieldref|contains": "g"}, {"f": "abc", "g": "d"})
    assert "without regard to case" in str(refusal({"f|cased|fieldref": "g"}))


def names(name: str) -> tuple[str, ...] | None:
    return {"admins": ("root", "adm*"), "hosts": ("a", "b")}.get(name)


def test_expand() -> None:
    assert holds({"f|expand": "%admins%"}, {"f": "ADM_li"}, names)
    assert holds({"f|expand|contains": "%hosts%-%admins%"}, {"f": "x b-root y"}, names)
    assert not holds({"f|expand": "%admins%"}, {"f": "guest"}, names)
    assert holds({"f|re|expand": "^%hosts%[0-9]$"}, {"f": "b7"}, names)


def test_expand_refuses_a_placeholder_without_values_by_its_name() -> None:
    assert "%Servers%" in str(refusal({"f|expand": "x%Servers%"}))


def test_expand_leaves_what_no_modifier_asks_for() -> None:
    assert holds({"f": "%admins%"}, {"f": "%ADMINS%"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\%plain%hosts%", ["%plaina", "%plainb"]),
        (r"\\%hosts%", [r"\\a", r"\\b"]),
        ("100%", ["100%"]),
        ("%%hosts%", ["%a", "%b"]),
        ("no", ["no"]),
    ],
)
def test_expand_takes_a_percent_sign_behind_a_backslash_as_it_is(
    text: str, expected: list[str]
) -> None:
    assert expand(text, names) == expected


def test_expand_is_bounded() -> None:
    with pytest.raises(FengsuiError, match="over 1000"):
        expand("%many%%many%", lambda _: tuple(map(str, range(100))))


@pytest.mark.parametrize("part", ["minute", "hour", "day", "week", "month", "year"])
def test_parts_of_a_time(part: str) -> None:
    assert compiled({f"@timestamp|{part}": 3}) == Atom("@timestamp", "number", 3, part=part)
    assert compiled({f"@timestamp|{part}|gte": 3}) == Atom("@timestamp", "gte", 3, part=part)


_NAMES = st.lists(st.sampled_from([*MODIFIERS, "expand"]), max_size=4)
_SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet="ab*?\\\\%-/– .()[1", max_size=9)
    | st.text(max_size=4)
)


@given(
    names=_NAMES, value=_SCALAR | st.lists(_SCALAR, max_size=3), field=st.sampled_from(["f", ""])
)
def test_any_modifiers_of_any_value_compile_or_are_refused(
    names: list[str], value: object, field: str
) -> None:
    try:
        node = compiled({"|".join([field, *names]): value}, placeholder=lambda _: ("a", "b*"))
    except FengsuiError:
        return
    true(node, {"f": "ab", "g": 1, "h": ["x"]})


def test_an_unknown_modifier_is_refused_by_its_name() -> None:
    assert "'nearly'" in str(refusal({"f|nearly": "x"}))
