"""Threat indicators: read from CSV, STIX and MISP files, kept, allowed, and hunted in history."""
