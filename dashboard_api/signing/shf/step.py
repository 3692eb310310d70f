"""Step: what a foreign message comes to: a data operation to ask for, or an answer at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from crypto.ports import Clock, Entropy
from dashboard_api.applications.model import Operation
from dashboard_api.signing.shf.given import Answer, Given, Param


class Answered(msgspec.Struct, frozen=True):
    """The fields of the data operations' answers that foreign answers are made of."""

    signature: str = ""
    ciphertext: str = ""
    plaintext: str = ""
    digest: str = ""
    mac: str = ""
    envelope: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A data operation, with the fields of its body."""

    operation: Operation
    fields: Mapping[str, str | bool]
    answer: Callable[[Answered], Answer]
    names: Mapping[str, str] = field(default_factory=dict)
    """By field of the body what the foreign message calls it: for errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer that needs no key, and what its audit entry says."""

    answer: Answer
    algorithm: str = ""
    mode: str = ""
    payloads: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What some calls need from outside."""

    clock: Clock
    entropy: Entropy


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One call of a foreign form: what it takes, gives and becomes."""

    path: str
    form: str
    operation: Operation
    summary: str
    takes: Sequence[Param]
    gives: Mapping[str, str]
    """By name of a field of the answer what it is."""
    step: Callable[[Given, Tools], Ask | Told]
    keyless: bool = False
    """Whether the step gives the answer itself: then the scope is checked before it."""


SHF: Final = "shf"
SVS: Final = "svs"
