-- Gateways that may ask whether a call may pass, and the calls counted for a day's quota.
-- Tokens are kept as SM3 only; times are microseconds UTC.
CREATE TABLE gateways (
    id TEXT PRIMARY KEY,
    unit TEXT NOT NULL,
    -- Names of services as JSON, or ["*"] for every service.
    services TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    -- The token before the last, until that moment; so that nodes can be changed one by one.
    earlier_hash BLOB,
    earlier_until INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL DEFAULT 0,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- `day` counts days of Beijing time since 1970.
CREATE TABLE grant_calls (
    day INTEGER NOT NULL,
    requester TEXT NOT NULL,
    service TEXT NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (day, requester, service)
) STRICT, WITHOUT ROWID;

-- More of what an asset shows; what was learned stays.
CREATE TABLE asset_sightings_wider (
    host TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
        'host', 'id', 'address', 'port', 'path', 'service', 'os', 'name', 'certificate',
        'application', 'account'
    )),
    value TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (host, kind, value)
) STRICT, WITHOUT ROWID;
INSERT INTO asset_sightings_wider SELECT * FROM asset_sightings;
DROP TABLE asset_sightings;
ALTER TABLE asset_sightings_wider RENAME TO asset_sightings;
