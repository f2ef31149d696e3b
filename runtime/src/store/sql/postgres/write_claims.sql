INSERT INTO claims (constraint_name, value, stream)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
ON CONFLICT (constraint_name, value) DO UPDATE SET stream = excluded.stream
