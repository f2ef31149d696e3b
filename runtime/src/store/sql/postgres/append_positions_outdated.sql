
    AND unit <> ALL (ARRAY(
      SELECT m.unit FROM moves AS m LEFT JOIN stood USING (consumer, topic, source, partition)
      WHERE (stood.pos, stood.epoch, stood.log_offset) IS DISTINCT FROM (m.from_pos, m.from_epoch, m.from_offset)))
