-- Certificates of the national-crypto service: those issued by the site's own authority, those of
-- licensed ones that were imported for its keys, and whom the site trusts. Times are microseconds
-- UTC; certificates and lists stand as DER.
CREATE TABLE certificates (
    -- SM3 of the DER, hexadecimal.
    fingerprint TEXT PRIMARY KEY,
    -- Hexadecimal, unique only with the issuer.
    serial      TEXT NOT NULL,
    -- The application whose it is, or 'site'.
    owner       TEXT NOT NULL,
    -- Whole id of the key and its version; empty and 0 where somebody else holds the key.
    key         TEXT NOT NULL,
    version     INTEGER NOT NULL,
    profile     TEXT NOT NULL
        CHECK (profile IN ('root', 'sign', 'encrypt', 'server', 'timestamp', 'imported')),
    -- Fingerprint of our own authority's certificate that issued it; empty for an imported one.
    issuer      TEXT NOT NULL,
    der         BLOB NOT NULL,
    -- The certificates above it up to the root, which is left out; PEM, one after another.
    above       TEXT NOT NULL,
    not_after   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER,
    -- Number of RFC 5280, 5.3.1.
    reason      INTEGER,
    -- Fingerprint of the one it was renewed by.
    renewed_by  TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX certificates_by_key ON certificates (key, version);
CREATE INDEX certificates_by_owner ON certificates (owner, created_at);
CREATE INDEX certificates_by_serial ON certificates (serial);
CREATE INDEX certificates_revoked ON certificates (issuer) WHERE revoked_at IS NOT NULL;

CREATE TRIGGER certificates_stay_revoked
    BEFORE UPDATE OF revoked_at ON certificates WHEN OLD.revoked_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'a revoked certificate stays revoked');
END;

-- Roots the site trusts besides its own.
CREATE TABLE anchors (
    fingerprint TEXT PRIMARY KEY,
    der         BLOB NOT NULL,
    added_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The newest list of each issuer.
CREATE TABLE revocation_lists (
    -- Fingerprint of the issuer's certificate.
    issuer      TEXT PRIMARY KEY,
    number      INTEGER NOT NULL,
    der         BLOB NOT NULL,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys that stay inside the cryptographic device, under the names applications call them by.
CREATE TABLE device_keys (
    -- Whole id; none of the key store has it.
    id           TEXT PRIMARY KEY,
    use          TEXT NOT NULL CHECK (use IN ('sign', 'encrypt')),
    device_index INTEGER NOT NULL,
    -- The point as the device gave it when the key was named: it must hold this one and no other.
    public       BLOB NOT NULL,
    -- What the device said of itself then.
    module       TEXT NOT NULL,
    -- In the canonical form of the key store.
    policy       TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at   INTEGER NOT NULL,
    -- One key of the device is one key here: whoever shared it would sign for each other.
    UNIQUE (use, device_index)
) STRICT, WITHOUT ROWID;
