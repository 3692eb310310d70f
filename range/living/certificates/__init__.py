"""Certificates, living: the platform and its desk over HTTP and PostgreSQL, and a real step-ca."""
