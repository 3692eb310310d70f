"""Procedures people and machines follow; the first of them come with the officers' work."""
