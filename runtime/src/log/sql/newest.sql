SELECT max(pos)
FROM messages
WHERE source = ?1 AND epoch = ?2 AND topic = ?3
