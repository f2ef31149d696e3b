SELECT count(*)
FROM sqlite_schema
WHERE name NOT IN ('topics', 'messages', 'messages_of_topic') AND name NOT LIKE 'sqlite_%'
