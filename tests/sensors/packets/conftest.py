"""``made_packets`` is importable beside the tests of the packet view."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
