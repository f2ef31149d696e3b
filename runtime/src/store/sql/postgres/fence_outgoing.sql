SELECT coalesce((SELECT max(pos) FROM outgoing), 0), pg_current_xact_id()::text::bigint
