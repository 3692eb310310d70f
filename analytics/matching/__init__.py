"""Matching: which rule conditions an event meets, asked once for each distinct value."""
