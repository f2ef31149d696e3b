,
sent AS (
  INSERT INTO outgoing (id, receiver, key, body, meta, at)
  SELECT id, receiver, key, body, meta, now
  FROM $arrays WITH ORDINALITY AS m (unit, id, receiver, key, body, meta, number) JOIN won USING (unit), clock
  ORDER BY number
)
