-- ARGV: account, token, places, ms, lock or ''. A place of the window for a person's call, and with a lock that lock's lease.
-- Asked again with the same token it is prolonged. Returns {now, 'ours' or what is in the way, quiet ms left}.
local account, token, places, ms, lock = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local now, window = clock(), PREFIX .. 'window:' .. account
local holder = lock == '' and 'hand#' .. token or lock
local quiet = lock == '' and 0 or redis.call('PTTL', PREFIX .. 'quiet:' .. lock)
if lock ~= '' then
  local held = redis.call('GET', PREFIX .. 'lease:' .. lock)
  if held and held ~= token then return {now, 'busy', quiet} end
end
-- A lock that was woken and not yet claimed has its place already. One whose time has run out is free.
if tonumber(redis.call('ZSCORE', window, holder) or 0) < now then
  if redis.call('ZCOUNT', window, now, '+inf') >= places then return {now, 'full', quiet} end
end
redis.call('ZADD', window, now + ms + OUTLAST_MS, holder)
if lock ~= '' then
  redis.call('SET', PREFIX .. 'lease:' .. lock, token, 'PX', ms)
  redis.call('ZREM', PREFIX .. 'due', lock)
  redis.call('ZREM', PREFIX .. 'line:' .. account, lock)
end
return {now, 'ours', quiet}
