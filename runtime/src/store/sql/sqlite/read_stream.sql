SELECT pos, stream, version, event_id, type, schema_version, entered, private, data, meta, at
FROM events WHERE stream = $1 AND version > $2 ORDER BY version LIMIT 0 + $3
