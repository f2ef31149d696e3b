-- The engine's own tables, version 1. Names are compared by their bytes, as everywhere in the engine.

CREATE TABLE meta (
  key   text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);

-- `expected` is the version that the last writer expected: the condition of an upsert can see it as `excluded.expected`.
-- Space is left in the pages, so that a new version of a row finds room beside the old one.
CREATE TABLE streams (
  stream   text COLLATE "C" PRIMARY KEY,
  type     text NOT NULL,
  version  bigint NOT NULL,
  expected bigint NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Also the outbox of domain events: the relay tails it. `pos` is drawn after the transaction's id (see fence.rs); transactions
-- that fail leave gaps.
CREATE TABLE events (
  pos            bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  stream         text COLLATE "C" NOT NULL,
  version        bigint NOT NULL,
  type           text NOT NULL,
  schema_version integer NOT NULL,
  event_id       uuid NOT NULL,
  entered        text,
  private        boolean NOT NULL,
  tenant         text NOT NULL,
  key_id         text,
  data           text NOT NULL,
  meta           text NOT NULL,
  at             timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL
) WITH (autovacuum_analyze_scale_factor = 0.02);
CREATE UNIQUE INDEX events_by_stream ON events (stream, version);
CREATE UNIQUE INDEX events_by_id ON events (event_id);

-- Commands, replies, port calls to send. Append-only; the last row stays when older ones are dropped.
CREATE TABLE outgoing (
  pos      bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  id       uuid NOT NULL,
  receiver text NOT NULL,
  key      text NOT NULL,
  body     text NOT NULL,
  meta     text NOT NULL,
  at       timestamptz NOT NULL
);

CREATE TABLE answers (
  command_id   uuid PRIMARY KEY,
  request_hash text NOT NULL,
  saga         uuid,
  answer       text NOT NULL,
  at           timestamptz NOT NULL
);
CREATE INDEX answers_by_saga ON answers (saga) WHERE saga IS NOT NULL;

CREATE TABLE claims (
  constraint_name text COLLATE "C" NOT NULL,
  value           text COLLATE "C" NOT NULL,
  stream          text NOT NULL,
  PRIMARY KEY (constraint_name, value)
);

CREATE TABLE timers (
  id      uuid PRIMARY KEY,
  due     timestamptz NOT NULL,
  payload text NOT NULL
);
CREATE INDEX timers_by_due ON timers (due);

CREATE TABLE positions (
  consumer   text COLLATE "C" NOT NULL,
  topic      text COLLATE "C" NOT NULL,
  source     text COLLATE "C" NOT NULL,
  partition  bigint NOT NULL,
  pos        bigint NOT NULL,
  epoch      text NOT NULL,
  log_offset bigint NOT NULL,
  PRIMARY KEY (consumer, topic, source, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- The tables of rows, by definition (JSON).
CREATE TABLE row_tables (
  name       text COLLATE "C" PRIMARY KEY,
  definition text NOT NULL
);
