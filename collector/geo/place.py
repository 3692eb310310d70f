"""Place: what a geo file says of one address, and the small port every reader of one keeps."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol, TypeAlias

from schema.errors import FengsuiError

Address: TypeAlias = IPv4Address | IPv6Address

TEXT_MAX: Final = 128
"""Characters of a name: the longest of a place has some sixty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an address lies; what the file does not tell is empty, or 0."""

    country: str = ""
    """ISO 3166-1, two letters."""
    region: str = ""
    city: str = ""
    as_number: int = 0

    def filled(self, other: Place) -> Place:
        """This place, with what it lacks taken from another file's."""
        return Place(
            country=self.country or other.country,
            region=self.region or other.region,
            city=self.city or other.city,
            as_number=self.as_number or other.as_number,
        )


NOWHERE: Final = Place()


class GeoFile(Protocol):
    """An open geo file."""

    def find(self, address: Address) -> Place:
        """The place of an address, :data:`NOWHERE` where the file has none.

        Raises ``collector.geo.corrupt`` where the file contradicts itself.
        """

    def close(self) -> None:
        """Let go of the file."""


def corrupt(name: str, why: str) -> FengsuiError:
    """The error of a file that is not what it claims to be."""
    return FengsuiError(
        "collector.geo.corrupt",
        f"the geo file {name} cannot be read: {why}; fetch it again, or take it out of geo.files",
        file=name,
    )


def name_of(text: str) -> str:
    """A name as it is shown: empty for the zero that ip2region writes where it knows nothing."""
    text = text.strip()[:TEXT_MAX]
    return "" if text == "0" or not text.isprintable() else text


def country_of(text: str) -> str:
    """A country code, empty for anything else."""
    code = text.strip().upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""
