-- `0 +`: at a bare parameter SQLite looks into the limit's value, and prepares the statement again whenever it is bound.
SELECT pos, stream, version, event_id, type, schema_version, entered, private, data, meta, at
FROM events WHERE pos > $1 ORDER BY pos LIMIT 0 + $2
