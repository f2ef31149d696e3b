UPDATE positions SET pos = moved.pos, epoch = moved.epoch, log_offset = moved.log_offset
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[])
  AS moved (consumer, topic, source, partition, pos, epoch, log_offset)
WHERE positions.consumer = moved.consumer AND positions.topic = moved.topic AND positions.source = moved.source
  AND positions.partition = moved.partition
