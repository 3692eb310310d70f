-- Which rules are on, and what was seen when they were tried on stored events.
-- Times are microseconds UTC.

CREATE TABLE rule_switches (
    rule_id    TEXT PRIMARY KEY,
    enabled    INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    reason     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The newest trial of each form of a rule: an imported one is switched on after one only.
CREATE TABLE rule_trials (
    rule_id  TEXT NOT NULL,
    stamp    TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    events   INTEGER NOT NULL,
    alerts   INTEGER NOT NULL,
    tried_by TEXT NOT NULL,
    tried_at INTEGER NOT NULL,
    PRIMARY KEY (rule_id, stamp)
) STRICT, WITHOUT ROWID;
