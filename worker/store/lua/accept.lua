-- KEYS: event, inbox, seen, pending of the stay. ARGV: id, body, event key. Returns 1 if the event is new, 0 if it was seen before.
local now = clock()
if redis.call('ZADD', KEYS[3], 'NX', now, ARGV[1]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[3])
redis.call('SADD', KEYS[4], ARGV[3])
return 1
