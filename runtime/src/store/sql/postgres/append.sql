WITH clock AS MATERIALIZED (
  SELECT coalesce($22::timestamptz, clock_timestamp()) AS now, pg_current_xact_id() AS transaction
),$locked
wanted AS MATERIALIZED (
  SELECT unit, stream, type, expected, version
  FROM clock, unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::uuid[])
    WITH ORDINALITY AS w (stream, type, expected, version, after, unit)
  WHERE unit <> ALL (ARRAY(
      SELECT unit FROM unnest($6::bigint[], $7::uuid[]) AS a (unit, id) JOIN answers ON answers.command_id = a.id))
    AND (expected > 0) = EXISTS (SELECT FROM streams WHERE streams.stream = w.stream)
    AND (after IS NULL OR EXISTS (
      SELECT FROM events WHERE events.stream = w.stream AND events.version = w.expected AND events.event_id = w.after))$outdated
),
advanced AS (
  INSERT INTO streams AS s (stream, type, version, expected)
  SELECT stream, type, version, expected FROM wanted WHERE version > 0 ORDER BY stream COLLATE "C"
  ON CONFLICT (stream) DO UPDATE SET version = excluded.version, expected = excluded.expected
  WHERE s.version = excluded.expected
  RETURNING stream
),
won AS MATERIALIZED (
  SELECT unit, stream FROM wanted WHERE version = 0
  UNION ALL
  SELECT unit, wanted.stream FROM wanted JOIN advanced ON advanced.stream = wanted.stream COLLATE "C"
),
kept AS (
  INSERT INTO answers (command_id, request_hash, saga, answer, at)
  SELECT command_id, request_hash, saga, answer, now
  FROM unnest($6::bigint[], $7::uuid[], $8::text[], $9::uuid[], $10::text[])
    AS a (unit, command_id, request_hash, saga, answer) JOIN won USING (unit), clock
),
appended AS (
  INSERT INTO events (stream, version, type, schema_version, event_id, entered, private, tenant, data, meta, at, recorded_at)
  SELECT stream, version, type, schema_version, event_id, entered, private, tenant, data, meta, at, now
  FROM unnest($11::bigint[], $12::bigint[], $13::text[], $14::integer[], $15::uuid[], $16::text[], $17::boolean[], $18::text[],
              $19::text[], $20::text[], $21::timestamptz[])
    WITH ORDINALITY AS e (unit, version, type, schema_version, event_id, entered, private, tenant, data, meta, at, number)
    JOIN won USING (unit), clock
  ORDER BY number
  RETURNING pos
)
