-- What applications asked of the national-crypto service, for assessors and daily quotas.

CREATE TABLE signing_usage (
    -- In Beijing time, as 2026-11-25.
    day         TEXT NOT NULL,
    -- Empty where nobody was believed.
    application TEXT NOT NULL,
    operation   TEXT NOT NULL,
    algorithm   TEXT NOT NULL,
    mode        TEXT NOT NULL,
    -- Where the key was: software, device, or empty where none was used.
    place       TEXT NOT NULL,
    -- Items done; items carried out that gave no result, such as a signature that is not valid;
    -- items of calls turned away.
    done        INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    PRIMARY KEY (day, application, operation, algorithm, mode, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX signing_usage_by_application ON signing_usage (application, day);

-- Up to which journal entry each signing process is counted above.
CREATE TABLE signing_counted (slot INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT;
