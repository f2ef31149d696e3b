,
moved AS (
  UPDATE positions AS p SET pos = m.to_pos, epoch = m.to_epoch, log_offset = m.to_offset
  FROM moves AS m JOIN won USING (unit)
  WHERE p.consumer = m.consumer AND p.topic = m.topic AND p.source = m.source AND p.partition = m.partition
    AND m.from_pos IS NOT NULL
),
begun AS (
  INSERT INTO positions (consumer, topic, source, partition, pos, epoch, log_offset)
  SELECT consumer, topic, source, partition, to_pos, to_epoch, to_offset FROM moves JOIN won USING (unit)
  WHERE from_pos IS NULL
)
