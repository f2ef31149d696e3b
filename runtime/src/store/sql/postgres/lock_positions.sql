SELECT consumer, topic, source, partition, pos, epoch, log_offset FROM positions
WHERE consumer = ANY($1) ORDER BY consumer, topic, source, partition FOR UPDATE
