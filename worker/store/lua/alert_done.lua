-- ARGV: JSON {problem, now, moves: [[row, state seen, next state or '']], mailed: bool}.
-- Moves each row that is still as it was seen, and keeps the problem due where something came meanwhile.
local input = cjson.decode(ARGV[1])
local name = PREFIX .. 'alert:' .. input.problem
for _, move in ipairs(input.moves) do
  if redis.call('HGET', name, move[1]) == move[2] then
    if move[3] == '' then redis.call('HDEL', name, move[1]) else redis.call('HSET', name, move[1], move[3]) end
  end
end
redis.call('HDEL', name, '#fails')
redis.call('PERSIST', name)
if input.mailed then redis.call('HSET', name, '#mailed-at', string.format('%.0f', input.now)) end
local left, owed = 0, false
local rows = redis.call('HGETALL', name)
for i = 1, #rows, 2 do
  if string.sub(rows[i], 1, 1) ~= '#' then
    left = left + 1
    if rows[i + 1] == 'new' or rows[i + 1] == 'cleared' then owed = true end
  end
end
if owed then
  redis.call('ZADD', PREFIX .. 'alerts', input.now, input.problem)
else
  redis.call('ZREM', PREFIX .. 'alerts', input.problem)
  -- What is told once leaves no row; the next one is still gathered with it.
  if left == 0 and input.mailed then redis.call('EXPIRE', name, 3600) elseif left == 0 then redis.call('DEL', name) end
end
return 1
