"""What is found in text, in every spelling; and what only looks like it."""

from __future__ import annotations

import time
from datetime import date, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import privacy

CITIZEN = "350502199003071236"
STANDARD = "11010519491231002X"
PHONE = "13800138000"
CARD = "6222021402001234563"
PROVINCES = [11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46]
PROVINCES += [50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83]
FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


def kinds(text: str) -> list[str]:
    return [finding.kind for finding in privacy.find(text)]


@st.composite
def citizens(draw: st.DrawFn) -> str:
    day = date(1900, 1, 1) + timedelta(days=draw(st.integers(0, 45_000)))
    region = draw(st.sampled_from(PROVINCES)) * 10_000 + draw(st.integers(0, 9999))
    body = f"{region}{day:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def in_groups(number: str) -> str:
    return f"{number[:6]} {number[6:10]}-{number[10:14]} - {number[14:]}"


def percent(number: str) -> str:
    return "".join(f"%{ord(char):02X}" for char in number)


SPELLINGS = [
    str,
    str.lower,
    lambda number: number.translate(FULL_WIDTH),
    in_groups,
    percent,
    lambda number: percent(number).replace("%", "%25"),
    lambda number: number[:7] + percent(number[7:]),
    lambda number: "".join(f"\\x{ord(char):02x}" for char in number),
    lambda number: "".join(f"\\u{ord(char):04x}" for char in number),
    lambda number: quote(number.translate(FULL_WIDTH)),
    lambda number: in_groups(number).replace(" ", "%20"),
    lambda number: in_groups(number).replace(" ", "+"),
    lambda number: in_groups(number).replace("-", "–").replace(" ", "\u3000"),
]


@pytest.mark.parametrize("number", [CITIZEN, STANDARD, STANDARD.lower()])
@pytest.mark.parametrize(
    "frame", ["{}", "身份证{}号", "id={}&x=1", "'%{}%'", "uid{}", '"{}"', "<{}>"]
)
def test_a_citizens_number_is_found_between_anything_but_digits(number: str, frame: str) -> None:
    (finding,) = privacy.find(frame.format(number))
    assert (finding.kind, finding.value) == ("citizen_id", number.upper())
    assert frame.format(number)[finding.start : finding.end] == number


@given(citizens(), st.sampled_from(SPELLINGS), st.text(max_size=40), st.text(max_size=40))
def test_no_spelling_of_a_citizens_number_survives(number, spelling, before, after) -> None:
    text = f"{before}|{spelling(number)}|{after}"
    findings = privacy.find(text)
    assert number in [finding.value for finding in findings]
    hit = next(finding for finding in findings if finding.value == number)
    assert hit.start <= len(before) + 1
    assert hit.end >= len(text) - len(after) - 1


@pytest.mark.parametrize(
    "text",
    [
        "350502199003071237",  # check digit
        "350502199002301233",  # 30 February
        "202611231316120001",  # an order number that begins with a time
        "990502199003071236",  # no such province
        "9350502199003071236",
        "3505021990030712361",
        "a350502199003071236b7",  # inside a longer word with digits
        "550e8400-e29b-41d4-a716-446655440000",
        "91350502MA2XYH125P",  # a firm's credit code is public
        "12350500489512342F",
        "d06ceaafc4ade2f486e47ffa6052734dc025dae489633d94aca1c5115f3d5393",
        "1700000000000",  # a time in milliseconds
        "10.0.0.1 - - [23/Nov/2026:13:16:12 +0000] 200 15312",
        "6222021402001234564",  # Luhn
        "4222021402001234563",  # no card prefix of ours
        "356938035643809",  # an IMEI, Luhn right
        "0.13800138000",
        "12345",
        "",
    ],
)
def test_what_only_looks_like_a_number_is_left(text: str) -> None:
    assert privacy.find(text) == []


def test_the_old_number_needs_a_word_and_becomes_its_new_form() -> None:
    assert privacy.find("350502900307123") == []
    (finding,) = privacy.find("身份证号：350502900307123")
    assert finding.value == CITIZEN


def test_a_credit_code_of_digits_alone_with_a_birth_date_is_taken_for_a_citizen() -> None:
    assert kinds(CITIZEN) == ["citizen_id"]


@pytest.mark.parametrize(
    "text", [PHONE, f"+86 {PHONE}", f"0086{PHONE}", f"86-{PHONE}", "138-0013-8000", f"tel{PHONE}"]
)
def test_a_mobile_number_is_found(text: str) -> None:
    (finding,) = privacy.find(f"电话{text}。")
    assert (finding.kind, finding.value) == ("phone", PHONE)


def test_an_id_with_a_phone_shape_inside_a_hash_is_left() -> None:
    assert kinds(f"a{PHONE}b") == []


@pytest.mark.parametrize("text", [CARD, "6222 0214 0200 1234 563", "6222-0214-0200-1234-563 12"])
def test_a_bank_card_is_found(text: str) -> None:
    (finding,) = privacy.find(text)
    assert (finding.kind, finding.value) == ("card", CARD)


def test_a_number_that_is_both_citizen_and_card_is_a_citizen() -> None:
    # Region 62 is Gansu, and 62 begins a card.
    number = next(
        text
        for serial in range(1000)
        if (text := _with_check(f"62010019900307{serial:03d}")) and _luhn(text)
    )
    assert kinds(number) == ["citizen_id"]


def _with_check(body: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def _luhn(text: str) -> bool:
    if not text.isdigit():
        return False
    doubled = [int(char) * (1 + place % 2) for place, char in enumerate(reversed(text))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


MARKINGS = [
    "绝密★30年",
    "机密★",
    "秘密★10年",
    "秘密★6个月",
    "机密★启用前",
    "绝 密 ☆",
    "秘密＊",
    "機密★",
]


@pytest.mark.parametrize("marking", MARKINGS)
def test_a_marking_is_found_in_every_spelling(marking: str) -> None:
    spellings = [
        marking,
        quote(marking),
        quote(quote(marking)),
        "".join(f"%{byte:02X}" for byte in marking.encode("gb18030")),
        "".join(f"\\x{byte:02X}" for byte in marking.encode()),
        marking.encode("unicode_escape").decode(),
    ]
    for text in spellings:
        assert kinds(f"标题={text} 结尾")[:1] == ["classified"], text


@pytest.mark.parametrize(
    "text",
    ["商业秘密", "国家秘密", "保守秘密", "秘密花园", "绝密文件曝光", "内部资料", "密码★★★", "机密"],
)
def test_a_word_without_its_star_is_no_marking(text: str) -> None:
    assert privacy.find(text) == []


def test_what_the_mask_writes_is_not_found_again() -> None:
    assert privacy.find("<<id:6222021402001234>> <<phone:1380013800000000>>") == []


def test_overlapping_candidates_do_not_hide_the_number_behind() -> None:
    assert [f.value for f in privacy.find("1234 350502-19900307-1236")] == [CITIZEN]


def test_many_texts_give_the_findings_of_each_dirty_one() -> None:
    texts = [f"GET /page/{number} HTTP/1.1" for number in range(100)]
    texts[17] = f"GET /?id={CITIZEN}"
    texts[40] = "/?q=%E7%A7%98%E5%AF%86%E2%98%85"
    texts[99] = f"泉州 {PHONE}"
    found = privacy.find_many(texts)
    assert {at: [f.kind for f in findings] for at, findings in found.items()} == {
        17: ["citizen_id"],
        40: ["classified"],
        99: ["phone"],
    }


def test_a_value_is_never_printed() -> None:
    assert CITIZEN not in repr(privacy.find(CITIZEN))


pieces = st.sampled_from(
    [
        "%",
        "%25",
        "\\x",
        "\\u",
        "35",
        "0502",
        "19900307",
        "1236",
        "-",
        "+",
        "密",
        "秘",
        "★",
        "%E7",
        "%A7",
        "６",
        "1",
        "x",
        "<<id:",
        ">>",
        "138",
        "6222",
    ]
)
pieces = pieces | st.sampled_from([" ", "\0", "\ud800", "\n"])


@given(st.one_of(st.text(), st.lists(pieces, max_size=60).map("".join)))
def test_any_text_is_searched_without_failing_and_findings_lie_in_order(text: str) -> None:
    findings = privacy.find(text)
    assert bool(findings) <= privacy.suspicious(text)
    end = 0
    for finding in findings:
        assert end <= finding.start < finding.end <= len(text)
        end = finding.end
    assert privacy.find_many([text]) == ({0: findings} if findings else {})


@given(st.lists(st.lists(pieces, max_size=20).map("".join), max_size=40))
def test_searching_many_texts_is_searching_each(texts: list[str]) -> None:
    each = {at: found for at, text in enumerate(texts) if (found := privacy.find(text))}
    assert privacy.find_many(texts) == each


@pytest.mark.parametrize(
    "piece",
    [
        "1+",
        "a13800138000",
        "62",
        "1 ",
        "%35",
        "绝密",
        "%",
        "\\x",
        "%25",
        "1",
        "350502 19900307 12 ",
        "<<id:",
        "13800138000 ",
        "6222 0214 0200 1234 563 ",
        "\\u0033",
        "350502199003071236",
    ],
)
def test_a_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        best = 1e9
        for _ in range(2):
            start = time.process_time()
            privacy.find(text)
            best = min(best, time.process_time() - start)
        return best

    # Sixteen times the text; the square of that would be 256.
    assert seconds(64_000) < 64 * max(seconds(4_000), 0.0005)
