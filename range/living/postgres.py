"""PostgreSQL: what the stores of all living platforms have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

__all__ = ["transaction"]


@contextmanager
def transaction(turn: AbstractContextManager[bool], say: Callable[[str], object]) -> Iterator[None]:
    """All or nothing of what is done inside; ``turn`` lets nobody else in between."""
    with turn:
        say("begin")
        try:
            yield
        except BaseException:
            say("rollback")
            raise
        say("commit")
