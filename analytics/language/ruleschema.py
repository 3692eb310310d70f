"""Rule schema: the JSON schema of format ``fengsui/1``, for editors that check as one writes.

Made from the types that read rule files, so that it says what is read. What a schema cannot say
(that a field is in the catalogue, that counts are not too high) only loading the rule tells.
``python -m analytics.language.ruleschema`` writes it anew.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analytics.language.document import OwnRule
from analytics.ruleset import SHIPPED

PATH: Final = SHIPPED / "fengsui-1.schema.json"
"""The schema beside the rules that come with the product."""


def _anything(kind: type) -> dict[str, object]:
    """Detections are Sigma's: what stands in them is read by its own rules."""
    if kind is not object:
        raise NotImplementedError(kind)
    return {"description": "As in a Sigma rule: selections, and their condition."}


def text() -> str:
    """The whole file."""
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fengsui/1",
        **msgspec.json.schema(OwnRule, schema_hook=_anything),
    }
    return msgspec.json.format(msgspec.json.encode(found, order="sorted"), indent=2).decode() + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
