"""The shelf in a Quix Streams state: the one module that uses what that library keeps to itself.

Its ``State`` puts every name under the key of the message at hand and lists nothing. Ours belong
to the partition, whatever the key, and are listed when a stage is opened. So three inner names are
used here, of version 3.28: ``TransactionState._transaction``, ``PartitionTransaction._partition``
and ``RocksDBStorePartition.iter_items``; tests fail where they change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from quixstreams import State
from quixstreams.state.base import PartitionTransaction
from quixstreams.state.base.state import TransactionState

from analytics.streaming.runner.site import Cover

_WRITTEN: Final = b"\x01"
"""Stands before every value: the library takes a value for one of its own with a time to live where
the first 8 bytes read as a time in milliseconds of the years 2000 to 2100. None begins with 1."""

_NO_PREFIX: Final = b""


class QuixShelf:
    """The entries of the message's partition in the checkpoint at hand."""

    __slots__ = ("_changelog", "_cover", "_transaction")

    def __init__(self, state: State[Any, Any], changelog: str, cover: Cover | None = None) -> None:
        assert isinstance(state, TransactionState)
        self._changelog = changelog
        self._cover = cover
        self._transaction: PartitionTransaction[Any, Any] = state._transaction  # noqa: SLF001

    def get(self, name: str) -> bytes | None:
        key = name.encode()
        raw = self._transaction.get_bytes(key, prefix=_NO_PREFIX)
        return None if raw is None else self._read(key, raw)

    def put(self, name: str, value: bytes) -> None:
        key = name.encode()
        if self._cover is not None:
            value = self._cover.seal(self._changelog, key, value)
        self._transaction.set_bytes(key, _WRITTEN + value, prefix=_NO_PREFIX)

    def delete(self, name: str) -> None:
        self._transaction.delete(name.encode(), prefix=_NO_PREFIX)

    def entries(self) -> Mapping[str, bytes]:
        partition: Any = self._transaction._partition  # noqa: SLF001
        return {key.decode(): self._read(key, raw) for key, raw in partition.iter_items(_NO_PREFIX)}

    def _read(self, key: bytes, raw: bytes) -> bytes:
        value = raw[len(_WRITTEN) :]
        return value if self._cover is None else self._cover.open(self._changelog, key, value)
