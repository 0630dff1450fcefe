-- KEYS: lease, timetable and news of the source. ARGV: source, token, lease ms, most. Renews the lease.
-- Returns {errand, its news, ...} of those due, or false where the lease is gone.
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return false end
local now = clock()
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZADD', PREFIX .. 'errands', now + ARGV[3], ARGV[1])
local found = {}
for _, errand in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[4])) do
  found[#found + 1] = errand
  found[#found + 1] = redis.call('HGET', KEYS[3], errand) or '0'
end
return found
