"""A made-up district that lives: its people, the four systems, honest days and labelled attacks.

Time and chance are passed in, so a seed gives the same lines on every machine. Nobody here exists.
"""
