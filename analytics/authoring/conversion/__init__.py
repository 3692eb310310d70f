"""Conversion: rules as searches of other systems, or the name of what these cannot express."""
