"""Geo: where addresses lie, read from files the site brings; nothing is asked of anybody."""
