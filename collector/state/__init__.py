"""State of record on one machine: SQLite, one writer thread, numbered migrations."""
