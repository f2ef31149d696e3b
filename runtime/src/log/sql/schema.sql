CREATE TABLE IF NOT EXISTS topics (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS messages (
    log_offset INTEGER PRIMARY KEY,
    topic      TEXT    NOT NULL REFERENCES topics (name),
    source     TEXT    NOT NULL,
    epoch      TEXT    NOT NULL,
    pos        INTEGER NOT NULL,
    message    TEXT    NOT NULL,
    UNIQUE (source, epoch, topic, pos)
) STRICT;

CREATE INDEX IF NOT EXISTS messages_of_topic ON messages (topic, log_offset);

PRAGMA user_version = 1;
