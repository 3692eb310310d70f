"""The world of these tests, and the short recording of the journeys."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
