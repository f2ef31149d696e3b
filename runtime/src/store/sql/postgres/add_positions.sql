INSERT INTO positions (consumer, topic, source, partition, pos, epoch, log_offset)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[])
