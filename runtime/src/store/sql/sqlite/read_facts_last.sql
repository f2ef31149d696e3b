SELECT (SELECT coalesce(max(pos), 0) FROM events), (SELECT coalesce(max(pos), 0) FROM outgoing)
