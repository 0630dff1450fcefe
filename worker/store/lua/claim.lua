-- ARGV: lock, account, token, lease ms, most refs. Turns the lock's wake-up into a lease.
-- Returns {} or {now, quiet ms left, paused, facts, slots, refs, records, offline refs}.
local lock, account, token, lease_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local now, window = clock(), PREFIX .. 'window:' .. account
local door = door_of(lock)
local held = redis.call('GET', PREFIX .. 'lease:' .. door)
if held and held ~= token then
  -- The door is served under its other name: this one waits without a place, and is put in line as that visit ends.
  if (string.match(held, '^(.-)/') or door) ~= lock then
    redis.call('ZREM', window, lock)
    redis.call('SADD', PREFIX .. 'next:' .. door, lock)
  end
  return {}
end
if not redis.call('ZSCORE', window, lock) then return {} end
local refs = redis.call('ZRANGEBYSCORE', PREFIX .. 'due:' .. lock, '-inf', now, 'LIMIT', 0, BATCH)
-- A person who waits for this door goes first.
if #refs == 0 or redis.call('EXISTS', PREFIX .. 'wanted:' .. door) == 1 then
  redis.call('ZREM', window, lock)
  place(lock, account, now)
  return {}
end
local most = tonumber(ARGV[5])
if #refs > most then
  -- The most urgent ones; the others are served when these are done.
  local rank = {}
  local deadlines = redis.call('ZMSCORE', PREFIX .. 'deadline:' .. lock, unpack(refs))
  for i, ref in ipairs(refs) do rank[ref] = tonumber(deadlines[i] or now) end
  table.sort(refs, function(a, b) return rank[a] < rank[b] end)
  for i = #refs, most + 1, -1 do refs[i] = nil end
end
redis.call('SET', PREFIX .. 'lease:' .. door, token, 'PX', lease_ms)
redis.call('ZADD', window, now + lease_ms + OUTLAST_MS, lock)
redis.call('ZREM', PREFIX .. 'due', lock)
for _, ref in ipairs(redis.call('ZRANGE', PREFIX .. 'waiting:' .. lock, 0, WAITERS - 1)) do refs[#refs + 1] = ref end
local names = {}
for i, ref in ipairs(refs) do names[i] = PREFIX .. 'stay:' .. ref end
return {
  now,
  redis.call('PTTL', PREFIX .. 'quiet:' .. door),
  redis.call('EXISTS', PREFIX .. 'paused:' .. account),
  redis.call('GET', PREFIX .. 'lock:' .. door) or '',
  redis.call('HGETALL', PREFIX .. 'slots:' .. lock),
  refs,
  redis.call('MGET', unpack(names)),
  redis.call('SMEMBERS', PREFIX .. 'offline:' .. lock),
}
