"""Authoring: what the writers of rules work with: cases, lint, trials, conversion."""
