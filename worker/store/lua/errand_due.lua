-- ARGV: most, ms. Hands out sources with errands due, each again after so long unless somebody takes it.
local now = clock()
local found = redis.call('ZRANGEBYSCORE', PREFIX .. 'errands', '-inf', now, 'LIMIT', 0, ARGV[1])
for _, source in ipairs(found) do redis.call('ZADD', PREFIX .. 'errands', now + ARGV[2], source) end
return found
