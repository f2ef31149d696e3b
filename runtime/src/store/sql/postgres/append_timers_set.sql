,
set AS (
  INSERT INTO timers (id, due, payload)
  SELECT id, due, payload FROM $arrays AS t (unit, id, due, payload) JOIN won USING (unit) ORDER BY id
  ON CONFLICT (id) DO UPDATE SET due = excluded.due, payload = excluded.payload
)
