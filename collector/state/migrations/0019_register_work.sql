-- Why somebody proposed a version of a register.
ALTER TABLE register_versions ADD COLUMN reason TEXT NOT NULL DEFAULT '';

-- Entries of the assets' list of work that somebody looked at and set aside, with what they showed
-- then: an entry that shows more is listed again. Times are microseconds UTC.
CREATE TABLE asset_dismissals (
    asset TEXT NOT NULL,
    finding TEXT NOT NULL CHECK (finding IN ('unknown', 'vanished', 'orphan', 'newly_exposed')),
    ports TEXT NOT NULL,
    last_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    dismissed_by TEXT NOT NULL,
    dismissed_at INTEGER NOT NULL,
    PRIMARY KEY (asset, finding)
) STRICT, WITHOUT ROWID;
