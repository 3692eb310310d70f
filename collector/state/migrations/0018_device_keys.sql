-- Keys that stay inside a cryptographic device: what the site knows of them. Times are microseconds
-- UTC.
CREATE TABLE device_keys (
    -- Whole id of the key, as in the key store.
    id           TEXT PRIMARY KEY,
    use          TEXT NOT NULL CHECK (use IN ('sign', 'encrypt')),
    device_index INTEGER NOT NULL,
    -- The point the device gave when the key was named: it must hold this one and no other.
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
