"""The JSON schema of the rule format says what is read, no more and no less."""

from __future__ import annotations

import msgspec

from analytics.language import document, ruleschema

SCHEMA = msgspec.json.decode(ruleschema.PATH.read_bytes())


def test_the_schema_beside_the_rules_is_up_to_date() -> None:
    assert ruleschema.PATH.read_text(encoding="utf-8") == ruleschema.text(), (
        "run python -m analytics.language.ruleschema"
    )


def test_every_part_of_a_rule_file_is_in_it_and_nothing_unknown_is_taken() -> None:
    rule = SCHEMA["$defs"]["OwnRule"]
    assert set(document.PARTS) < rule["properties"].keys()
    assert rule["additionalProperties"] is False
    for name in document.PARTS:
        (wanted,) = [one for one in rule["properties"][name]["anyOf"] if "$ref" in one]
        part = SCHEMA["$defs"][wanted["$ref"].rpartition("/")[2]]
        assert part["additionalProperties"] is False


def test_what_a_rule_must_have_is_required() -> None:
    wanted = {"format", "id", "version", "severity", "score", "text"}
    assert set(SCHEMA["$defs"]["OwnRule"]["required"]) == wanted
