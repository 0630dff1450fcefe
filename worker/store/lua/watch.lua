-- ARGV: most, ms. Hands out stays that are to be looked at, each again after so long unless it was written meanwhile.
local now = clock()
local refs = redis.call('ZRANGEBYSCORE', PREFIX .. 'watch', '-inf', now, 'LIMIT', 0, ARGV[1])
for _, ref in ipairs(refs) do redis.call('ZADD', PREFIX .. 'watch', now + ARGV[2], ref) end
return refs
