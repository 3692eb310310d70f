"""Training in a child process: scikit-learn is imported there and its memory goes with it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from schema.errors import FengsuiError

_SECONDS_MAX: Final = 120
"""A training run of the largest history takes a few seconds; longer means it hangs."""


def run_child(module: str, rows: bytes) -> bytes:
    """Standard output of ``python -m module`` given ``rows`` on standard input.

    Raises ``fengsui.training.failed`` with the child's last words.
    """
    environment = {
        "PATH": os.environ.get("PATH", ""),
        # One thread each: the model is small, and results must not depend on the core count.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", module],
            input=rows,
            capture_output=True,
            timeout=_SECONDS_MAX,
            check=True,
            env=environment,
        )
    except (subprocess.SubprocessError, OSError) as error:
        last = getattr(error, "stderr", b"") or b""
        raise FengsuiError(
            "fengsui.training.failed",
            f"training the model failed: {error}; {last[-500:].decode(errors='replace')}",
        ) from error
    return done.stdout
