INSERT INTO streams AS s (stream, type, version, expected)
SELECT stream, type, version, expected
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS wanted (stream, type, version, expected)
ORDER BY stream COLLATE "C"
ON CONFLICT (stream) DO UPDATE SET version = excluded.version, expected = excluded.expected
WHERE s.version = excluded.expected
