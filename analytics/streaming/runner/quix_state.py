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

_WRITTEN: Final = b"\x01"
"""Stands before every value: the library takes a value for one of its own with a time to live where
the first 8 bytes read as a time in milliseconds of the years 2000 to 2100. None begins with 1."""

_NO_PREFIX: Final = b""


class QuixShelf:
    """The entries of the message's partition in the checkpoint at hand."""

    __slots__ = ("_transaction",)

    def __init__(self, state: State[Any, Any]) -> None:
        assert isinstance(state, TransactionState)
        self._transaction: PartitionTransaction[Any, Any] = state._transaction  # noqa: SLF001

    def get(self, name: str) -> bytes | None:
        value = self._transaction.get_bytes(name.encode(), prefix=_NO_PREFIX)
        return None if value is None else value[len(_WRITTEN) :]

    def put(self, name: str, value: bytes) -> None:
        self._transaction.set_bytes(name.encode(), _WRITTEN + value, prefix=_NO_PREFIX)

    def delete(self, name: str) -> None:
        self._transaction.delete(name.encode(), prefix=_NO_PREFIX)

    def entries(self) -> Mapping[str, bytes]:
        partition: Any = self._transaction._partition  # noqa: SLF001
        return {
            key.decode(): value[len(_WRITTEN) :] for key, value in partition.iter_items(_NO_PREFIX)
        }
