INSERT INTO timers (id, due, payload) SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[])
ON CONFLICT (id) DO UPDATE SET due = excluded.due, payload = excluded.payload
