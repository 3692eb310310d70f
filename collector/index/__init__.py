"""The event index on DuckDB: a projection of the log, one file an event day."""
