"""Measures: counts, sums, sketches and medians in integers, for kinds of rules."""
