SELECT consumer, topic, source, partition, pos, epoch, log_offset FROM positions
WHERE consumer IN (SELECT value FROM json_each($1))
