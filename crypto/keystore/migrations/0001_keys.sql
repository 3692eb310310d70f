-- Keys of one site, sealed; nothing here opens without the master key.
-- Times are microseconds UTC.
CREATE TABLE master (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- Counts the master keys this store has had.
    number INTEGER NOT NULL,
    -- Tells the right master key from a wrong one without opening a row.
    check_value BLOB NOT NULL,
    since INTEGER NOT NULL
) STRICT;

CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    use TEXT NOT NULL,
    -- The policy in canonical form: part of what every row of the key is bound to.
    policy TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    destroy_at INTEGER,
    destroyed_at INTEGER,
    module TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE key_versions (
    id TEXT NOT NULL REFERENCES keys (id),
    version INTEGER NOT NULL CHECK (version > 0),
    created_at INTEGER NOT NULL,
    -- The point of an SM2 key, 04 ‖ x ‖ y; also part of what the row is bound to.
    public BLOB,
    -- nonce ‖ ciphertext ‖ tag; NULL once the key is destroyed.
    sealed BLOB,
    PRIMARY KEY (id, version)
) STRICT, WITHOUT ROWID;

-- A destroyed key stays destroyed, and its name stays taken.
CREATE TRIGGER a_tombstone_is_not_moved BEFORE DELETE ON keys
BEGIN
    SELECT RAISE(ABORT, 'a key is never removed: its tombstone stays');
END;
CREATE TRIGGER destroyed_is_final BEFORE UPDATE OF state ON keys WHEN OLD.state = 'destroyed'
BEGIN
    SELECT RAISE(ABORT, 'a destroyed key stays destroyed');
END;
