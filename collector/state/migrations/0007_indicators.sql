-- Indicators and the allow-list: each entry with the list numbers between which it stood.
-- Times are microseconds UTC; until_list is NULL for what stands now.
CREATE TABLE indicator_lists (
    number INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    effective_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    source TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    noted INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE indicators (
    n INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    entry BLOB NOT NULL,
    from_list INTEGER NOT NULL REFERENCES indicator_lists (number),
    until_list INTEGER REFERENCES indicator_lists (number)
) STRICT;
CREATE INDEX indicators_standing ON indicators (source) WHERE until_list IS NULL;

CREATE TABLE indicators_allowed (
    n INTEGER PRIMARY KEY,
    entry BLOB NOT NULL,
    from_list INTEGER NOT NULL REFERENCES indicator_lists (number),
    until_list INTEGER REFERENCES indicator_lists (number)
) STRICT;
