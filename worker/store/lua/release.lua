-- ARGV: lock, account, token, places, ghost until ms (0: none), quiet until ms (0: no), may go on (0/1), facts ('': as they are),
-- when to read the audit trail at the latest (0, or none: no matter), ms by which it gives way to arrivals.
-- Ends a visit, or goes on with it where something is due. Returns {now, locks to wake, refs to go on with}.
local lock, account, token = ARGV[1], ARGV[2], ARGV[3]
local places, ghost, quiet = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local now, woken = clock(), {}
local door = door_of(lock)
if redis.call('GET', PREFIX .. 'lease:' .. door) ~= token then return {now, woken, {}} end
if ARGV[8] ~= '' then redis.call('SET', PREFIX .. 'lock:' .. door, ARGV[8]) end
local trail = tonumber(ARGV[9] or 0)
if trail > 0 and redis.call('ZADD', PREFIX .. 'due:' .. lock, 'LT', 'CH', trail, '#trail') == 1 then
  redis.call('ZADD', PREFIX .. 'deadline:' .. lock, trail + ARGV[10], '#trail')
end
if ARGV[7] == '1' then
  local refs = redis.call('ZRANGEBYSCORE', PREFIX .. 'due:' .. lock, '-inf', now, 'LIMIT', 0, BATCH)
  if #refs > 0 then return {now, woken, refs} end
end
redis.call('DEL', PREFIX .. 'lease:' .. door)
redis.call('ZREM', PREFIX .. 'window:' .. account, lock)
if ghost > now then redis.call('ZADD', PREFIX .. 'window:' .. account, ghost, lock .. '#' .. token) end
if quiet > now then redis.call('SET', PREFIX .. 'quiet:' .. door, '1', 'PXAT', quiet) end
place(lock, account, now)
for _, other in ipairs(redis.call('SMEMBERS', PREFIX .. 'next:' .. door)) do place(other, account, now) end
redis.call('DEL', PREFIX .. 'next:' .. door)
admit(account, places, now, woken)
return {now, woken, {}}
