"""Grants of data sharing with a life: asked, approved, re-certified, expiring, revoked."""
