"""The mapping-file source: a log of a site's own, described by a small file instead of code."""

from sensors.sources.mapping.description import Description, read, read_file, shipped
from sensors.sources.mapping.form import MappingFormat, open_format

__all__ = ["Description", "MappingFormat", "open_format", "read", "read_file", "shipped"]
