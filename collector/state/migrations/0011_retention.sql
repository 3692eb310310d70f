-- What expiry has done, and what must not expire. Times are microseconds UTC.

-- How far each chain's oldest segments are gone here (index, rows, marks), and what is oldest now.
CREATE TABLE kept (
    sensor    TEXT PRIMARY KEY,
    -- Last batch that is gone, 0 for none.
    number    INTEGER NOT NULL,
    -- Of the oldest batch that is left: coverage, misses and gaps are kept from there on.
    oldest_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Spans that are held for a case, whatever their age.
CREATE TABLE holds (
    id             TEXT PRIMARY KEY,
    case_no        TEXT NOT NULL,
    -- '*' for every sensor.
    sensor         TEXT NOT NULL,
    from_at        INTEGER NOT NULL,
    to_at          INTEGER NOT NULL,
    reason         TEXT NOT NULL,
    placed_by      TEXT NOT NULL,
    placed_at      INTEGER NOT NULL,
    released_by    TEXT,
    approved_by    TEXT,
    release_reason TEXT,
    released_at    INTEGER,
    -- Whether the control log has sealed it, and its release.
    noted          INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TRIGGER holds_are_not_deleted BEFORE DELETE ON holds
BEGIN
    SELECT RAISE(ABORT, 'a hold is released, never deleted');
END;

-- Up to which batch a mark may have moved: it goes with that batch, once nobody reads its file.
-- 0 for those from before: they stay.
ALTER TABLE marks ADD COLUMN number INTEGER NOT NULL DEFAULT 0;

-- When expiry last looked: a clock that jumped must not age everything at once.
CREATE TABLE retention_runs (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    last_at  INTEGER NOT NULL
) STRICT;
