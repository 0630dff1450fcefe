-- What the scripts share. Times are milliseconds of Redis' own clock, so that no host's clock matters.
local PREFIX = 'innkey:'
local WAKE_MS = 15000     -- a wake-up is a lease itself: so long it holds a place for its lock
local OUTLAST_MS = 20     -- a place ends after its lease: who is woken by its end finds the lease gone
local PROBE_MS = 30000    -- a paused account is probed this often
local BATCH = 1000
local WAITERS = 100       -- so many stays that wait for a slot are looked at with each that frees: a lock has no more slots

local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- A lock's tags go by a name of their own, and share the door: its lease, its quiet time, its facts.
local function door_of(lock) return (string.gsub(lock, '~rfid$', '')) end

local function account_of(accounts, lock, fallback) return accounts[lock] or accounts[door_of(lock)] or fallback end

-- The most urgent of the lock's due entries; a removal that an arrival waits for has that arrival's urgency.
local function urgency(lock, now)
  local refs = redis.call('ZRANGEBYSCORE', PREFIX .. 'due:' .. lock, '-inf', now, 'LIMIT', 0, BATCH)
  if #refs == 0 then return nil end
  local best = nil
  for _, score in ipairs(redis.call('ZMSCORE', PREFIX .. 'deadline:' .. lock, unpack(refs))) do
    local value = tonumber(score or now)
    if best == nil or value < best then best = value end
  end
  local waiting = redis.call('ZRANGE', PREFIX .. 'waiting:' .. lock, 0, 0, 'WITHSCORES')
  if waiting[2] and tonumber(waiting[2]) < best then best = tonumber(waiting[2]) end
  return best
end

-- Puts the lock where it belongs: in the line if something is due, else back on the timetable.
local function place(lock, account, now)
  local due = redis.call('ZRANGE', PREFIX .. 'due:' .. lock, 0, 0, 'WITHSCORES')
  if not due[1] then
    redis.call('ZREM', PREFIX .. 'due', lock)
    redis.call('ZREM', PREFIX .. 'line:' .. account, lock)
  elseif tonumber(due[2]) > now then
    redis.call('ZADD', PREFIX .. 'due', due[2], lock)
    redis.call('ZREM', PREFIX .. 'line:' .. account, lock)
  else
    redis.call('ZADD', PREFIX .. 'line:' .. account, urgency(lock, now), lock)
    redis.call('ZREM', PREFIX .. 'due', lock)
  end
end

-- Gives free places of the window to the head of the line; returns the locks to wake. Each person who waits keeps one.
local function admit(account, places, now, woken)
  local window, line = PREFIX .. 'window:' .. account, PREFIX .. 'line:' .. account
  -- While one worker fetches a new key the others wait without a thread; the tick comes back to them.
  if redis.call('EXISTS', PREFIX .. 'refreshing:' .. account) == 1 then return end
  local paused = redis.call('EXISTS', PREFIX .. 'paused:' .. account) == 1
  local persons = redis.call('ZCOUNT', PREFIX .. 'hand:' .. account, now, '+inf')
  local free = places - redis.call('ZCARD', window) - persons
  while free > 0 do
    local head = redis.call('ZRANGE', line, 0, 0)
    if not head[1] then return end
    if paused then
      local probe = redis.call('SET', PREFIX .. 'probe:' .. account, '1', 'NX', 'PX', PROBE_MS)
      if not probe then return end
    end
    redis.call('ZREM', line, head[1])
    redis.call('ZADD', window, now + WAKE_MS, head[1])
    woken[#woken + 1] = head[1]
    free = free - 1
  end
end
