"""Makes the contract classes importable beside the tests that inherit them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
