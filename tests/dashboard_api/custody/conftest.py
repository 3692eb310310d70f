import pytest
from standin_device import Plugged, build


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return build(tmp_path_factory.mktemp("standin"))


@pytest.fixture
def plugged(library, tmp_path, monkeypatch):
    made = Plugged(library, tmp_path, monkeypatch)
    yield made
    made.close()
