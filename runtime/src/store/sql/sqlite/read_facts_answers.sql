SELECT command_id, request_hash, saga, answer FROM answers
WHERE command_id IN (SELECT unhex(value) FROM json_each($1))
