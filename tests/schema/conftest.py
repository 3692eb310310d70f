"""A sensor key, and batches of it, that the tests of schema/ share."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crypto.sm2 import PrivateKey
from schema import batch

sys.path.insert(0, str(Path(__file__).parent))

Sealer = Callable[..., batch.Batch]


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture(scope="session")
def chain() -> batch.Chain:
    return batch.Chain(realm="duty", sensor="web-1", enrolment=1)


@pytest.fixture(scope="session")
def seal(key: PrivateKey) -> Sealer:
    """Seal the next batch of a chain over these payloads; the salts are told apart by ``salt``."""

    def sealed(
        chain: batch.Chain, payloads: Sequence[bytes] = (b'{"a":1}',), salt: int = 1
    ) -> batch.Batch:
        contents = batch.Contents(
            payloads=payloads,
            min_time=1_000_000,
            max_time=2_000_000,
            low_watermark=2_000_000,
            positions={"auth": batch.Position(generation="g1", offset=chain.next_sequence)},
        )
        salts = b"".join(
            (salt * 1_000_003 + index).to_bytes(16, "big") for index in range(len(payloads))
        )
        return batch.seal(chain, contents, key=key, boot_id="boot", salts=salts)

    return sealed
