"""Certificates of SM2 keys: who holds a key, who says so, and since when that no longer holds."""
