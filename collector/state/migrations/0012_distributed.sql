-- What the platform tells the analytics tier past one process, and which form a folder has.

-- Control in the order it was decided: written here before it is sent, sent before anything later.
CREATE TABLE feed_controls (
    number  INTEGER PRIMARY KEY,
    message BLOB NOT NULL,
    -- What the message names by its SM3; empty once it was sent.
    artefact BLOB,
    sent    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX feed_controls_waiting ON feed_controls (number) WHERE NOT sent;

-- One row: whether rules run in this process, and what a change of that must not decide again.
CREATE TABLE form (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    name           TEXT NOT NULL CHECK (name IN ('embedded', 'distributed')),
    -- The topics' prefix, empty where rules run in this process.
    prefix         TEXT NOT NULL,
    -- Alerts of before this event time were decided by the form before (microseconds UTC).
    decided_before INTEGER NOT NULL
) STRICT;
