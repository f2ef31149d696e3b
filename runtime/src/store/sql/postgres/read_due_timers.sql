WITH clock AS MATERIALIZED (SELECT coalesce($1::timestamptz, clock_timestamp()) AS now)
(SELECT now, id, due, payload FROM clock, timers WHERE due <= now ORDER BY due, id LIMIT $2)
UNION ALL
(SELECT now, NULL, due, NULL FROM clock, timers WHERE due > now ORDER BY due LIMIT 1)
