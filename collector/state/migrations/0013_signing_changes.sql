-- Raised in the same transaction as any change a signing process must see before its next call:
-- applications, credentials, grants, certificates, keys of a device. Keys of the key store have
-- their own file.
CREATE TABLE signing_changes (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL);
INSERT INTO signing_changes VALUES (1, 0);
