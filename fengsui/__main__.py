"""``python -m fengsui`` is the command ``fengsui``."""

from fengsui.cli import main

main()
