-- Business systems that call the national-crypto service: what they prove themselves by, what they
-- may do and how much; what waits for a second person; and answers recorded for repeated requests.
-- Times are microseconds UTC. Tokens are kept as SM3 only.
CREATE TABLE applications (
    id               TEXT PRIMARY KEY,
    name             TEXT NOT NULL,
    unit             TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    disabled_at      INTEGER,
    per_second       INTEGER NOT NULL,
    -- 0 for no limit.
    per_day          INTEGER NOT NULL,
    opens_per_minute INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE application_credentials (
    application TEXT NOT NULL REFERENCES applications (id),
    -- 16 hexadecimal digits: the beginning of the token's hash, or the key id of the point.
    id          TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('token', 'sm2')),
    token_hash  BLOB,
    public      BLOB,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER,
    PRIMARY KEY (application, id),
    CHECK ((kind = 'token') = (token_hash IS NOT NULL) AND (kind = 'sm2') = (public IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE application_grants (
    application TEXT NOT NULL REFERENCES applications (id),
    -- Whole id of a key, '*' for the application's own, '-' for operations without one.
    key         TEXT NOT NULL,
    operation   TEXT NOT NULL,
    PRIMARY KEY (application, key, operation)
) STRICT, WITHOUT ROWID;

-- Who ever registered an application or issued one of its credentials. Never deleted: whoever once
-- held a credential may not be the second person for what the application asks for.
CREATE TABLE application_hands (
    application TEXT NOT NULL REFERENCES applications (id),
    person      TEXT NOT NULL,
    PRIMARY KEY (application, person)
) STRICT, WITHOUT ROWID;

-- Destruction and export of keys: asked for by one, approved by another person.
CREATE TABLE approvals (
    id           TEXT PRIMARY KEY,
    kind         TEXT NOT NULL CHECK (kind IN ('destroy', 'export')),
    key          TEXT NOT NULL,
    -- In charge of the key; '*' for the site's own keys.
    unit         TEXT NOT NULL,
    asker_kind   TEXT NOT NULL CHECK (asker_kind IN ('person', 'application', 'operator')),
    -- Id of the person or application.
    asker        TEXT NOT NULL,
    asker_name   TEXT NOT NULL,
    -- JSON: what the key's desk needs to carry it out.
    params       TEXT NOT NULL,
    asked_at     INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    state        TEXT NOT NULL
        CHECK (state IN ('waiting', 'approved', 'refused', 'expired', 'done', 'failed')),
    decided_by   TEXT,
    decided_name TEXT,
    decided_at   INTEGER,
    ended_at     INTEGER,
    -- Code of what kept it from being carried out.
    failure      TEXT,
    -- An exported key, encrypted to the asker; empty once it was given.
    material     BLOB,
    given_at     INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX approvals_open ON approvals (state, expires_at)
    WHERE state IN ('waiting', 'approved');
CREATE INDEX approvals_by_time ON approvals (asked_at);

CREATE TRIGGER approvals_keep_who_asked
    BEFORE UPDATE OF kind, key, asker_kind, asker, params, asked_at ON approvals
BEGIN
    SELECT RAISE(ABORT, 'what was asked for, and by whom, is not changed');
END;

-- Requests that carried an Idempotency-Key, for a day.
CREATE TABLE idempotency (
    caller   TEXT NOT NULL,
    key      TEXT NOT NULL,
    -- SM3 of method, path and body.
    request  BLOB NOT NULL,
    begun_at INTEGER NOT NULL,
    state    TEXT NOT NULL CHECK (state IN ('running', 'done', 'given', 'interrupted')),
    status   INTEGER,
    body     BLOB,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_time ON idempotency (begun_at);

-- Security administrators grant to applications by unit from now on; until now units meant nothing
-- to them, and those of a new site had none.
INSERT INTO user_units (user_id, unit)
SELECT user_id, '*' FROM user_roles
WHERE role = 'security_admin' AND user_id NOT IN (SELECT user_id FROM user_units);
