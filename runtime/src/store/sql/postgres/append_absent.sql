
    AND (version > 0 OR NOT EXISTS (SELECT FROM streams WHERE streams.stream = w.stream))
