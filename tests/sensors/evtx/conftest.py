"""``made_evtx`` is importable beside the tests of EVTX files, which need the extra ``windows``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
