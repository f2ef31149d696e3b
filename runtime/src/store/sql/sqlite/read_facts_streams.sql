SELECT stream, version FROM streams WHERE stream IN (SELECT value FROM json_each($1))
