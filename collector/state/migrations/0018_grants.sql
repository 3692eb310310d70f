-- Grants of data sharing and what became of them; what holds stands in the register grants.
CREATE TABLE share_grants (
    id TEXT PRIMARY KEY,
    requester TEXT NOT NULL,
    service TEXT NOT NULL,
    purpose TEXT NOT NULL,
    fields TEXT NOT NULL,
    quota_per_day INTEGER NOT NULL,
    until INTEGER NOT NULL,
    owner_unit TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('asked', 'approved', 'refused', 'revoked')),
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    decided_by TEXT NOT NULL DEFAULT '',
    decided_at INTEGER NOT NULL DEFAULT 0,
    certified_by TEXT NOT NULL DEFAULT '',
    certified_at INTEGER NOT NULL DEFAULT 0,
    revoked_by TEXT NOT NULL DEFAULT '',
    revoked_at INTEGER NOT NULL DEFAULT 0,
    -- Version of the register that says what holds; 0 until it does.
    version INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX share_grants_by_state ON share_grants (state, until);
