"""Registers as people see, propose and approve them."""
