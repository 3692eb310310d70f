-- Who refused a proposal of a register, and when: such a version stands as replaced.
ALTER TABLE register_versions ADD COLUMN refused_by TEXT NOT NULL DEFAULT '';
ALTER TABLE register_versions ADD COLUMN refused_at INTEGER NOT NULL DEFAULT 0;

-- Assets learned from events, once for each distinct thing an asset showed; built from the events
-- again when they are lost. Times are microseconds UTC of events.
CREATE TABLE asset_sightings (
    host TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('host', 'id', 'address', 'port', 'path', 'service')),
    value TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (host, kind, value)
) STRICT, WITHOUT ROWID;
