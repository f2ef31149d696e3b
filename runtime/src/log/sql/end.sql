SELECT max(log_offset)
FROM messages
WHERE topic = ?1
