SELECT pg_advisory_xact_lock(lock) FROM (
  SELECT DISTINCT hashtextextended(name || ' ' || value, 1) AS lock FROM unnest($1::text[], $2::text[]) AS wanted (name, value)
  ORDER BY lock
) AS locks
