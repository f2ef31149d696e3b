SELECT coalesce((SELECT max(pos) FROM events), 0), pg_current_xact_id()::text::bigint
