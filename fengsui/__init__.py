"""Fengsui's front door: command line, settings and wiring (the only place that picks adapters)."""
