-- Registers: versions and the statements each of them made. Times are microseconds UTC.
CREATE TABLE register_versions (
    register TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('proposed', 'approved', 'replaced')),
    base INTEGER NOT NULL,
    digest TEXT NOT NULL,
    effective_at INTEGER NOT NULL DEFAULT 0,
    added INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    source TEXT NOT NULL,
    proposed_by TEXT NOT NULL,
    proposed_at INTEGER NOT NULL,
    approved_by TEXT NOT NULL DEFAULT '',
    noted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (register, number)
) STRICT, WITHOUT ROWID;

-- No fields: there is no row in that time. No valid_from: from the version's effective_at on.
CREATE TABLE register_statements (
    register TEXT NOT NULL,
    version INTEGER NOT NULL,
    n INTEGER NOT NULL,
    key BLOB NOT NULL,
    fields BLOB NOT NULL,
    valid_from INTEGER,
    valid_to INTEGER NOT NULL,
    PRIMARY KEY (register, version, n),
    FOREIGN KEY (register, version) REFERENCES register_versions (register, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER register_statements_are_not_changed BEFORE UPDATE ON register_statements
BEGIN
    SELECT RAISE(ABORT, 'what a register said is not changed: say it anew');
END;
CREATE TRIGGER register_statements_are_not_deleted BEFORE DELETE ON register_statements
WHEN (SELECT state FROM register_versions
      WHERE register = OLD.register AND number = OLD.version) = 'approved'
BEGIN
    SELECT RAISE(ABORT, 'what an approved version said is not deleted');
END;
CREATE TRIGGER register_versions_stay_approved BEFORE UPDATE OF state, digest, effective_at
ON register_versions WHEN OLD.state = 'approved'
BEGIN
    SELECT RAISE(ABORT, 'an approved version is not changed');
END;
CREATE TRIGGER register_versions_are_not_deleted BEFORE DELETE ON register_versions
BEGIN
    SELECT RAISE(ABORT, 'versions are not deleted');
END;
