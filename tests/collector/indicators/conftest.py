"""Makes the event index's contract, with its batches, importable beside these tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "contracts"))
