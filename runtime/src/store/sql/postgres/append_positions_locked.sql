
moves AS MATERIALIZED (
  SELECT * FROM $arrays
    AS m (unit, consumer, topic, source, partition, from_pos, from_epoch, from_offset, to_pos, to_epoch, to_offset)
),
stood AS MATERIALIZED (
  SELECT p.consumer, p.topic, p.source, p.partition, p.pos, p.epoch, p.log_offset
  FROM moves AS m JOIN positions AS p USING (consumer, topic, source, partition)
  ORDER BY p.consumer, p.topic, p.source, p.partition FOR UPDATE OF p
),
