SELECT stream, events.event_id FROM streams JOIN events USING (stream, version) WHERE stream = ANY($1)
