-- ARGV: account, token, places, ms, lock or '', ms that the asker is known to wait (0: it does not matter to others).
-- A place of the window for a person's call, and with a lock that lock's lease. Asked again with the same token it is prolonged.
-- While it is not given, a place is kept for the next one that becomes free, and the lock's visit ends after the call in flight.
-- Returns {now, 'ours' or what is in the way, quiet ms left}.
local account, token, places, ms, lock = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local wait = tonumber(ARGV[6])
local now, window, hand = clock(), PREFIX .. 'window:' .. account, PREFIX .. 'hand:' .. account
local holder = lock == '' and 'hand#' .. token or lock
local quiet = lock == '' and 0 or redis.call('PTTL', PREFIX .. 'quiet:' .. lock)

local function not_yet(what)
  if wait > 0 then
    redis.call('ZADD', hand, now + wait, token)
    redis.call('PEXPIRE', hand, wait)
    if lock ~= '' then redis.call('SET', PREFIX .. 'wanted:' .. lock, '1', 'PX', wait) end
  end
  return {now, what, quiet}
end

if lock ~= '' then
  local held = redis.call('GET', PREFIX .. 'lease:' .. lock)
  if held and held ~= token then return not_yet('busy') end
end
-- A lock that was woken and not yet claimed has its place already. One whose time has run out is free.
if tonumber(redis.call('ZSCORE', window, holder) or 0) < now then
  if redis.call('ZCOUNT', window, now, '+inf') >= places then return not_yet('full') end
end
redis.call('ZADD', window, now + ms + OUTLAST_MS, holder)
redis.call('ZREM', hand, token)
if lock ~= '' then
  redis.call('SET', PREFIX .. 'lease:' .. lock, token, 'PX', ms)
  redis.call('DEL', PREFIX .. 'wanted:' .. lock)
  redis.call('ZREM', PREFIX .. 'due', lock)
  redis.call('ZREM', PREFIX .. 'line:' .. account, lock)
end
return {now, 'ours', quiet}
