WITH clock AS MATERIALIZED (
  SELECT coalesce($22::timestamptz, clock_timestamp()) AS now, pg_current_xact_id() AS transaction
),$locked
wanted AS MATERIALIZED (
  SELECT unit, stream, type, expected, version
  FROM clock, unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::uuid[])
    WITH ORDINALITY AS w (stream, type, expected, version, after, unit)
  WHERE true$conditions
),
advanced AS (
  INSERT INTO streams AS s (stream, type, version, expected)
  SELECT stream, type, version, expected FROM wanted WHERE version > 0 ORDER BY stream COLLATE "C"
  ON CONFLICT (stream) DO UPDATE SET version = excluded.version, expected = excluded.expected
  WHERE s.version = excluded.expected
  -- A stream that was just made (`xmax = 0`), but expected to be there: an error, so that nothing of it is written.
  RETURNING stream, CASE WHEN xmax = 0 AND expected > 0 THEN 1 / (expected - expected) END AS sound
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
