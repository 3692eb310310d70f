"""Every limit of the wire and the log, each with its reason.

A limit is part of the format: a sensor never seals past it, the collector refuses what is past it.
"""

from typing import Final

EVENT_BYTES_MAX: Final = 64 * 1024
"""One event in canonical form. The sensor cuts a longer line and keeps its length and SM3."""

ORIGINAL_CHARS_MAX: Final = 8 * 1024
"""``event.original`` kept whole up to here: the longest line nginx and sshd write by default."""

FIELDS_MAX: Final = 128
"""Fields of one event: several times what the richest source gives."""

BATCH_EVENTS_MAX: Final = 1024
"""Events of one batch: a proof has at most ten hashes, and the signature's cost is spread thin."""

BODY_BYTES_MAX: Final = 16 * 1024 * 1024
"""Unpacked body of one batch: bounds what a hostile compressed block can make us allocate."""

HEADER_BYTES_MAX: Final = 256 * 1024
"""Signed header: room for the positions of about two thousand sources."""

ENROLMENT_MAX: Final = 2**32 - 1
"""Enrolment number: four bytes of it go into every event id."""

NUMBER_MAX: Final = 2**63 - 1
"""Batch and sequence number: what every store here can hold."""

SOURCES_MAX: Final = 1000
"""Sources of one sensor, so that the header stays under its limit."""

SEGMENT_BYTES_MAX: Final = 64 * 1024 * 1024
"""A segment is closed past this size: rehashing one after a crash stays under a second."""

CLOCK_AHEAD_MAX_US: Final = 5 * 60 * 1_000_000
"""A low watermark further ahead of its receipt than this is capped and flagged: a lying clock."""
