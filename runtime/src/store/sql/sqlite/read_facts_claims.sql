SELECT claims.constraint_name, claims.value, claims.stream
FROM json_each($1) AS wanted
CROSS JOIN claims ON claims.constraint_name = wanted.value ->> 0 AND claims.value = wanted.value ->> 1
