-- ARGV: problem, now ms, until ms. Takes a due problem until then; 1 for exactly one of those who ask.
local score = redis.call('ZSCORE', PREFIX .. 'alerts', ARGV[1])
if not score or tonumber(score) > tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', PREFIX .. 'alerts', ARGV[3], ARGV[1])
return 1
