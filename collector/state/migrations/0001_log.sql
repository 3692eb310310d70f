-- Who may seal batches, how far each chain was taken in, and what the rules found.
-- Times are microseconds UTC.

CREATE TABLE sensors (
    name       TEXT PRIMARY KEY,
    unit       TEXT NOT NULL,
    realm      TEXT NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('active', 'revoked')),
    enrolment  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- Every key a sensor ever had: old batches are verified with the key of their enrolment.
CREATE TABLE sensor_keys (
    sensor      TEXT NOT NULL REFERENCES sensors (name),
    enrolment   INTEGER NOT NULL,
    point       BLOB NOT NULL,
    key_id      TEXT NOT NULL,
    -- Last batch accepted before this enrolment; its own first batch is the next number.
    base_number INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (sensor, enrolment)
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolment_tokens (
    hash       BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    unit       TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

-- Business systems that push events; the token is kept as its SM3 only.
CREATE TABLE app_clients (
    id         TEXT PRIMARY KEY,
    unit       TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- The cursor of intake and the chain behind it, one row a sensor.
CREATE TABLE chains (
    sensor        TEXT PRIMARY KEY,
    enrolment     INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    next_sequence INTEGER NOT NULL,
    hash          TEXT NOT NULL,
    events        INTEGER NOT NULL,
    received_at   INTEGER NOT NULL,
    low_watermark INTEGER NOT NULL,
    last_event_at INTEGER NOT NULL,
    quarantined   INTEGER NOT NULL,
    duplicates    INTEGER NOT NULL,
    late          INTEGER NOT NULL,
    redacted      INTEGER NOT NULL,
    unusual       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What reading a batch again must know: its receipt, its capped watermark, what was left out.
CREATE TABLE batches (
    sensor        TEXT NOT NULL,
    number        INTEGER NOT NULL,
    received_at   INTEGER NOT NULL,
    low_watermark INTEGER NOT NULL,
    -- Number of the collector's own last batch at that time: tells which records a crash lost.
    control       INTEGER NOT NULL,
    dropped       BLOB,
    PRIMARY KEY (sensor, number)
) STRICT, WITHOUT ROWID;

-- The highest accepted offset of each file: what is not beyond it is a duplicate.
CREATE TABLE marks (
    sensor     TEXT NOT NULL,
    source     TEXT NOT NULL,
    generation TEXT NOT NULL,
    offset     INTEGER NOT NULL,
    PRIMARY KEY (sensor, source, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE gaps (
    sensor  TEXT NOT NULL,
    from_at INTEGER NOT NULL,
    to_at   INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    PRIMARY KEY (sensor, from_at)
) STRICT, WITHOUT ROWID;

-- The recorded answer to a pushed batch; ``number`` is the batch of the push chain it went into.
CREATE TABLE push_answers (
    client   TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    number   INTEGER NOT NULL,
    answer   BLOB NOT NULL,
    made_at  INTEGER NOT NULL,
    PRIMARY KEY (client, batch_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX push_answers_by_number ON push_answers (number);

CREATE TABLE alerts (
    id           TEXT PRIMARY KEY,
    -- Grows with every change that people can see; the live stream resumes by it.
    seq          INTEGER NOT NULL,
    rule_id      TEXT NOT NULL,
    severity     INTEGER NOT NULL,
    entity_field TEXT NOT NULL,
    entity       TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('provisional', 'final', 'withdrawn')),
    decided_at   INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    body         BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX alerts_by_seq ON alerts (seq);
CREATE INDEX alerts_by_time ON alerts (decided_at, id);
CREATE INDEX alerts_by_rule ON alerts (rule_id, decided_at);

-- Which sensors an alert's least set of events comes from: who may see it.
CREATE TABLE alert_sensors (
    alert_id TEXT NOT NULL REFERENCES alerts (id),
    sensor   TEXT NOT NULL,
    PRIMARY KEY (alert_id, sensor)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert_revisions (
    alert_id    TEXT NOT NULL REFERENCES alerts (id),
    seq         INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (alert_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE closings (
    alert_id TEXT PRIMARY KEY,
    count    INTEGER NOT NULL,
    last_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What people decided; beside the alert, never in it. The newest row counts.
CREATE TABLE verdicts (
    number   INTEGER PRIMARY KEY,
    alert_id TEXT NOT NULL REFERENCES alerts (id),
    at       INTEGER NOT NULL,
    by_user  TEXT NOT NULL,
    verdict  TEXT NOT NULL,
    note     TEXT NOT NULL
) STRICT;

CREATE INDEX verdicts_by_alert ON verdicts (alert_id, number);

CREATE TABLE engine_snapshot (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE coverage (
    minute     INTEGER NOT NULL,
    sensor     TEXT NOT NULL,
    dataset    TEXT NOT NULL,
    rule       TEXT NOT NULL,
    events     INTEGER NOT NULL,
    late       INTEGER NOT NULL,
    too_late   INTEGER NOT NULL,
    unkeyed    INTEGER NOT NULL,
    evicted    INTEGER NOT NULL,
    lag_max_us INTEGER NOT NULL,
    PRIMARY KEY (minute, sensor, dataset, rule)
) STRICT, WITHOUT ROWID;
