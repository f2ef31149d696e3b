SELECT stream, version FROM streams WHERE stream = ANY($1) ORDER BY stream FOR UPDATE
