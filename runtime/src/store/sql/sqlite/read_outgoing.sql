SELECT pos, id, receiver, key, body, meta, at FROM outgoing WHERE pos > $1 ORDER BY pos LIMIT 0 + $2
