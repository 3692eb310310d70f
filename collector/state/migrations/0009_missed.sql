-- What came too late to be judged, and what a second look at it changed.
-- Times are microseconds UTC.

CREATE TABLE missed (
    rule_id   TEXT NOT NULL,
    -- Empty for all entities of the rule.
    entity    TEXT NOT NULL,
    sensor    TEXT NOT NULL,
    first_at  INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    events    INTEGER NOT NULL,
    noted_at  INTEGER NOT NULL,
    looked_at INTEGER,
    -- Alerts the second look added, changed or withdrew.
    revised   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (rule_id, entity, sensor, first_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX missed_waiting ON missed (noted_at) WHERE looked_at IS NULL;

-- Why an alert stands as it does, where it is not the first decision: a second look, a replay.
ALTER TABLE alert_revisions ADD COLUMN reason TEXT NOT NULL DEFAULT '';

-- What the engine remembers has another form now: it is made anew from the log, alerts stay.
DELETE FROM engine_snapshot;
