-- Whose alerts are not shown, why, who answers for it and until when. Alerts are never changed.
-- Times are microseconds UTC.

CREATE TABLE exceptions (
    id         TEXT PRIMARY KEY,
    -- '*' for every rule, with one entity or network only.
    rule_id    TEXT NOT NULL,
    -- A value as alerts hold it, a network, or '*'.
    entity     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    owner      TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_by TEXT,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX exceptions_in_force ON exceptions (expires_at) WHERE revoked_at IS NULL;

-- The units whose alerts it hides; '*' for every unit.
CREATE TABLE exception_units (
    exception_id TEXT NOT NULL REFERENCES exceptions (id),
    unit         TEXT NOT NULL,
    PRIMARY KEY (exception_id, unit)
) STRICT, WITHOUT ROWID;
