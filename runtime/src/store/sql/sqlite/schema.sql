-- The engine's own tables, version 1. Times are microseconds since 1970 in UTC; ids are 16 bytes.

CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE streams (
  stream  TEXT NOT NULL PRIMARY KEY,
  type    TEXT NOT NULL,
  version INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

-- Also the outbox of domain events: the relay tails it. `pos` is drawn by the one writer, without gaps.
CREATE TABLE events (
  pos            INTEGER NOT NULL PRIMARY KEY,
  stream         TEXT NOT NULL,
  version        INTEGER NOT NULL,
  type           TEXT NOT NULL,
  schema_version INTEGER NOT NULL,
  event_id       BLOB NOT NULL,
  entered        TEXT,
  private        INTEGER NOT NULL,
  tenant         TEXT NOT NULL,
  key_id         TEXT,
  data           TEXT NOT NULL,
  meta           TEXT NOT NULL,
  at             INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_stream ON events (stream, version);
CREATE UNIQUE INDEX events_by_id ON events (event_id);

-- Commands, replies, port calls to send. Append-only; the last row stays when older ones are dropped.
CREATE TABLE outgoing (
  pos      INTEGER NOT NULL PRIMARY KEY,
  id       BLOB NOT NULL,
  receiver TEXT NOT NULL,
  key      TEXT NOT NULL,
  body     TEXT NOT NULL,
  meta     TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT;

CREATE TABLE answers (
  command_id   BLOB NOT NULL PRIMARY KEY,
  request_hash TEXT NOT NULL,
  saga         BLOB,
  answer       TEXT NOT NULL,
  at           INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX answers_by_saga ON answers (saga) WHERE saga IS NOT NULL;

CREATE TABLE claims (
  constraint_name TEXT NOT NULL,
  value           TEXT NOT NULL,
  stream          TEXT NOT NULL,
  PRIMARY KEY (constraint_name, value)
) WITHOUT ROWID, STRICT;

CREATE TABLE timers (
  id      BLOB NOT NULL PRIMARY KEY,
  due     INTEGER NOT NULL,
  payload TEXT NOT NULL
) WITHOUT ROWID, STRICT;
CREATE INDEX timers_by_due ON timers (due);

CREATE TABLE positions (
  consumer   TEXT NOT NULL,
  topic      TEXT NOT NULL,
  source     TEXT NOT NULL,
  partition  INTEGER NOT NULL,
  pos        INTEGER NOT NULL,
  epoch      TEXT NOT NULL,
  log_offset INTEGER NOT NULL,
  PRIMARY KEY (consumer, topic, source, partition)
) WITHOUT ROWID, STRICT;

-- The tables of rows, by definition (JSON).
CREATE TABLE row_tables (
  name       TEXT NOT NULL PRIMARY KEY,
  definition TEXT NOT NULL
) WITHOUT ROWID, STRICT;
