SELECT claims.constraint_name, claims.value, claims.stream
FROM unnest($1::text[], $2::text[]) AS wanted (name, value)
JOIN claims ON claims.constraint_name = wanted.name AND claims.value = wanted.value
