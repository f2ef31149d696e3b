SELECT log_offset, message
FROM messages
WHERE topic = ?1 AND log_offset > ?2
ORDER BY log_offset
LIMIT 0 + ?3
