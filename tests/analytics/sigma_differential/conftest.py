"""These tests share modules that lie beside them, and the oracles under ``tests/oracle``."""

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent.parent / "oracle")]
