SELECT stream, events.event_id FROM streams JOIN events USING (stream, version)
WHERE stream IN (SELECT value FROM json_each($1))
