INSERT INTO answers (command_id, request_hash, saga, answer, at)
SELECT command_id, request_hash, saga, answer, $5
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[]) AS a (command_id, request_hash, saga, answer)
