"""Evidence: attacks on what proves everything else, and what must never be uploaded."""

from __future__ import annotations

from typing import Final

from district.calendar import MINUTE_US, SECOND_US
from district.sharing.acts import SealedRecord, StopNode, Upload
from district.sharing.days import BEAT_US
from district.sharing.moves import Move, events_of, full
from district.sharing.parties import NODES, Parties
from district.system import Occasion
from district.town import Town

__all__ = ["Evidence"]

_SENSOR_MINUTES: Final = 15
_MISSED: Final = 3
_BROKEN: Final = (
    ("batch_refused", "schema.batch.link_broken"),
    ("batch_quarantined", "schema.batch.forked"),
    ("batch_refused", "schema.batch.signature_invalid"),
)
_MARKED: Final = (
    "机密★10年 关于有关工作部署的通知",
    "秘密★5年 会议材料之三",
    "绝密★长期 附件",
)


class Evidence:
    """Each method is one use case."""

    def __init__(self, town: Town, parties: Parties) -> None:
        self._town = town
        self._parties = parties

    def silence(self, occasion: Occasion) -> Move:
        """A node is stopped, or the sensor on it."""
        if occasion.number % 2:
            sensor = f"sensor-{60 + occasion.number}"
            minutes = _SENSOR_MINUTES * occasion.strength // 1000 + full(occasion)
            back = occasion.start + minutes * MINUTE_US
            return Move(
                acts=[
                    (
                        occasion.start,
                        SealedRecord(action="source_excluded", sensor=sensor, reason="silent"),
                    ),
                    (back, SealedRecord(action="source_readmitted", sensor=sensor)),
                ],
                entities=(sensor,),
            )
        node = NODES[1]
        # From just before a heart-beat: below the threshold a single one is missed.
        stopped = occasion.start - occasion.start % BEAT_US - 5 * SECOND_US
        missed = 1 if not full(occasion) else -(-_MISSED * occasion.strength // 1000)
        until = stopped + missed * BEAT_US
        return Move(
            acts=[(stopped, StopNode(node=node, until=until))],
            entities=(node,),
            slack_us=(missed + 1) * BEAT_US,
        )

    def broken_chain(self, occasion: Occasion) -> Move:
        """Batches were rewritten on a machine. Below: one that nobody enrolled."""
        sensor = f"sensor-{70 + occasion.number}"
        action, reason = _BROKEN[occasion.number % len(_BROKEN)]
        if not full(occasion):
            action, reason = "batch_refused", "collector.batch.unenrolled"
        acts = [
            (
                occasion.start + step * 30 * SECOND_US,
                SealedRecord(action=action, sensor=sensor, reason=reason, number=4000 + step),
            )
            for step in range(events_of(occasion))
        ]
        return Move(acts=acts, entities=(sensor,))

    def classified(self, occasion: Occasion) -> Move:
        """A marked paper, or a protected file without its mark. Below: a paper about secrecy."""
        clerk = occasion.chance.choice(self._town.clerks)
        acts = []
        for step in range(events_of(occasion)):
            head, content = "附件材料", f"plain {occasion.number} {step}"
            if full(occasion) and occasion.number % 2:
                content = self._parties.protected[(occasion.number + step) % 6]
            elif full(occasion):
                head = _MARKED[(occasion.number + step) % len(_MARKED)]
            else:
                head = "保密宣传月学习资料"
            acts.append(
                (
                    occasion.start + step * 5 * MINUTE_US,
                    Upload(user=clerk.user, unit=clerk.unit.code, name=f"attachment-{step}.docx",
                           head=head, content=content),
                )
            )  # fmt: skip
        return Move(acts=acts, entities=(clerk.user, clerk.unit.code))
