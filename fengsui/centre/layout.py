"""Layout: the topics of one site, by their names on the brokers."""

from __future__ import annotations

from dataclasses import dataclass

from schema.bus import Place, partition_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Names and partition counts, as ``[bus]`` sets them."""

    prefix: str
    partitions: int

    def topic(self, name: str) -> str:
        """The full name of a topic."""
        return f"{self.prefix}.{name}"

    def of_sensor(self, name: str, sensor: str) -> Place:
        """The partition of a topic that everything of a sensor goes to."""
        return Place(self.topic(name), partition_of(sensor, self.partitions))

    def all_of(self, name: str) -> list[Place]:
        """Every partition of a topic keyed by sensor or bucket."""
        return [Place(self.topic(name), number) for number in range(self.partitions)]

    def only(self, name: str) -> Place:
        """The one partition of a topic that has no more."""
        return Place(self.topic(name), 0)
