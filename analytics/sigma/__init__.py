"""Sigma: rule files of the public format, parsed by pySigma and turned into our own conditions.

Whatever cannot be evaluated is refused with file, line and reason, never ignored. Which modifier,
condition and correlation means what here, and its test, stands in ``docs/contributor/sigma.md``.
Importing this package imports pySigma (a fifth of a second): only compilers do.
"""

from __future__ import annotations

from typing import Final

from analytics.sigma.detection import check_rule, compile_detection
from analytics.sigma.modifiers import Placeholder, no_placeholder
from analytics.sigma.nodes import FieldName

SPECIFICATION_VERSION: Final = "2.1.0"
"""The released specification the package is written from (2025-08-02)."""

SPECIFICATION_COMMIT: Final = "0c857d07da0e71eaaab2d667b3cce6f2c8469578"
"""Its commit in SigmaHQ/sigma-specification. What pySigma reads beyond it is marked so in the
table: ``value_median``, a ``percentile``, conditions over rule names, filters of ``any`` rule."""

__all__ = [
    "SPECIFICATION_COMMIT",
    "SPECIFICATION_VERSION",
    "FieldName",
    "Placeholder",
    "check_rule",
    "compile_detection",
    "no_placeholder",
]
