DELETE FROM claims USING unnest($1::text[], $2::text[]) AS released (name, value)
WHERE claims.constraint_name = released.name AND claims.value = released.value
