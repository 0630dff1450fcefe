-- ARGV: JSON {places: {account: n}, locks: {lock: account}}. A lock with entries that stands nowhere gets its place back.
local input = cjson.decode(ARGV[1])
local now, woken = clock(), {}
for lock, account in pairs(input.locks) do
  local known = redis.call('ZSCORE', PREFIX .. 'due', lock)
    or redis.call('ZSCORE', PREFIX .. 'line:' .. account, lock)
    or redis.call('ZSCORE', PREFIX .. 'window:' .. account, lock)
  if not known and redis.call('EXISTS', PREFIX .. 'due:' .. lock) == 1 then place(lock, account, now) end
end
for account, places in pairs(input.places) do admit(account, places, now, woken) end
return {now, woken}
