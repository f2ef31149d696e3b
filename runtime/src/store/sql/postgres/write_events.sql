INSERT INTO events (stream, version, type, schema_version, event_id, entered, private, tenant, data, meta, at, recorded_at)
SELECT stream, version, type, schema_version, event_id, entered, private, tenant, data, meta, at, $12
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::integer[], $5::uuid[], $6::text[], $7::boolean[], $8::text[], $9::text[],
            $10::text[], $11::timestamptz[])
  WITH ORDINALITY AS e (stream, version, type, schema_version, event_id, entered, private, tenant, data, meta, at, number)
ORDER BY number
RETURNING pos
