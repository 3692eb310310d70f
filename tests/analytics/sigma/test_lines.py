"""A refusal's pointer leads to the line of the key that is to blame."""

from __future__ import annotations

import pytest

from analytics.sigma import lines
from schema.errors import FengsuiError

RAW = b"""\
a: 1
b:
  c/d~e:
    - x
    - f|re: y
  c: 2
b2: {g: 1,
  h: 2}
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), 1),
        (("b",), 2),
        (("b", "c/d~e"), 3),
        (("b", "c/d~e", 1), 5),
        (("b", "c/d~e", 1, "f|re"), 5),
        (("b2", "h"), 8),
        (("b", "absent", "x"), 2),
        (("b", "c/d~e", 7), 3),
        (("a", "x"), 1),
    ],
)
def test_a_pointer_leads_to_its_line(keys: tuple[str | int, ...], line: int) -> None:
    assert lines.line_of(RAW, lines.pointer(*keys)) == line


@pytest.mark.parametrize("raw", [b"", b"a: {\n  b", b"\xff\xfe", b"[" * 200_000])
def test_what_is_no_yaml_still_has_a_line(raw: bytes) -> None:
    assert lines.line_of(raw, "/a") >= 1


def test_a_part_speaks_of_its_place_in_the_whole() -> None:
    with pytest.raises(FengsuiError) as found, lines.within("b", "c/d~e"), lines.within(1):
        raise lines.refused("why", lines.pointer("f|re"))
    located = lines.located(found.value, RAW)
    assert (located.params["line"], located.args[0]) == (5, "why (line 5)")
    assert lines.located(located, RAW) is located


def test_the_keys_to_a_part_are_those_of_the_first_like_it() -> None:
    whole = {"a": [{"b": 1}, {"c": {"d": 2}}]}
    assert lines.keys_to(whole, {"d": 2}) == ("a", 1, "c")
    assert lines.keys_to(whole, {"e": 2}) == ()
