import sys
import types
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def kafka():
    return types.SimpleNamespace(address="127.0.0.1:29100")


@pytest.fixture
def own_prefix():
    return "t" + uuid.uuid4().hex[:8]
