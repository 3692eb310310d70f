"""Second look: whatever a careless sensor sealed, no citizen's number or marking gets past here.

Sealed bytes are glanced over as they are, many at once; only what may hold something is searched
value by value with :mod:`schema.privacy`, the same rules the sensors mask by.
"""

from __future__ import annotations

from collections.abc import Iterator

from schema import privacy
from schema.event import Fields
from schema.fields import catalogue
from schema.glance import worth_a_look

__all__ = ["kinds_in", "worth_a_look"]


def kinds_in(fields: Fields) -> tuple[str, ...]:
    """What the event holds that no sensor may send, by kind; empty for a clean one."""
    texts = list(_texts(fields))
    found = {finding.kind for findings in privacy.find_many(texts).values() for finding in findings}
    return tuple(sorted(found))


def _texts(fields: Fields) -> Iterator[str]:
    known = catalogue()
    for name, value in fields.items():
        yield name
        # A label's name may be the word that makes a number a citizen's.
        word = privacy.CONTEXT if name not in known and privacy.names_person(name) else ""
        if isinstance(value, str):
            yield word + value
        elif isinstance(value, list):
            yield from (word + item for item in value)
        elif name not in known and not isinstance(value, bool):
            # Sizes, offsets and durations of the catalogue are no telephone numbers.
            yield word + str(value)
