-- Several keys change together, or none. ARGV: JSON {already: [key, value] or null, guards: [[key, value or '']],
-- vacant: [[hash, field, owner]], commands: [[...]], freed: [[hash, field, owner]],
-- agenda: [[lock, account, ref, due or -1, deadline]], called_in: [[lock, account]], lease: [lock, account, ms] or null, places: {account: n}}.
-- Returns {now, 0 or 1 + the guard that failed, locks to wake}.
local plan = cjson.decode(ARGV[1])
local now, woken = clock(), {}

if plan.already then
  -- A client that lost the answer sends the script again: what is written already is no conflict.
  if redis.call('GET', plan.already[1]) == plan.already[2] then return {now, 0, woken} end
end
for i, guard in ipairs(plan.guards) do
  if (redis.call('GET', guard[1]) or '') ~= guard[2] then return {now, i, woken} end
end
for _, row in ipairs(plan.vacant) do
  local owner = redis.call('HGET', row[1], row[2])
  if owner and owner ~= row[3] then return {now, -1, woken} end
end

for _, row in ipairs(plan.freed) do
  if redis.call('HGET', row[1], row[2]) == row[3] then redis.call('HDEL', row[1], row[2]) end
end
for _, command in ipairs(plan.commands) do redis.call(unpack(command)) end
if plan.lease then
  local lock, account, ms = plan.lease[1], plan.lease[2], plan.lease[3]
  redis.call('PEXPIRE', PREFIX .. 'lease:' .. door_of(lock), ms)
  redis.call('ZADD', PREFIX .. 'window:' .. account, 'XX', now + ms + OUTLAST_MS, lock)
end

local touched = {}
for _, row in ipairs(plan.agenda) do
  local lock, account, ref, due, deadline = row[1], row[2], row[3], row[4], row[5]
  if due < 0 then
    redis.call('ZREM', PREFIX .. 'due:' .. lock, ref)
    redis.call('ZREM', PREFIX .. 'deadline:' .. lock, ref)
  else
    redis.call('ZADD', PREFIX .. 'due:' .. lock, due, ref)
    redis.call('ZADD', PREFIX .. 'deadline:' .. lock, deadline, ref)
  end
  -- A lock that is being served, or about to be, is put in its place when that visit ends.
  if not redis.call('ZSCORE', PREFIX .. 'window:' .. account, lock) then
    place(lock, account, now)
    touched[account] = true
  end
end
-- A slot has become free: as many as a claim brings along look at it, whoever else is due.
for _, row in ipairs(plan.called_in) do
  local lock, account = row[1], row[2]
  for _, ref in ipairs(redis.call('ZRANGE', PREFIX .. 'waiting:' .. lock, 0, WAITERS - 1)) do
    redis.call('ZADD', PREFIX .. 'due:' .. lock, now, ref)
  end
  if not redis.call('ZSCORE', PREFIX .. 'window:' .. account, lock) then
    place(lock, account, now)
    touched[account] = true
  end
end
for account, _ in pairs(touched) do admit(account, plan.places[account] or 0, now, woken) end
return {now, 0, woken}
