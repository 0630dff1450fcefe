-- ARGV: JSON {places: {account: n}, locks: {lock: account}, fallback: account}. A lock with entries that stands nowhere gets its place back.
local input = cjson.decode(ARGV[1])
local now, woken = clock(), {}
-- A lock that moved to another account while it stood in line stands in the wrong one.
for account, _ in pairs(input.places) do
  for _, lock in ipairs(redis.call('ZRANGE', PREFIX .. 'line:' .. account, 0, -1)) do
    local right = account_of(input.locks, lock, input.fallback)
    if right ~= account then
      redis.call('ZREM', PREFIX .. 'line:' .. account, lock)
      place(lock, right, now)
    end
  end
end
for door, account in pairs(input.locks) do
  for _, lock in ipairs({door, door .. '~rfid'}) do
    local known = redis.call('ZSCORE', PREFIX .. 'due', lock)
      or redis.call('ZSCORE', PREFIX .. 'line:' .. account, lock)
      or redis.call('ZSCORE', PREFIX .. 'window:' .. account, lock)
    if not known and redis.call('EXISTS', PREFIX .. 'due:' .. lock) == 1 then place(lock, account, now) end
  end
end
for account, places in pairs(input.places) do admit(account, places, now, woken) end
return {now, woken}
