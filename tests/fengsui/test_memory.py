"""Peak memory is that of the whole process tree, children included."""

import subprocess
import sys
import time

from fengsui.memory import PeakMemory, tree_pss_mb

HOLD = "import time; held = bytearray(64 * 1024 * 1024); print('held', flush=True); time.sleep(60)"


def test_this_process_alone_has_some_memory() -> None:
    assert 5 < tree_pss_mb() < 4000


def test_a_childs_memory_counts() -> None:
    before = tree_pss_mb()
    with PeakMemory() as memory:
        child = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE)
        try:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(0.5)
        finally:
            child.kill()
            child.communicate()
    assert memory.mb > before + 50
    assert memory.mb >= tree_pss_mb()
