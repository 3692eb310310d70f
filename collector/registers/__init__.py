"""Registers of a site: described, imported, kept in versions, approved, and told to the rules."""
