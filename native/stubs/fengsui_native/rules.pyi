"""Many conditions asked of many events."""

from collections.abc import Callable, Iterable, Mapping, Sequence

class Plan:
    """Conditions are plain lists, as ``analytics.expression`` writes them; raises ``ValueError``,
    ``TypeError`` or ``OverflowError`` for those it does not read. ``test_of`` makes of an atom that
    only Python answers a function of (lower-cased text, value). Such a test must
    not ask the plan itself.
    """

    def __new__(
        cls,
        questions: Iterable[tuple[int, int, object]],
        test_of: Callable[[list[object]], Callable[[str, str | int | bool], bool]],
    ) -> Plan: ...
    def match(self, events: Sequence[Mapping[str, object]]) -> list[tuple[int, int, int]]: ...
