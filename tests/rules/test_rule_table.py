"""The officers' page of rules says what the rules say."""

from __future__ import annotations

from rule_table import DOCUMENT, document


def test_the_page_of_rules_is_made_from_the_rules_as_they_are() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    assert written == document(), "run: python tests/rules/rule_table.py"
