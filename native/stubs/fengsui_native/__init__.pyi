"""The native module: types for the Python side; ``src/python`` is what they describe."""

from fengsui_native import rules as rules
from fengsui_native import scan as scan
from fengsui_native import sm as sm
