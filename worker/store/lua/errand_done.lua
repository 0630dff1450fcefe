-- KEYS: lease, timetable, news and failures of the source. ARGV: token, errand, its news as it was begun, ms of the next time or -1.
-- What was heard meanwhile leaves the errand due. Returns 1, or 0 where the lease is gone.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[4], ARGV[2], '#split:' .. ARGV[2])
if (redis.call('HGET', KEYS[3], ARGV[2]) or '0') ~= ARGV[3] then return 1 end
redis.call('HDEL', KEYS[3], ARGV[2])
if ARGV[4] == '-1' then redis.call('ZREM', KEYS[2], ARGV[2]) else redis.call('ZADD', KEYS[2], ARGV[4], ARGV[2]) end
return 1
