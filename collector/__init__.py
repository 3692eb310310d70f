"""Lets only good events in: verifies, normalises, enriches, stores."""
