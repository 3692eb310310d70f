"""What a page's fingerprint leaves out, and which of its links a visitor does not see."""

from __future__ import annotations

from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import FengsuiError
from sensors.probe.page import DARK_MAX, DEPTH_MAX, Normaliser, dark_links

OURS = ("www.shili.example",)


def dark(page: str) -> tuple[str, ...]:
    return dark_links(page.encode(), OURS, elapsed=monotonic).domains


def test_line_ends_and_trailing_blanks_do_not_change_a_fingerprint() -> None:
    plain = Normaliser(())

    assert plain.fingerprint(b"a \t\r\nb\r\n\r\n") == plain.fingerprint(b"a\nb")


def test_another_word_changes_the_fingerprint() -> None:
    plain = Normaliser(())

    assert plain.fingerprint(b"a\nb") != plain.fingerprint(b"a\nc")


def test_a_listed_part_that_changes_is_left_out() -> None:
    cut = Normaliser((r"visits: [0-9]+",))

    assert cut.fingerprint(b"<p>visits: 1</p>") == cut.fingerprint(b"<p>visits: 22</p>")
    assert cut.fingerprint(b"<p>visits: 1</p>") != cut.fingerprint(b"<b>visits: 1</b>")


@pytest.mark.parametrize("expressions", [("(",), ("a" * 513,), ("a",) * 17])
def test_an_unsound_expression_is_refused(expressions: tuple[str, ...]) -> None:
    with pytest.raises(FengsuiError, match="volatile"):
        Normaliser(expressions)


@pytest.mark.parametrize(
    "page",
    [
        '<a hidden href="https://bad.example/">x</a>',
        '<div style="display:none"><p><a href="//bad.example/x">x</a></p></div>',
        '<div style="visibility: HIDDEN"><a href="https://bad.example/">x</a></div>',
        '<a style="opacity:0" href="https://bad.example/">x</a>',
        '<a style="font-size:0" href="https://bad.example/">x</a>',
        '<a style="font-size:1px !important" href="https://bad.example/">x</a>',
        '<p style="position:absolute;left:-9999px"><a href="https://bad.example/">x</a></p>',
        '<p style="text-indent:-500px"><a href="https://bad.example/">x</a></p>',
        '<p style="background:#fff"><a style="color:white" href="https://bad.example/">x</a></p>',
        '<a style="color:transparent" href="https://bad.example/">x</a>',
        '<iframe width="0" height="0" src="https://bad.example/"></iframe>',
    ],
)
def test_a_link_nobody_sees_to_a_strange_domain_is_dark(page: str) -> None:
    assert dark(page) == ("bad.example",)


@pytest.mark.parametrize(
    "page",
    [
        '<a href="https://other.example/">seen</a>',
        '<a hidden href="https://www.shili.example/">ours</a>',
        '<a hidden href="https://a.www.shili.example/">below ours</a>',
        '<a hidden href="/local">ours</a>',
        '<p style="display:none">x</p><a href="https://other.example/">after it</a>',
        '<img hidden><a href="https://other.example/">after a void one</a>',
        '<a style="left:-20px;opacity:0.9" href="https://other.example/">near</a>',
        '<p style="color:white"><a href="https://other.example/">no background told</a></p>',
        '<!-- <a hidden href="https://bad.example/">x</a> -->',
    ],
)
def test_a_link_that_is_seen_or_ours_is_not_dark(page: str) -> None:
    assert dark(page) == ()


def test_a_name_that_only_ends_like_ours_is_strange() -> None:
    assert dark('<a hidden href="https://evilwww.shili.example/">x</a>') == (
        "evilwww.shili.example",
    )


def test_no_more_domains_are_told_than_the_limit() -> None:
    page = "".join(f'<a hidden href="https://d{n}.example/">x</a>' for n in range(DARK_MAX + 9))

    assert len(dark(page)) == DARK_MAX


@pytest.mark.parametrize(
    "page", ["<div>" * (DEPTH_MAX + 1), "<!--" + "x" * 40_000, '<a href="' + "x" * 40_000]
)
def test_what_is_past_a_limit_is_told_as_unread(page: str) -> None:
    assert not dark_links(page.encode(), OURS, elapsed=monotonic).is_read


def test_a_long_script_does_not_stop_the_reading() -> None:
    page = f'<script>{"x" * 50_000}</script><a hidden href="https://bad.example/">x</a>'

    assert dark(page) == ("bad.example",)


def test_reading_ends_when_its_time_is_over() -> None:
    clock = iter(range(0, 100, 5))

    assert not dark_links(b"<p>" * 9000, OURS, elapsed=lambda: float(next(clock))).is_read


PIECES = st.sampled_from(
    ["<", ">", "</", "<!", "<!--", "-->", "<![", "<?", "&#", "&", '"', "'", "=", " ", "a", "div",
     "style", "href", "hidden", "//x.example", "[", "<script>", "</script>", "http://[", "\0"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60).map("".join) | st.text() | st.binary())
def test_no_page_breaks_the_reader(page: str | bytes) -> None:
    body = page if isinstance(page, bytes) else page.encode("utf-8", "replace")

    assert len(dark_links(body, OURS, elapsed=monotonic).domains) <= DARK_MAX
    assert len(Normaliser(()).fingerprint(body)) == 64
