"""Payments, living: platform, institutions, departments' servers and portal over real HTTP."""
