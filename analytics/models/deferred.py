"""Deferred: a module that is loaded when something of it is first used, not when it is imported.

scikit-learn imports statistics and clustering for scores that no forest asks for: twenty MiB and
a third of a second of the training child. What it takes from there is a promise to load it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Inside the block, imports of those modules give promises; one already there stays."""
    absent = [name for name in names if name not in sys.modules]
    for name in absent:
        sys.modules[name] = _Promises(name)
    try:
        yield
    finally:
        for name in absent:
            if isinstance(sys.modules.get(name), _Promises):
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

    def _fetched(self) -> object:
        module = importlib.import_module(self._module)
        if isinstance(module, _Promises):
            # Used while the others are still being imported.
            del sys.modules[self._module]
            module = importlib.import_module(self._module)
        found: object = getattr(module, self._name)
        return found

    def __call__(self, *arguments: object, **named: object) -> object:
        return cast("Callable[..., object]", self._fetched())(*arguments, **named)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        found: object = getattr(self._fetched(), name)
        return found
