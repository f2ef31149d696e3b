SELECT pos, stream, version, event_id, type, schema_version, entered, private, data, meta, at
FROM events WHERE pos > $1 ORDER BY pos LIMIT $2
