"""Probe: what the outside sees of registered pages."""
