,
cleared AS (
  DELETE FROM timers USING $arrays AS t (unit, timer) JOIN won USING (unit) WHERE timers.id = t.timer
)
