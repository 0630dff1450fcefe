-- KEYS: lease and pause of the source. ARGV: source, token, lease ms. 1 for exactly one of those who ask, if it is not paused.
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
if not redis.call('SET', KEYS[1], ARGV[2], 'NX', 'PX', ARGV[3]) then return 0 end
redis.call('ZADD', PREFIX .. 'errands', clock() + ARGV[3], ARGV[1])
return 1
