"""The range's tools are scripts beside each other; tests import them the way they import them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "range"))
