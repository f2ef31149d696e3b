SELECT coalesce((SELECT max(pos) FROM events), 0), coalesce((SELECT max(pos) FROM outgoing), 0)
