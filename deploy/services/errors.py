"""What can go wrong with a service, so that tests can tell what is missing from what is broken.

ServiceError
└── MissingToolError   this machine lacks a program: skipped outside of integration, an error inside
"""

from __future__ import annotations


class ServiceError(Exception):
    """A service could not be fetched, started or stopped; the message says where to look."""


class MissingToolError(ServiceError):
    """A program the services need is not installed here."""
