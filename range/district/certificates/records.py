"""Records: what the e-certificate platform keeps, and by what way a request reaches it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Answer", "Case", "Certificate", "Consent", "UseCode", "Via"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """Who asks, through which application, from where, and which node answers."""

    app: str
    address: str
    agent: str = ""
    operator: str = ""
    """Account; empty for a program of its own."""
    unit: str = ""
    """Code of the operator's or the program's unit; empty for a citizen."""
    node: str = "ecert-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One version of a certificate. Others replace it; the platform keeps the newest."""

    licence: str
    item: str
    holder: str
    """Citizen's number."""
    issuer: str
    """Code of the unit."""
    version: int
    state: str
    """VALID, ANNULLED, SUSPENDED or EXPIRED."""
    file_sm3: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a clerk works on."""

    no: str
    matter: str
    unit: str
    operator: str
    parties: tuple[str, ...]
    """Citizens' numbers, the applicant's first."""
    opened_at: int
    closed_at: int = 0
    """0 while it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCode:
    """A code that a holder shows, good for one use within minutes."""

    code: str
    licence: str
    made_at: int
    used_at: int = 0
    """0 until it was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A holder lets an application use own certificates."""

    id: str
    holder: str
    app: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request is answered: a code, ``0`` for done, and the number of what it made."""

    code: str
    number: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.code == "0"
