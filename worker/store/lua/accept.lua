-- KEYS: event, inbox, seen, pending of the stay; where ids are made of contents: what was said last of the stay.
-- ARGV: id, body, event key, seconds to remember. Returns {1 if the event is new, 0 if it was seen before; now}.
local now = clock()
if KEYS[5] then
  if redis.call('GET', KEYS[5]) == ARGV[1] then return {0, now} end
  redis.call('SET', KEYS[5], ARGV[1], 'EX', ARGV[4])
elseif redis.call('ZADD', KEYS[3], 'NX', now, ARGV[1]) == 0 then
  return {0, now}
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[3])
redis.call('SADD', KEYS[4], ARGV[3])
return {1, now}
