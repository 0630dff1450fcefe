-- KEYS: event, inbox, seen, pending of the stay, what was said last of the stay.
-- ARGV: id, body, event key, seconds to remember, 1 where the id is made of the contents.
-- Returns {1 if the event is new, 0 if it was seen before; now}.
local now = clock()
if ARGV[5] == '1' then
  if redis.call('GET', KEYS[5]) == ARGV[1] then return {0, now} end
  redis.call('SET', KEYS[5], ARGV[1], 'EX', ARGV[4])
elseif redis.call('ZADD', KEYS[3], 'NX', now, ARGV[1]) == 0 then
  return {0, now}
else
  -- What was said last is not told by this id: the same contents as before it are news again.
  redis.call('DEL', KEYS[5])
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[3])
redis.call('SADD', KEYS[4], ARGV[3])
return {1, now}
