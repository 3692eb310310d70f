"""Steps: how a rule file writes one step of several, whatever the kind of the rule."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from analytics.guards import Given
from analytics.kinds.port import Draft
from analytics.language.reading import refused
from analytics.rule import STEPS_MAX, Step


class StepPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one step looks for, in the events of which source, and whose they are."""

    name: str
    detection: dict[str, object]
    zh: str = ""
    logsource: dict[str, str] | None = None
    entity: str | tuple[str, ...] = ()
    where: tuple[Given, ...] = ()

    def step(self, draft: Draft, *, count: int = 1, values: Sequence[str] = ()) -> Step:
        """The step; raises ``analytics.rule.refused``."""
        return draft.step(
            self.name,
            self.detection,
            logsource=self.logsource,
            count=count,
            entity=(self.entity,) if isinstance(self.entity, str) else self.entity,
            values=values,
            zh=self.zh,
            where=self.where,
        )


class CountedPart(StepPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step that may be wanted more than once."""

    count: int = 1


def check_names(steps: Sequence[StepPart], part: str, *, at_least: int, at_most: int) -> None:
    """Raise ``analytics.rule.refused`` for too few or too many steps, or two of one name."""
    if not at_least <= len(steps) <= min(at_most, STEPS_MAX):
        raise refused(f"a {part} has {at_least} to {min(at_most, STEPS_MAX)} steps")
    if len({step.name for step in steps}) != len(steps):
        raise refused(f"two steps of the {part} have the same name")


def said(names: Sequence[str], steps: Sequence[Step]) -> tuple[str, str]:
    """The steps of these names in words, in Chinese and English."""
    chinese = {step.name: step.zh for step in steps}
    return (
        "、".join(f"“{chinese.get(name) or name}”" for name in names),
        ", ".join(f'"{name}"' for name in names),
    )
