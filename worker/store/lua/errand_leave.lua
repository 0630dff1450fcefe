-- KEYS: lease, pause and timetable of the source. ARGV: source, token. Gives the lease back, and puts the source where it belongs.
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if not first[1] then
  redis.call('ZREM', PREFIX .. 'errands', ARGV[1])
  return 1
end
local paused = math.max(redis.call('PTTL', KEYS[2]), 0)
redis.call('ZADD', PREFIX .. 'errands', math.max(tonumber(first[2]), clock() + paused), ARGV[1])
return 1
