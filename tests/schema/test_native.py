"""The native quick look and its fallback in Python say the same of any text."""

import copy

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector import rescan
from schema import event, native, privacy, times
from schema.errors import FengsuiError
from schema.event import Fields
from sensors.mask import Masker

pytestmark = pytest.mark.skipif(native.scan is None, reason="no native module here")

DIGITS = ["1", "38", "0013", "13800138000", "11010519491231002X", "３５０"]
BETWEEN = [" ", "-", "+", "\t", "\n", "a", ":", '"', '\\"', "\0", "\u200b", "é"]
ESCAPES = ["%", "%33", "\\", "\\x33", "\\u5bc6", "机密★", "机\t密*"]
PIECES = st.sampled_from([*DIGITS, *BETWEEN, *ESCAPES])
TEXTS = st.one_of(st.lists(PIECES, max_size=24).map("".join), st.text(max_size=40))
NAMES = st.sampled_from(["message", "event.original", "labels.id_card", "labels.x", "labels.机密★"])
VALUES = st.one_of(TEXTS, st.integers(-(2**70), 2**70), st.booleans(), st.lists(TEXTS, max_size=3))
EVENTS = st.lists(st.dictionaries(st.one_of(NAMES, TEXTS), VALUES, max_size=4), max_size=6)
SURROGATES = st.text(st.sampled_from("13800\ud800\udfff密★%"), max_size=20)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.none(), st.binary(max_size=60), TEXTS.map(str.encode)), max_size=40))
@example([b"\\", b'\\"13800138000', b"1380013800\\", b"%", None, b"", b"\xff1"])
def test_payloads_are_told_apart_alike(payloads: list[bytes | None]) -> None:
    assert rescan.worth_a_look(payloads) == rescan.in_python(payloads)


def _masked(events: list[Fields]) -> list[Fields]:
    masked = copy.deepcopy(events)
    Masker(bytes(32)).mask(masked)
    return masked


@settings(deadline=None, max_examples=300)
@given(EVENTS)
@example([{"message": "1380013800"}, {"message": "\ud800 13800138000"}])
def test_events_are_masked_alike(events: list[Fields]) -> None:
    by_native = _masked(events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "scan", None)
        assert _masked(events) == by_native


@settings(deadline=None, max_examples=500)
@given(st.one_of(TEXTS, SURROGATES))
def test_a_text_the_native_look_passes_over_holds_nothing(text: str) -> None:
    assert native.scan is not None
    doubtful, names = native.scan.texts([{"message": text, "other": [text]}])
    assert names == {"message", "other"}
    assert doubtful <= {text}
    long = len(text) >= privacy.DIGITS_MIN or not text.isascii()
    assert (text in doubtful) == (long and (privacy._is_costly(text) or privacy._looks_dirty(text)))
    if not doubtful:
        assert privacy.find(text) == []


@settings(deadline=None)
@given(st.one_of(st.integers(-(6 * 10**16), 2 * 10**17).map(times.to_text), TEXTS))
@example("2024-02-29T23:59:59.999999Z")
@example("2023-02-29T00:00:00.000000Z")
@example("0001-01-01T00:00:00.000000Z")
@example("0000-01-01T00:00:00.000000Z")
@example("9999-12-31T23:59:59.999999Z")
@example("2026-11-23T24:00:00.000000Z")
@example("2026-11-23T13:16:60.000000Z")
@example("２026-11-23T13:16:12.000000Z")
@example("2026-11-23T13:16:12.00000１Z")
@example("2026-W48-1T13:16:12.000000Z")
@example("2026-11-23 13:16:12.000000Z")
@example("2026-11-23T13:16:12,000000Z")
def test_times_are_read_alike(text: str) -> None:
    try:
        expected = times.from_text(text)
    except FengsuiError:
        with pytest.raises(FengsuiError):
            times.from_texts(["2026-11-23T13:16:12.000000Z", text])
    else:
        assert times.from_texts([text, text]) == [expected] * 2


JSON_PIECES = st.sampled_from(
    ['{', '}', '[', ']', ':', ',', '"', '"a":', '"b":', '"密":', '"x"', '"\\n"', '"\\u0041"', ' ',
     '0', '-', '17', '1.5', 'true', 'null', '\\', '\x01', '"é\\t"', '9' * 19]
)  # fmt: skip
FLAT = st.dictionaries(st.one_of(NAMES, st.text(max_size=9)), VALUES, max_size=5)


@settings(deadline=None, max_examples=500)
@given(st.one_of(st.lists(JSON_PIECES, max_size=12).map("".join).map(str.encode),
                 FLAT.map(event.encode)))  # fmt: skip
@example(b'{"a":1,"a":2}')
@example(b'{"b":1,"a":2}')
@example(b'{"a":-0}')
def test_what_the_native_look_calls_canonical_is_written_again_the_same(payload: bytes) -> None:
    assert native.scan is not None
    if native.scan.canonical([payload]):
        assert event.encode(event.decode(payload)) == payload


def test_an_ordinary_event_is_known_as_canonical() -> None:
    assert native.scan is not None
    plain = {"a.b": 'say "hi"\n', "c": 5, "d": ["x", "密"], "e": True, "f": -3}
    assert native.scan.canonical([event.encode(plain)])
