INSERT INTO outgoing (id, receiver, key, body, meta, at)
SELECT id, receiver, key, body, meta, $6
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
  WITH ORDINALITY AS m (id, receiver, key, body, meta, number)
ORDER BY number
