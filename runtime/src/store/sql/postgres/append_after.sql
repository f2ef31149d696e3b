
    AND (after IS NULL OR EXISTS (
      SELECT FROM events WHERE events.stream = w.stream AND events.version = w.expected AND events.event_id = w.after))
