-- A push chain for each unit: an answer says which chain its batch number is of.
DROP INDEX push_answers_by_number;
ALTER TABLE push_answers ADD COLUMN chain TEXT NOT NULL DEFAULT 'push';
CREATE INDEX push_answers_by_number ON push_answers (chain, number);
CREATE INDEX push_answers_by_age ON push_answers (made_at);
