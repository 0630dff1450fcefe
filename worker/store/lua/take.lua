-- ARGV: account, token, ms, places or -1, ms of the place. Takes the fetch of a new key, for one of those who ask,
-- and a place of the window with it (unless -1: the asker holds one). Returns {now, 1 or 0}.
local account, token, places = ARGV[1], ARGV[2], tonumber(ARGV[4])
local name, window, now = PREFIX .. 'refreshing:' .. account, PREFIX .. 'window:' .. account, clock()
local holder = redis.call('GET', name)
if holder == token then return {now, 1} end
if holder then return {now, 0} end
if places >= 0 then
  if redis.call('ZCARD', window) >= places then return {now, 0} end
  redis.call('ZADD', window, now + ARGV[5], 'key#' .. token)
end
redis.call('SET', name, token, 'PX', ARGV[3])
return {now, 1}
