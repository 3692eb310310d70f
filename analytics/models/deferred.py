"""Deferred: a module that is loaded when something of it is first used, not when it is imported.

scikit-learn imports ``scipy.stats`` for tests and scores that no forest asks for: fifteen MiB and
a third of a second of the training child. What it takes from there is a promise to load it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def deferred(name: str) -> Iterator[None]:
    """Inside the block, imports of that module give promises; a module already there stays."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = _Promises(name)
    try:
        yield
    finally:
        del sys.modules[name]


class _Promises(ModuleType):
    """Stands for a module: each name in it is a promise."""

    def __getattr__(self, name: str) -> _Promise:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Promise(self.__name__, name)


class _Promise:
    """Something of a module, fetched when it is called or looked into."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def _fetched(self) -> Any:
        return getattr(importlib.import_module(self._module), self._name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._fetched()(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._fetched(), name)
