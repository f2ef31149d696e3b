-- What nearly every group needs, in one trip: the lock, the newest positions, which commands were answered, where the streams stand.
BEGIN IMMEDIATE;
SELECT (SELECT coalesce(max(pos), 0) FROM events), (SELECT coalesce(max(pos), 0) FROM outgoing);
SELECT command_id, request_hash, saga, answer FROM answers
WHERE command_id IN (SELECT unhex(value) FROM json_each($1));
SELECT stream, version FROM streams WHERE stream IN (SELECT value FROM json_each($2))
